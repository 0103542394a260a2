//! The promises of the contract, kept by every store and adapter.

use std::future::ready;

use tower_upstash::{
    store::{
        MemoryStore, SharedStore,
        conformance::{Fixture, check},
    },
    time::ManualClock,
};

fn memory() -> (MemoryStore, ManualClock) {
    let clock = ManualClock::default();
    let store = MemoryStore::builder()
        .clock(clock.clone())
        .max_value(1 << 16);
    (store.build(), clock)
}

async fn conforms(store: impl Into<SharedStore>, clock: ManualClock) {
    let fixture = Fixture::new(store, move |time| {
        clock.advance(time);
        ready(())
    });
    if let Err(violations) = check(&fixture).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test]
async fn memory_store_conforms() {
    let (store, clock) = memory();
    conforms(store, clock).await;
}
