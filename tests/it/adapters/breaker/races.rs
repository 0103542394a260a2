//! Calls that overlap: probes that are dropped or hang, answers that come late, threads.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Barrier,
    thread,
};

use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok};
use tower_upstash::store::{Decisions, Error, Result};

use super::*;
use crate::support::Remote;

/// A call of a store that waits, under way.
macro_rules! call {
    ($store:expr) => {{
        let mut call = task::spawn(acquire($store.clone()));
        assert_pending!(call.poll());
        assert_pending!(call.poll());
        call
    }};
}

async fn acquire(store: BreakerStore<Remote>) -> Result<Decisions> {
    store.acquire(&[claim()]).await
}

/// A call that is refused without a wait.
fn is_rejected(store: &BreakerStore<Remote>) -> bool {
    let rejected = store.usage().rejected;
    let mut call = task::spawn(acquire(store.clone()));
    let refused = call.poll().is_ready();
    assert_eq!(store.usage().rejected, rejected + u64::from(refused));
    refused
}

/// A store that waits for its turns, behind a circuit that one failure opens.
fn waiting() -> (BreakerStore<Remote>, Remote, ManualClock) {
    let remote = Remote::with_turns(0);
    let (store, clock) = breaker(remote.clone());
    (store.failures(1).build(), remote, clock)
}

/// The same, open, with the cool-down over.
fn due() -> (BreakerStore<Remote>, Remote, ManualClock) {
    let (store, remote, clock) = waiting();
    let mut failing = call!(store);
    fail(&remote);
    let _: Error = assert_ready_err!(failing.poll());
    assert!(is_open(&store));
    clock.advance(COOL_DOWN);
    (store, remote, clock)
}

/// Lets the oldest waiting call fail.
fn fail(remote: &Remote) {
    remote.set_down(true);
    remote.give_turn();
}

/// Lets the oldest waiting call succeed.
fn answer(remote: &Remote) {
    remote.set_down(false);
    remote.give_turn();
}

#[test]
fn one_probe_at_a_time_goes_through() {
    let (store, remote, _) = due();
    let mut probe = call!(store);
    assert_eq!(store.circuit(), Circuit::HalfOpen);
    assert!(is_rejected(&store));
    assert!(is_rejected(&store));
    answer(&remote);
    assert_ready_ok!(probe.poll());
    assert_eq!(store.circuit(), Circuit::Closed);
    assert!(!is_rejected(&store));
}

#[test]
fn a_probe_that_is_dropped_makes_the_next_call_a_probe() {
    let (store, remote, _) = due();
    for _ in 0..3 {
        let probe = call!(store);
        assert!(is_rejected(&store));
        drop(probe);
        assert_eq!(store.circuit(), Circuit::HalfOpen);
    }
    assert_eq!(store.usage().opened, 1, "nor is it a failure");
    let mut probe = call!(store);
    answer(&remote);
    assert_ready_ok!(probe.poll());
    assert_eq!(store.circuit(), Circuit::Closed);
}

#[test]
fn a_probe_that_was_never_polled_is_no_call() {
    let (store, _, _) = due();
    drop(task::spawn(acquire(store.clone())));
    assert!(is_open(&store));
}

#[test]
fn a_store_that_has_to_wait_leaves_the_probe_to_the_call_that_follows() {
    let (store, remote, _) = due();
    assert!(
        store
            .try_acquire(&[claim()], &mut Decisions::new())
            .is_none()
    );
    let mut probe = call!(store);
    answer(&remote);
    assert_ready_ok!(probe.poll());
    assert_eq!(store.circuit(), Circuit::Closed);
}

#[test]
fn a_probe_that_hangs_is_followed_by_another_less_and_less_often() {
    let (store, remote, clock) = due();
    let mut first = call!(store);
    assert!(is_rejected(&store));
    clock.advance(COOL_DOWN);
    let second = call!(store);
    clock.advance(COOL_DOWN);
    assert!(is_rejected(&store));
    clock.advance(COOL_DOWN);
    let _third = call!(store);

    drop(second);
    assert!(is_rejected(&store), "the third is under way");
    answer(&remote);
    assert_ready_ok!(first.poll());
    assert_eq!(
        store.circuit(),
        Circuit::Closed,
        "it began after the circuit opened"
    );
}

#[test]
fn a_late_success_does_not_close_the_circuit() {
    let (store, remote, clock) = waiting();
    let mut failing = call!(store);
    let mut late = call!(store);
    fail(&remote);
    assert_ready_err!(failing.poll());
    answer(&remote);
    assert_ready_ok!(late.poll());
    assert!(is_open(&store));
    assert!(is_rejected(&store));

    // Nor while a probe is under way.
    let (mut later, mut failing) = {
        clock.advance(COOL_DOWN);
        let mut probe = call!(store);
        answer(&remote);
        assert_ready_ok!(probe.poll());
        (call!(store), call!(store))
    };
    fail(&remote);
    assert_ready_err!(later.poll());
    clock.advance(COOL_DOWN);
    let _probe = call!(store);
    answer(&remote);
    assert_ready_ok!(failing.poll());
    assert_eq!(store.circuit(), Circuit::HalfOpen);
}

#[test]
fn a_late_failure_does_not_open_a_circuit_that_has_closed_since() {
    let (store, remote, clock) = waiting();
    let mut failing = call!(store);
    let mut late = call!(store);
    fail(&remote);
    assert_ready_err!(failing.poll());
    clock.advance(COOL_DOWN);
    // The turns are in the order of the calls: the late one has its turn, and is not polled.
    fail(&remote);
    let mut probe = call!(store);
    answer(&remote);
    assert_ready_ok!(probe.poll());
    assert_eq!(store.circuit(), Circuit::Closed);
    remote.set_down(true);
    assert_ready_err!(late.poll());
    assert_eq!(store.circuit(), Circuit::Closed);
}

