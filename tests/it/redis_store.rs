//! The store over TCP, on a real server.

mod costs;
mod faults;
mod handshake;
mod log;
mod server;
mod setup;

use std::{future::ready, sync::Arc, time::Duration};

use local_upstash::RedisServer;
use tower_upstash::store::{
    MeteredStore, PrefixedStore, RedisStore, SharedStore,
    conformance::{self, Fixture},
};

async fn conforms<S: Into<SharedStore>>(adapt: impl FnOnce(RedisStore) -> S) {
    let redis = Arc::new(RedisServer::with_clock().await.unwrap());
    let store = RedisStore::builder(&redis.url()).time_limit(server::PATIENCE);
    let fixture = Fixture::new(adapt(store.build().unwrap()), move |time| {
        redis.advance(time + Duration::from_millis(5)); // its times to live are whole milliseconds
        ready(())
    });
    if let Err(violations) = conformance::check(&fixture).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test]
async fn redis_store_conforms() {
    conforms(|redis| redis).await;
}

#[tokio::test]
async fn redis_store_conforms_under_adapters() {
    conforms(|redis| PrefixedStore::new(MeteredStore::new(redis), "a:b%3A\0")).await;
}
