//! Breakers and time limits together, on tokio's paused clock.

use tokio::time::{Instant, timeout};
use tower_upstash::{
    store::{MeteredStore, PrefixedStore, TimeLimitedStore},
    time::{Clock, Timer},
};

use super::*;
use crate::support::Remote;

const LIMIT: Duration = Duration::from_millis(250);

/// The paused clock of the test.
struct Paused(Instant);

impl Clock for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0).after(self.0.elapsed())
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_outside_of_a_time_limit_opens_when_the_store_hangs() {
    let remote = MeteredStore::new(Remote::with_turns(0));
    let limited = TimeLimitedStore::new(remote.clone(), LIMIT, Timer::tokio());
    let store = BreakerStore::builder(limited)
        .clock(Paused(Instant::now()))
        .build();
    let start = Instant::now();
    for _ in 0..100 {
        assert!(store.acquire(&[claim()]).await.is_err());
    }
    assert!(start.elapsed() < LIMIT * 6, "five calls have waited");
    assert_eq!(remote.usage().calls(), 5);
    let Circuit::Open { cause, .. } = store.circuit() else {
        panic!("{store:?}");
    };
    assert_eq!(cause, ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_inside_of_a_time_limit_opens_when_its_patience_is_no_longer() {
    let calls = async |patience| {
        let remote = MeteredStore::new(Remote::with_turns(0));
        let store = BreakerStore::builder(remote.clone())
            .clock(Paused(Instant::now()))
            .patience(patience)
            .build();
        for _ in 0..10 {
            let _ = timeout(LIMIT, store.acquire(&[claim()])).await;
        }
        remote.usage().calls()
    };
    assert_eq!(calls(LIMIT).await, 5);
    assert_eq!(calls(LIMIT * 2).await, 10);
}

#[tokio::test]
async fn prefixed_views_share_the_circuit_of_their_store() {
    let flaky = Flaky::that(DOWN);
    let (store, _) = breaker(flaky.clone());
    let store = store.failures(1).build();
    let one = PrefixedStore::new(store.clone(), "one");
    let other = SharedStore::new(PrefixedStore::new(store.clone(), "other"));
    assert!(one.ping().await.is_err());
    assert!(other.get(&key(Kind::Data)).await.is_err());
    assert_eq!((flaky.asked(), store.usage().rejected), (1, 1));
}