#[test]
fn a_late_failure_does_not_end_a_probe() {
    let (store, remote, clock) = waiting();
    let mut failing = call!(store);
    let mut late = call!(store);
    fail(&remote);
    assert_ready_err!(failing.poll());
    clock.advance(COOL_DOWN);
    let _probe = call!(store);
    fail(&remote);
    assert_ready_err!(late.poll());
    assert_eq!(store.circuit(), Circuit::HalfOpen);
    assert_eq!(store.usage().opened, 1);
}

#[test]
fn a_call_that_is_dropped_says_something_only_after_it_has_waited() {
    let (store, _, clock) = waiting();
    let mut call = call!(store);
    clock.advance(COOL_DOWN - Duration::from_micros(1));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(store.circuit(), Circuit::Closed);
    let mut call = call!(store);
    clock.advance(COOL_DOWN);
    assert_pending!(call.poll());
    drop(call);
    let Circuit::Open { cause, .. } = store.circuit() else {
        panic!("{store:?}");
    };
    assert_eq!(cause, ErrorKind::Timeout);
}

/// The answer may have been there for a second: nobody had looked.
#[test]
fn a_call_that_nobody_looked_after_says_nothing_when_dropped() {
    let (store, remote, clock) = waiting();
    let call = call!(store);
    answer(&remote);
    clock.advance(COOL_DOWN);
    drop(call);
    assert_eq!(store.circuit(), Circuit::Closed);
}

/// Five calls that shared one request failed five times when it was lost, and opened the circuit.
#[test]
fn calls_that_fail_together_are_one_failure() {
    let remote = Remote::with_turns(0);
    let store = breaker(remote.clone()).0.failures(3).build();
    for moment in 1..=3 {
        assert_eq!(store.circuit(), Circuit::Closed, "{moment}");
        let calls: [_; 5] = std::array::from_fn(|_| call!(store));
        for mut call in calls {
            fail(&remote);
            assert_ready_err!(call.poll());
        }
    }
    assert!(is_open(&store));
}

/// A success between them begins the count again, and does not let a call count that began before.
#[test]
fn a_call_that_began_before_a_failure_does_not_count_after_a_success() {
    let remote = Remote::with_turns(0);
    let store = breaker(remote.clone()).0.failures(2).build();
    let [mut one, mut two] = [call!(store), call!(store)];
    fail(&remote);
    assert_ready_err!(one.poll());
    fail(&remote);
    let mut well = call!(store);
    remote.set_down(false);
    remote.give_turn();
    assert_ready_ok!(well.poll());
    remote.set_down(true);
    assert_ready_err!(two.poll());
    let mut last = call!(store);
    fail(&remote);
    assert_ready_err!(last.poll());
    assert_eq!(store.circuit(), Circuit::Closed, "one in a row");
}

#[test]
fn endless_patience_makes_no_dropped_call_a_failure() {
    let (store, clock) = breaker(Remote::with_turns(0));
    let store = store.failures(1).patience(Duration::MAX).build();
    let mut call = call!(store);
    clock.advance(Duration::from_secs(1 << 30));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(store.circuit(), Circuit::Closed);
}

#[test]
fn a_store_that_panics_does_not_keep_the_probe() {
    let flaky = Flaky::that(DOWN);
    let (store, clock) = breaker(flaky.clone());
    let store = store.failures(1).build();
    let _ = ping(&store);
    clock.advance(COOL_DOWN);
    flaky.set(Mood::Panics);
    assert!(catch_unwind(AssertUnwindSafe(|| ping(&store))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| answers_at_once(&store))).is_err());
    assert_eq!(store.circuit(), Circuit::HalfOpen);
    flaky.set(Mood::Answers);
    assert_eq!(ping(&store), Ok(()));
}

#[test]
fn a_hook_that_panics_does_not_keep_the_probe() {
    let flaky = Flaky::that(DOWN);
    let (store, clock) = breaker(flaky.clone());
    let panics = |circuit| assert_ne!(circuit, Circuit::HalfOpen);
    let store = store.failures(1).on_change(panics).build();
    let _ = ping(&store);
    clock.advance(COOL_DOWN);
    assert!(catch_unwind(AssertUnwindSafe(|| ping(&store))).is_err());
    flaky.set(Mood::Answers);
    assert_eq!(ping(&store), Ok(()));
}

#[test]
fn threads_send_little_more_than_it_takes_to_open_and_one_probe() {
    const THREADS: u64 = 8;
    let flaky = Flaky::that(DOWN);
    let (store, clock) = breaker(flaky.clone());
    let store = store.failures(5).build();
    let hammer = |times: usize| {
        let barrier = Barrier::new(THREADS as usize);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    for _ in 0..times {
                        let _ = ping(&store);
                    }
                });
            }
        });
    };
    hammer(1000);
    // Each thread may be in a call that began before a failure was counted.
    assert!(
        (5..=5 * THREADS).contains(&flaky.asked()),
        "{}",
        flaky.asked()
    );
    assert_eq!(store.usage().opened, 1);
    assert_eq!(store.usage().rejected + flaky.asked(), 1000 * THREADS);

    let before = flaky.asked();
    clock.advance(COOL_DOWN);
    hammer(1000);
    assert_eq!(flaky.asked(), before + 1, "one probe, which failed");
    assert_eq!(store.usage().opened, 2);

    clock.advance(COOL_DOWN * 2);
    flaky.set(Mood::Answers);
    hammer(1000);
    assert_eq!(store.circuit(), Circuit::Closed);
    assert_eq!(store.usage().opened, 2);
    hammer(10);
}
