//! A server of axum that was started without its peer addresses.

use std::time::Duration;

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::MemoryStore,
};

use crate::heard::Heard;

// Everything runs on this thread, and so does the subscriber.
#[tokio::test]
async fn a_server_without_connect_info_answers_and_says_once_which_call_is_missing() {
    let heard = Heard::default();
    let _guard = tracing::subscriber::set_default(heard.clone());

    let limit = Limit::new("ip", Quota::fixed(2, Duration::from_secs(3600)));
    let layer = RateLimitLayer::new(MemoryStore::new()).limit(limit);
    let app = Router::new().route("/", get(async || "hello")).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.get(&url).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
    let heard = heard.texts();
    let [notice] = &heard[..] else {
        panic!("one notice, not {heard:?}");
    };
    assert!(
        notice.contains("into_make_service_with_connect_info::<SocketAddr>()"),
        "{notice}"
    );
}
