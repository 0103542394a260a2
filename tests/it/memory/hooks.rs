//! Code of others that is called in the middle of a call: it may panic, and it may call the store.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{Budgets, Claim, Decisions, Kind, MemoryStore, Scope, Store, Write},
    time::{Clock, ManualClock, Timestamp},
};

use super::{acquire, claims::left, limit};

fn tiny() -> Budgets {
    Budgets::default()
        .limits(0)
        .sessions(4096)
        .cache(4096)
        .data(4096)
}

/// Evicts limits and stored responses, and fills the sessions: whatever makes an event.
fn make_events(store: &MemoryStore, turn: u32) {
    let hour = Duration::from_secs(3600);
    for number in 0..8000 {
        let key = Scope::new(Kind::Limit, "flood").key(format!("{turn}:{number}").as_str());
        let mut decisions = Decisions::new();
        let _ = store.try_acquire(&[Claim::new(key, Quota::per_hour(2))], &mut decisions);
    }
    for kind in [Kind::Cache, Kind::Session] {
        for number in 0..10 {
            let key = Scope::new(kind, "test").key(format!("{turn}:{number}").as_str());
            let _ = store.try_write(&Write::put(key, vec![1; 1000], hour).into());
        }
    }
}

#[test]
fn a_hook_may_call_the_store() {
    let inner: Arc<OnceLock<MemoryStore>> = Arc::default();
    let (weak, calls, within) = (
        Arc::downgrade(&inner),
        Arc::new(AtomicU32::new(0)),
        AtomicBool::new(false),
    );
    let counter = Arc::clone(&calls);
    let store = MemoryStore::builder()
        .budgets(tiny())
        .on_event(move |_| {
            counter.fetch_add(1, Ordering::Relaxed);
            let inner = weak.upgrade();
            let Some(store) = inner.as_deref().and_then(OnceLock::get) else {
                return;
            };
            // What it does makes events too: it must not go on for ever.
            if !within.swap(true, Ordering::Relaxed) {
                acquire(
                    store,
                    &[Claim::new(limit("events"), Quota::per_second(1000))],
                );
                let key = Scope::new(Kind::Cache, "events").key("");
                let _ = store.try_write(&Write::put(key, "event", Duration::from_secs(1)).into());
                within.store(false, Ordering::Relaxed);
            }
        })
        .build();
    inner.set(store.clone()).unwrap();
    make_events(&store, 0);
    assert!(calls.load(Ordering::Relaxed) > 1000);
}

#[test]
fn a_hook_that_panics_leaves_the_store_usable() {
    let panics = Arc::new(AtomicBool::new(true));
    let armed = Arc::clone(&panics);
    let store = MemoryStore::builder()
        .budgets(tiny())
        .on_event(move |_| {
            assert!(
                !armed.load(Ordering::Relaxed),
                "the hook panics, as the test wants it"
            );
        })
        .build();
    let caught = (0..50)
        .filter(|turn| catch_unwind(AssertUnwindSafe(|| make_events(&store, *turn))).is_err());
    let caught = caught.count();
    assert_eq!(caught, 50);
    panics.store(false, Ordering::Relaxed);
    let quota = Quota::per_hour(2);
    let key = limit("after");
    assert!(acquire(&store, &[Claim::new(key.clone(), quota)]).allowed());
    assert_eq!(left(&store, &key, quota), 1);
    make_events(&store, 99);
}

struct Broken(ManualClock, AtomicU32);

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        assert!(
            !self.1.fetch_add(1, Ordering::Relaxed).is_multiple_of(3),
            "the clock panics, as the test wants it"
        );
        self.0.now()
    }
}

#[test]
fn a_clock_that_panics_leaves_the_store_usable() {
    let store = MemoryStore::builder()
        .clock(Broken(ManualClock::default(), AtomicU32::new(0)))
        .build();
    let claims = [
        Claim::new(limit("a"), Quota::per_hour(300)),
        Claim::new(limit("b"), Quota::per_hour(300)),
    ];
    let mut allowed = 0;
    for _ in 0..300 {
        allowed += u32::from(catch_unwind(AssertUnwindSafe(|| acquire(&store, &claims))).is_ok());
    }
    assert_eq!(allowed, 200);
    let rest = loop {
        if let Ok(rest) = catch_unwind(AssertUnwindSafe(|| {
            left(&store, &limit("b"), Quota::per_hour(300))
        })) {
            break rest;
        }
    };
    assert_eq!(rest, 100);
}
