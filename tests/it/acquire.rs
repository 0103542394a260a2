//! Acquires on a real Redis: the same decisions as [`Quota::step`](tower_upstash::quota::Quota::step) makes.

mod clock;
mod costs;
mod foreign;
mod model;
mod processes;
pub(crate) mod random;
mod shared;
mod skew;
mod traces;

use std::time::Duration;

use tower_upstash::{store::RedisStore, time::Clock};

/// Opens a store that decides by a clock of the client, and shares limits by their names.
fn by_client(url: &str, clock: impl Clock, shared: &[(&str, &str)]) -> RedisStore {
    let store = RedisStore::builder(url)
        .time_limit(Duration::from_secs(5)) // for a busy machine
        .clock(clock)
        .client_clock();
    let store = shared.iter().fold(store, |store, (name, prefix)| {
        store.upstash_ratelimit(name, prefix)
    });
    store.build().unwrap()
}
