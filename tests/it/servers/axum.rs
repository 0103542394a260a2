//! A server of axum that was started without its peer addresses.

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, routing::get};
use tokio::net::TcpListener;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::MemoryStore,
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Keeps the errors that it is told.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Visit for Heard {
    fn record_debug(&mut self, _: &Field, value: &dyn fmt::Debug) {
        self.0.lock().unwrap().push(format!("{value:?}"));
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

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
    let heard = heard.0.lock().unwrap();
    let [notice] = &**heard else {
        panic!("one notice, not {heard:?}");
    };
    assert!(
        notice.contains("into_make_service_with_connect_info::<SocketAddr>()"),
        "{notice}"
    );
}
