//! A store that waits, and one that is down: R19.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_test::{assert_pending, assert_ready, task};
use tower_upstash::{
    rate_limit::{By, Lease, Limit, OnStoreError, RateLimitLayer},
    store::MemoryStore,
    time::{Clock, Timer, Timestamp},
};

use super::app::{BOB, TEN, TWO, alice, get, layer, send, status, statuses};
use crate::support::{Remote, request_from};

#[tokio::test]
async fn each_limit_has_its_own_answer_to_a_store_that_is_down() {
    let ip = Limit::new("ip", TWO);
    let all = Limit::new("all", TWO).by(By::EVERYONE);
    for (policies, expected) in [
        (
            [OnStoreError::CountLocally, OnStoreError::CountLocally],
            [200, 200, 429],
        ),
        (
            [OnStoreError::CountLocally, OnStoreError::Allow],
            [200, 200, 429],
        ),
        (
            [OnStoreError::Allow, OnStoreError::CountLocally],
            [200, 200, 429],
        ),
        ([OnStoreError::Allow, OnStoreError::Allow], [200, 200, 200]),
        ([OnStoreError::Allow, OnStoreError::Refuse], [503, 503, 503]),
        ([OnStoreError::Refuse, OnStoreError::Allow], [503, 503, 503]),
    ] {
        let store = Remote::open();
        let [first, second] = policies;
        let layer = RateLimitLayer::new(store.shared())
            .limit(ip.clone().on_store_error(first))
            .limit(all.clone().on_store_error(second));
        store.set_down(true);
        let answers = statuses(&layer, [get("/"), get("/"), get("/")]).await;
        assert_eq!(answers, expected, "{policies:?}");
    }
}

#[tokio::test]
async fn what_was_admitted_in_an_outage_is_charged_afterwards() {
    for store in [Remote::open(), Remote::at_once()] {
        let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TWO));
        store.set_down(true);
        assert_eq!(status(&layer, get("/")).await, 200);
        store.set_down(false);
        assert_eq!(statuses(&layer, [get("/"), get("/")]).await, [200, 429]);
    }
}

/// They waited for the first one, and then asked the store that is down for themselves.
#[tokio::test]
async fn requests_that_wait_for_a_lease_are_answered_with_the_first_one() {
    for (policy, expected) in [
        (OnStoreError::Allow, [200, 200, 200]),
        (OnStoreError::CountLocally, [200, 200, 429]),
        (OnStoreError::Refuse, [503, 503, 503]),
    ] {
        let store = Remote::with_turns(0);
        let limit = Limit::new("ip", TWO).lease(Lease::new());
        let layer = RateLimitLayer::new(store.shared()).limit(limit.on_store_error(policy));
        let mut calls: Vec<_> = (0..3)
            .map(|_| task::spawn(status(&layer, get("/"))))
            .collect();
        for _ in 0..2 {
            for call in &mut calls {
                assert_pending!(call.poll());
            }
        }
        store.set_down(true);
        store.give_turn();
        let answers = calls.iter_mut().map(|call| assert_ready!(call.poll()));
        assert_eq!(answers.collect::<Vec<_>>(), expected, "{policy:?}");
    }
}

/// A request may wait for another one that is alive, and that nobody polls.
#[tokio::test(start_paused = true)]
async fn a_request_that_waits_for_a_lease_waits_no_longer_than_the_time_limit() {
    const TIME_LIMIT: Duration = Duration::from_millis(250);
    let store = Remote::with_turns(0);
    let limit = Limit::new("ip", TEN).lease(Lease::new());
    let layer = RateLimitLayer::new(store.shared())
        .limit(limit.on_store_error(OnStoreError::Refuse))
        .time_limit(TIME_LIMIT, Timer::tokio());
    let mut stuck = task::spawn(status(&layer, get("/")));
    assert_pending!(stuck.poll());
    let start = Instant::now();
    assert_eq!(status(&layer, get("/")).await, 503);
    let waited = start.elapsed();
    assert!(waited >= TIME_LIMIT && waited <= TIME_LIMIT + Duration::from_millis(2));

    // It takes over from one that is dropped, and has only the rest of its time.
    let mut waiting = task::spawn(status(&layer, get("/")));
    assert_pending!(waiting.poll());
    let start = Instant::now();
    tokio::time::advance(TIME_LIMIT / 2).await;
    drop(stuck);
    assert!(waiting.is_woken());
    assert_eq!(waiting.await, 503);
    let waited = start.elapsed();
    assert!(waited >= TIME_LIMIT && waited <= TIME_LIMIT + Duration::from_millis(2));
}

#[tokio::test]
async fn a_store_that_waits_decides_as_one_that_does_not() {
    for store in [MemoryStore::new().into(), Remote::open().shared()] {
        let layer = RateLimitLayer::new(store).limit(Limit::new("ip", TWO));
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            [200, 200, 429]
        );
    }
}

/// R20
#[tokio::test]
async fn a_refusal_that_is_remembered_is_forgotten_with_its_cause() {
    let store = Remote::open();
    let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TWO));
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
    store.set_down(true);
    // Remembered: the store is not asked.
    let refused = send(&layer, get("/")).await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["ratelimit"].to_str().unwrap()
        ),
        (429, r#""ip";r=0;t=10"#)
    );
    assert_eq!(status(&layer, request_from(BOB)).await, 200);
    store.set_down(false);
    layer
        .handle()
        .limit("ip")
        .unwrap()
        .reset(alice())
        .await
        .unwrap();
    assert_eq!(status(&layer, get("/")).await, 200);
}

/// R3
/// Counts how often it is read.
#[derive(Clone, Default)]
struct Reads(Arc<AtomicUsize>);

impl Clock for Reads {
    fn now(&self) -> Timestamp {
        self.0.fetch_add(1, Ordering::SeqCst);
        Timestamp::from_micros(1_700_000_000_000_000)
    }
}

#[tokio::test]
async fn where_nothing_was_refused_no_clock_is_read_to_find_that_out() {
    let reads = Reads::default();
    let layer = RateLimitLayer::new(Remote::open().shared())
        .clock(reads.clone())
        .limit(Limit::new("ip", TWO));
    let before = reads.0.load(Ordering::SeqCst);
    assert_eq!(status(&layer, get("/")).await, 200);
    // It was: the deny cache read it, too. What is left is when the call went out.
    assert_eq!(reads.0.load(Ordering::SeqCst) - before, 1);
}

#[tokio::test]
async fn a_client_refused_by_its_own_limit_does_not_use_up_everybodys() {
    let everyone = Limit::new("everyone", TEN).by(By::EVERYONE);
    let ip = Limit::new("ip", TWO);
    for layer in [
        layer().limit(everyone.clone()).limit(ip.clone()),
        layer().limit(ip).limit(everyone),
    ] {
        for _ in 0..1000 {
            send(&layer, get("/")).await;
        }
        assert_eq!(status(&layer, request_from(BOB)).await, 200);
    }
}

#[tokio::test]
async fn a_layer_without_limits_lets_everything_pass() {
    assert_eq!(status(&layer(), get("/")).await, 200);
}
