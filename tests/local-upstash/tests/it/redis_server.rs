//! The Redis process.

use local_upstash::{LocalUpstash, RedisServer};
use serde_json::json;

use crate::support::Site;

#[tokio::test]
async fn a_missing_program_is_named_with_what_to_install() {
    let error = RedisServer::binary("no-such-redis")
        .start()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no-such-redis") && error.contains("apt-get install redis-server"),
        "{error}"
    );
}

#[tokio::test]
async fn a_restart_loses_the_state_and_keeps_the_port() {
    let site = Site::start().await;
    site.result(json!(["SET", "k", "v"])).await;
    let (url, pid) = (site.redis.url(), site.redis.pid());
    site.redis.restart().await.unwrap();
    assert_eq!(site.redis.url(), url);
    assert_ne!(site.redis.pid(), pid);
    assert_eq!(site.result(json!(["GET", "k"])).await, json!(null));
}

#[tokio::test]
async fn a_dead_redis_is_a_500() {
    let site = Site::start().await;
    site.redis.kill();
    let (status, body) = site.run(json!(["GET", "k"])).await;
    assert_eq!(status, 500);
    assert!(body["error"].is_string());
}

#[tokio::test]
async fn it_is_reached_by_url_with_a_database_and_by_socket() {
    let redis = RedisServer::start().await.unwrap();
    assert!(redis.socket().exists());
    let server = LocalUpstash::builder()
        .redis_url(&format!("{}3", redis.url()))
        .start()
        .await;
    let server = server.unwrap();
    let url = format!("{}/set/k/v?_token=local", server.url());
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(url)
        .send()
        .await
        .unwrap();
    assert_eq!(
        format!("{:?}", redis.command(&["EXISTS", "k"]).await.unwrap()),
        "int(0)"
    );
}
