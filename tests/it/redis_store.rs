//! The store over TCP, on a real server.

mod costs;
mod faults;
mod log;
mod server;
mod setup;

use std::{sync::Arc, time::Duration};

use tower_upstash::store::{
    MeteredStore, PrefixedStore, RedisStore, SharedStore,
    conformance::{Fixture, PROMISES},
};

use self::server::Server;

async fn conforms<S: Into<SharedStore>>(adapt: impl FnOnce(RedisStore) -> S) {
    let server = Server::start().await;
    let fixture = Fixture::new(adapt(server.store()), |time| {
        tokio::time::sleep(time + Duration::from_millis(5))
    });
    let fixture = Arc::new(fixture);
    let mut violations = Vec::new();
    for promise in PROMISES {
        let fixture = Arc::clone(&fixture);
        match tokio::spawn(async move { promise.check(&fixture).await }).await {
            Ok(kept) => violations.extend(kept.err()),
            // TO BE REMOVED once `acquire` is there: until then, the promises that need it are left out.
            Err(failed) => {
                let panic = failed.into_panic();
                let text = panic.downcast_ref::<&str>().copied();
                assert_eq!(text, Some("not yet implemented"), "{promise:?}");
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[tokio::test]
async fn redis_store_conforms() {
    conforms(|redis| redis).await;
}

#[tokio::test]
async fn redis_store_conforms_under_adapters() {
    conforms(|redis| PrefixedStore::new(MeteredStore::new(redis), "a:b%3A\0")).await;
}
