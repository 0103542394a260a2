//! When a lease ends.

use super::*;
use crate::time::{Clock, Timestamp};

/// Leases units `before` the end of their window, and returns whether they are good a microsecond before it, and at it.
fn around_the_end(quota: Quota, start: u64, before: Duration) -> (bool, bool) {
    let site = Site::new();
    site.clock.set(Timestamp::from_micros(start));
    let claim = take("a", quota, 1);
    site.serve_times(1, &claim);
    let window = quota.window();
    site.clock.advance(window - before);
    // In the window or refill that is about to end.
    site.heat(&claim, 5);
    site.clock.advance(before - MICRO);
    let last = site.locally(std::slice::from_ref(&claim)).is_some();
    site.clock.advance(MICRO);
    (last, site.locally(std::slice::from_ref(&claim)).is_some())
}

#[test]
fn no_unit_outlives_the_window_it_was_debited_in() {
    let hour = Duration::from_secs(3600);
    let round = 1_699_999_200_000_000; // a whole number of hours
    for before in [SECOND / 2, MICRO, Duration::from_micros(142_857)] {
        for (quota, start) in [
            (Quota::aligned(1000, hour), round),
            (Quota::sliding(1000, hour), round),
            (Quota::fixed(1000, hour), round + 123_456_789),
            (Quota::token_bucket(1000, hour), round + 123_456_789),
            (Quota::token_bucket(10, hour).burst(1000), round + 7),
        ] {
            let ends = around_the_end(quota, start, before);
            assert_eq!(ends, (true, false), "{quota:?} {before:?}");
        }
    }
    // GCRA has no windows.
    assert_eq!(
        around_the_end(Quota::per_hour(1000), round, SECOND / 2),
        (true, true)
    );
}

#[test]
fn aligned_windows_admit_exactly_their_limit_whatever_is_leased() {
    let (one, other) = {
        let site = Site::new();
        let other = site.neighbour();
        (site, other)
    };
    let quota = Quota::aligned(100, SECOND);
    let claim = [take("a", quota, 1)];
    for window in 0..5 {
        let mut admitted = 0;
        for at in 0..200 {
            // Odd times that never hit the end.
            one.clock.advance(Duration::from_micros(4999));
            let site = if at % 3 == 0 { &other } else { &one };
            admitted += usize::from(site.serve(&claim).allowed());
        }
        // Some lie unused with the neighbour until its lease ends.
        assert!((80..=100).contains(&admitted), "{admitted} in {window}");
        let now = one.clock.now().as_micros();
        one.clock
            .set(Timestamp::from_micros(now.next_multiple_of(1_000_000)));
    }
}

#[test]
fn a_lease_ends_with_its_life() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    let leases = [Some(Lease::new().life(Duration::from_millis(1)))];
    let at_hand = || {
        let mut decisions = Decisions::new();
        site.leases.try_take(&claims, &leases, &mut decisions)
    };
    for _ in 0..2 {
        let call = site.leases.acquire(&site.store, &claims, &leases);
        assert!(tokio_test::block_on(call).unwrap().allowed());
    }
    site.clock.advance(Duration::from_micros(999));
    assert!(at_hand());
    let call = site.leases.acquire(&site.store, &claims, &leases);
    assert!(tokio_test::block_on(call).unwrap().allowed());
    assert!(at_hand());
    site.clock.advance(Duration::from_micros(1000));
    assert!(!at_hand());
}

#[test]
fn the_life_of_a_lease_begins_before_its_trip() {
    let site = Site::new();
    let claim = take("a", PLENTY, 1);
    site.serve_times(1, &claim);
    site.gate.shut();
    let claims = [claim.clone()];
    let mut call = tokio_test::task::spawn(site.acquire(&claims));
    tokio_test::assert_pending!(call.poll());
    site.clock.advance(SECOND - MICRO);
    site.gate.turns(2);
    tokio_test::assert_ready_ok!(call.poll());
    assert_eq!(site.at_hand(&claim), 1);
    site.clock.advance(MICRO);
    assert_eq!(site.at_hand(&claim), 0);
}

#[test]
fn a_clock_that_goes_back_ends_a_lease() {
    let site = Site::new();
    let claim = take("a", PLENTY, 1);
    site.heat(&claim, 5);
    let now = site.clock.now().as_micros();
    site.clock.set(Timestamp::from_micros(now - 1));
    assert!(site.locally(std::slice::from_ref(&claim)).is_none());
    assert!(site.serve(std::slice::from_ref(&claim)).allowed());
    site.clock.set(Timestamp::from_micros(0));
    assert_eq!(site.serve_times(50, &claim), 50);
}

#[test]
fn what_comes_back_from_a_dropped_call_does_not_join_a_later_lease() {
    let site = Site::new();
    let quota = Quota::aligned(1000, SECOND);
    let (hot, cold) = (take("hot", quota, 1), take("cold", quota, 1));
    site.heat(&hot, 5);
    site.gate.shut();
    let claims = [hot.clone(), cold];
    let mut call = tokio_test::task::spawn(site.acquire(&claims));
    tokio_test::assert_pending!(call.poll());
    site.clock.advance(SECOND);
    site.gate.turns(1000);
    site.heat(&hot, 5);
    let before = site.at_hand(&hot);
    drop(call);
    assert_eq!(site.at_hand(&hot), before);
}
