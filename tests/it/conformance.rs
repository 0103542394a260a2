//! The promises of the contract, kept by the memory store, by every adapter, and by adapters of adapters.

use std::{future::ready, time::Duration};

use tower_upstash::{
    store::{
        Batch, BreakerStore, Claim, Cursor, Decisions, Entries, Key, Limits, Members, MemoryStore,
        MeteredStore, Position, PrefixedStore, Purge, Purges, Result, Scope, SharedStore, Store,
        TimeLimitedStore, Written,
        conformance::{Fixture, check},
    },
    time::{ManualClock, Timer},
};

/// A store that never answers at once: it waits before it does something, and after.
struct Waiting<S>(S);

impl<S: Store> Waiting<S> {
    async fn around<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::task::yield_now().await;
        let result = call.await;
        tokio::task::yield_now().await;
        result
    }
}

impl<S: Store> Store for Waiting<S> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.around(self.0.read(keys)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.around(self.0.write(batch)).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.around(self.0.increment(key, by, ttl)).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.around(self.0.acquire(claims)).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.around(self.0.members(index, cursor)).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.around(self.0.purge(log, what)).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.around(self.0.purges(log, since)).await
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }
}

/// Checks what a memory store becomes under adapters.
async fn conforms<S: Into<SharedStore>>(adapt: impl FnOnce(MemoryStore) -> S) {
    let clock = ManualClock::default();
    let memory = MemoryStore::builder()
        .clock(clock.clone())
        .max_value(1 << 16);
    let fixture = Fixture::new(adapt(memory.build()), move |time| {
        clock.advance(time);
        ready(())
    });
    if let Err(violations) = check(&fixture).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test]
async fn memory_store_conforms() {
    conforms(|memory| memory).await;
}

#[tokio::test]
async fn shared_store_conforms_also_when_shared_again() {
    conforms(|memory| SharedStore::new(SharedStore::new(memory))).await;
}

#[tokio::test]
async fn prefixed_store_conforms() {
    conforms(|memory| PrefixedStore::new(memory, "staging")).await;
}

#[tokio::test]
async fn prefixed_store_conforms_under_odd_and_nested_prefixes() {
    conforms(|memory| PrefixedStore::new(memory, "")).await;
    conforms(|memory| {
        let outer = PrefixedStore::new(memory, "a:b%3A\0");
        PrefixedStore::new(outer, &"long".repeat(100))
    })
    .await;
}

#[tokio::test]
async fn metered_store_conforms() {
    conforms(MeteredStore::new).await;
}

#[tokio::test]
async fn prefixed_metered_store_conforms() {
    conforms(|memory| PrefixedStore::new(MeteredStore::new(memory), "staging")).await;
}

#[tokio::test]
async fn metered_prefixed_shared_store_conforms() {
    conforms(|memory| MeteredStore::new(PrefixedStore::new(SharedStore::new(memory), "p"))).await;
}

fn time_limited<S>(store: S) -> TimeLimitedStore<S> {
    TimeLimitedStore::new(store, Duration::from_secs(60), Timer::tokio())
}

#[tokio::test]
async fn time_limited_store_conforms() {
    conforms(time_limited).await;
    conforms(|memory| time_limited(Waiting(memory))).await;
}

#[tokio::test]
async fn breaker_store_conforms_however_soon_it_opens() {
    conforms(BreakerStore::new).await;
    conforms(|memory| BreakerStore::builder(memory).failures(1).build()).await;
    conforms(|memory| BreakerStore::builder(Waiting(memory)).failures(1).build()).await;
}

#[tokio::test]
async fn all_adapters_together_conform() {
    conforms(|memory| {
        let limited = time_limited(MeteredStore::new(Waiting(memory)));
        PrefixedStore::new(BreakerStore::new(limited), "p")
    })
    .await;
    conforms(|memory| {
        let inner = SharedStore::from(BreakerStore::new(PrefixedStore::new(memory, "p")));
        time_limited(MeteredStore::new(inner))
    })
    .await;
}

#[tokio::test]
async fn store_that_waits_conforms() {
    conforms(|memory| SharedStore::new(Waiting(memory))).await;
}

#[tokio::test]
async fn adapters_of_a_store_that_waits_conform() {
    conforms(|memory| MeteredStore::new(PrefixedStore::new(Waiting(memory), "p"))).await;
    conforms(|memory| PrefixedStore::new(SharedStore::new(Waiting(memory)), "p")).await;
}
