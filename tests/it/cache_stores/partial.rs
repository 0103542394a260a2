//! Stores of which only a part fails.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tower_upstash::{
    response_cache::ResponseCacheLayer,
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Members, MemoryStore,
        Position, Purge, Purges, Result, Scope, SharedStore, Store, Written,
    },
    time::ManualClock,
};

use super::site::{App, MINUTE, Told};

#[derive(Default)]
struct Failing {
    reads: AtomicBool,
    writes: AtomicBool,
    polls: AtomicBool,
    purges: AtomicBool,
}

/// A memory store that answers like one far away, and whose methods fail one by one.
#[derive(Clone)]
struct Partial {
    memory: MemoryStore,
    failing: Arc<Failing>,
}

impl Partial {
    fn or(&self, fails: &AtomicBool) -> Result<&MemoryStore> {
        if fails.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "down for a test"));
        }
        Ok(&self.memory)
    }
}

impl Store for Partial {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        tokio::task::yield_now().await;
        self.or(&self.failing.reads)?.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        tokio::task::yield_now().await;
        self.or(&self.failing.writes)?.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.memory.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.memory.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.memory.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        tokio::task::yield_now().await;
        self.or(&self.failing.purges)?.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        tokio::task::yield_now().await;
        self.or(&self.failing.polls)?.purges(log, since).await
    }
}

struct Cached {
    app: App,
    layer: ResponseCacheLayer,
    told: Told,
    failing: Arc<Failing>,
    clock: ManualClock,
}

fn cached() -> Cached {
    let clock = ManualClock::default();
    let memory = MemoryStore::builder().clock(clock.clone()).build();
    let failing = Arc::<Failing>::default();
    let store = Partial {
        memory,
        failing: Arc::clone(&failing),
    };
    let told = Told::default();
    let layer = ResponseCacheLayer::new(SharedStore::new(store)).clock(clock.clone());
    let app = App::new();
    app.header("cache-tag", "tag");
    Cached {
        app,
        layer: told.by(layer),
        told,
        failing,
        clock,
    }
}

fn set(fails: &AtomicBool, fail: bool) {
    fails.store(fail, Ordering::SeqCst);
}

#[tokio::test]
async fn a_store_that_fails_only_writes_serves_what_it_has_and_stores_nothing() {
    let Cached {
        app,
        layer,
        told,
        failing,
        ..
    } = cached();
    app.get(&layer, "/a").await;
    set(&failing.writes, true);
    assert!(app.get(&layer, "/a").await.is_hit());
    told.take();
    for calls in [2, 3] {
        assert_eq!(app.get(&layer, "/b").await.text(), format!("call {calls}"));
        assert_eq!(told.take(), ["miss", "store: Unavailable"]);
    }
    // What it should have invalidated, it has not: the client still has its answer.
    assert_eq!(app.post(&layer, "/a").await.text(), "call 4");
    assert_eq!(told.take(), ["store: Unavailable"]);
    set(&failing.writes, false);
    assert_eq!(app.get(&layer, "/b").await.text(), "call 5");
    assert!(app.get(&layer, "/b").await.is_hit());
}

/// Anything may have been purged: nothing is served or stored.
#[tokio::test]
async fn a_store_that_fails_only_polls_is_passed_by() {
    let Cached {
        app,
        layer,
        told,
        failing,
        ..
    } = cached();
    app.get(&layer, "/a").await;
    told.take();
    set(&failing.polls, true);
    for calls in [2, 3] {
        let answer = app.get(&layer, "/a").await;
        assert_eq!(answer.text(), format!("call {calls}"));
        assert_eq!(told.take(), ["store: Unavailable"]);
    }
    set(&failing.polls, false);
    assert_eq!(app.get(&layer, "/a").await.text(), "call 1");
}

#[tokio::test]
async fn within_its_lag_a_poll_that_would_fail_is_not_made() {
    let Cached {
        app,
        layer,
        failing,
        clock,
        ..
    } = cached();
    let layer = layer.purge_lag(MINUTE);
    app.get(&layer, "/a").await;
    set(&failing.polls, true);
    clock.advance(MINUTE);
    assert!(app.get(&layer, "/a").await.is_hit());
    clock.advance(MINUTE);
    assert_eq!(app.get(&layer, "/a").await.text(), "call 2");
    set(&failing.polls, false);
    assert!(app.get(&layer, "/a").await.is_hit());
}

#[tokio::test]
async fn a_store_that_fails_only_reads_is_passed_by() {
    let Cached {
        app,
        layer,
        told,
        failing,
        ..
    } = cached();
    app.get(&layer, "/a").await;
    told.take();
    set(&failing.reads, true);
    assert_eq!(app.get(&layer, "/a").await.text(), "call 2");
    assert_eq!(told.take(), ["store: Unavailable"]);
    set(&failing.reads, false);
    assert_eq!(app.get(&layer, "/a").await.text(), "call 1");
}

#[tokio::test]
async fn a_purge_that_failed_is_made_by_the_next_lookup_and_nothing_is_served_before() {
    let Cached {
        app,
        layer,
        told,
        failing,
        ..
    } = cached();
    app.get(&layer, "/a").await;
    set(&failing.purges, true);
    assert!(layer.handle().purge_tags(["tag"]).await.is_err());
    told.take();
    assert_eq!(app.get(&layer, "/a").await.text(), "call 2");
    assert_eq!(told.take(), ["store: Unavailable"]);
    set(&failing.purges, false);
    assert_eq!(app.get(&layer, "/a").await.text(), "call 3");
    assert!(app.get(&layer, "/a").await.is_hit());
}

/// What is stale may stand in for a service that fails, also where nothing new can be stored.
#[tokio::test]
async fn a_validation_that_cannot_be_written_is_answered() {
    let Cached {
        app,
        layer,
        told,
        failing,
        clock,
    } = cached();
    app.header("etag", "\"1\"");
    app.get(&layer, "/a").await;
    clock.advance(11 * MINUTE);
    set(&failing.writes, true);
    app.status(304);
    told.take();
    let answer = app.get(&layer, "/a").await;
    assert_eq!((answer.status, answer.text()), (200, "call 1"));
    assert!(told.take().contains(&"store: Unavailable".to_owned()));
}
