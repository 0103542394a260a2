//! Time limits: what takes too long fails, what is ready never touches the timer. tokio's clock is paused.

use std::time::Duration;

use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower_upstash::{
    store::{
        Batch, Cursor, ErrorKind, Kind, MemoryStore, MeteredStore, Purge, Scope, SharedStore,
        Store, TimeLimitedStore,
    },
    time::Timer,
};

use super::{TTL, claim, key};
use crate::support::Remote;

const LIMIT: Duration = Duration::from_millis(250);

fn limited<S>(store: S) -> TimeLimitedStore<S> {
    TimeLimitedStore::new(store, LIMIT, Timer::tokio())
}

/// Fails unless the call fails with a timeout, exactly at the limit.
async fn times_out<T>(call: impl Future<Output = tower_upstash::store::Result<T>>) {
    let start = Instant::now();
    let Err(error) = call.await else {
        panic!("a store that hangs has answered");
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("the outcome is unknown"));
    // tokio's timer has a resolution of a millisecond.
    let waited = start.elapsed();
    assert!(waited >= LIMIT && waited <= LIMIT + Duration::from_millis(1));
}

#[tokio::test(start_paused = true)]
async fn every_call_of_a_store_that_hangs_times_out() {
    let store = limited(Remote::with_turns(0));
    let log = Scope::new(Kind::Purge, "tests");
    times_out(store.read(&[key(Kind::Data)])).await;
    times_out(store.write(&Batch::default())).await;
    times_out(store.increment(&key(Kind::Counter), 1, TTL)).await;
    times_out(store.acquire(&[claim()])).await;
    times_out(store.members(&key(Kind::Index), Cursor::START)).await;
    times_out(store.purge(&log, Purge::Everything)).await;
    times_out(store.purges(&log, None)).await;
    times_out(SharedStore::from(store).get(&key(Kind::Data))).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_dropped() {
    let metered = MeteredStore::new(Remote::with_turns(0));
    times_out(limited(metered.clone()).acquire(&[claim()])).await;
    assert_eq!(metered.usage().cancelled, 1);
}

#[tokio::test(start_paused = true)]
async fn answers_and_errors_in_time_are_left_alone() {
    let remote = Remote::open();
    let store = limited(remote.clone());
    assert!(store.acquire(&[claim()]).await.unwrap().allowed());
    remote.set_down(true);
    let error = store.acquire(&[claim()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_together_with_the_limit_is_an_answer() {
    let remote = Remote::with_turns(0);
    let store = limited(remote.clone());
    let claims = [claim()];
    let mut call = task::spawn(store.acquire(&claims));
    assert_pending!(call.poll());
    assert_pending!(call.poll());
    advance(LIMIT * 2).await;
    remote.give_turn();
    assert!(assert_ready_ok!(call.poll()).allowed());
}

#[tokio::test(start_paused = true)]
async fn the_time_begins_at_the_first_poll() {
    let store = limited(Remote::with_turns(0));
    let claims = [claim()];
    let call = store.acquire(&claims);
    advance(LIMIT * 10).await;
    times_out(call).await;
}

#[test]
fn a_call_that_is_ready_at_once_needs_no_runtime() {
    // tokio's timer panics here.
    let store = TimeLimitedStore::new(MemoryStore::new(), Duration::ZERO, Timer::tokio());
    let claims = [claim()];
    assert!(assert_ready_ok!(task::spawn(store.acquire(&claims)).poll()).allowed());
    assert_ready_ok!(task::spawn(store.ping()).poll());
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_zero_waits_for_nothing() {
    let store = TimeLimitedStore::new(Remote::with_turns(0), Duration::ZERO, Timer::tokio());
    let error = store.acquire(&[claim()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn the_longest_limit_is_none() {
    let remote = Remote::open();
    let store = TimeLimitedStore::new(remote, Duration::MAX, Timer::tokio());
    assert!(store.acquire(&[claim()]).await.unwrap().allowed());
}

#[test]
fn debug_output_shows_the_limit_only() {
    let debug = format!("{:?}", limited(MemoryStore::new()));
    assert_eq!(debug, "TimeLimitedStore { limit: 250ms, .. }");
}
