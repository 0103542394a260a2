//! Who waits for a call of somebody else, while the store is away or that call does not go on.

use tokio_test::{assert_pending, assert_ready_err, assert_ready_ok, task};

use super::*;
use crate::store::ErrorKind;

/// They all waited for the time limit, to ask for themselves then, for another one.
#[test]
fn who_waits_for_a_call_that_fails_fails_with_it_and_asks_for_nothing() {
    for kind in [
        ErrorKind::Unavailable,
        ErrorKind::Timeout,
        ErrorKind::Unauthorized,
        ErrorKind::QuotaExceeded,
    ] {
        let site = Site::new();
        let claims = [take("a", PLENTY, 1)];
        site.gate.fail(Some(kind));
        site.gate.shut();
        let mut calls: Vec<_> = (0..8).map(|_| task::spawn(site.acquire(&claims))).collect();
        for call in &mut calls {
            assert_pending!(call.poll());
        }
        site.gate.turns(1);
        assert_ready_err!(calls[0].poll());
        for call in &mut calls[1..] {
            assert!(call.is_woken());
            assert_eq!(assert_ready_err!(call.poll()).kind(), kind);
        }
        assert_eq!(site.gate.calls(), [[Spend::Take(1)]]);
        // It is not remembered: who comes then asks.
        site.gate.fail(None);
        site.gate.turns(2);
        drop(calls);
        assert!(site.serve(&claims).allowed());
    }
}

#[test]
fn who_waits_for_a_call_that_the_store_cannot_take_asks_for_itself() {
    for kind in [
        ErrorKind::TooLarge,
        ErrorKind::Corrupt,
        ErrorKind::Unsupported,
        ErrorKind::Invalid,
    ] {
        let site = Site::new();
        let claims = [take("a", PLENTY, 1)];
        site.gate.fail(Some(kind));
        site.gate.shut();
        let mut leader = task::spawn(site.acquire(&claims));
        let mut waiting = task::spawn(site.acquire(&claims));
        assert_pending!(leader.poll());
        assert_pending!(waiting.poll());
        site.gate.turns(1);
        assert_eq!(assert_ready_err!(leader.poll()).kind(), kind);
        // It was about another claim of that call, say.
        site.gate.fail(None);
        site.gate.turns(2);
        assert!(assert_ready_ok!(waiting.poll()).allowed());
    }
}

#[test]
fn who_takes_over_and_fails_first_fails_for_those_who_were_woken_with_it() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    site.gate.set_down(true);
    site.gate.shut();
    let mut calls: Vec<_> = (0..4).map(|_| task::spawn(site.acquire(&claims))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    drop(calls.remove(0));
    site.gate.calls();
    assert_pending!(calls[2].poll());
    site.gate.turns(1);
    assert_ready_err!(calls[2].poll());
    assert_ready_err!(calls[0].poll());
    assert_ready_err!(calls[1].poll());
    assert_eq!(site.gate.calls().len(), 1);
}

#[test]
fn what_else_was_at_hand_stays_so_for_who_fails_with_another() {
    let site = Site::new();
    let (hot, cold) = (take("hot", PLENTY, 1), take("cold", PLENTY, 1));
    site.heat(&hot, 5);
    let before = site.at_hand(&hot);
    site.gate.set_down(true);
    site.gate.shut();
    let (alone, both) = ([cold.clone()], [hot.clone(), cold]);
    let mut leader = task::spawn(site.acquire(&alone));
    let mut waiting = task::spawn(site.acquire(&both));
    assert_pending!(leader.poll());
    assert_pending!(waiting.poll());
    site.gate.turns(1);
    assert_ready_err!(leader.poll());
    assert_ready_err!(waiting.poll());
    assert_eq!(site.at_hand(&hot), before);
}

/// Only a call for the same key told them.
#[test]
fn a_trip_for_another_key_wakes_who_waits_for_a_call_that_is_not_polled() {
    let site = Site::new();
    let (claims, other) = ([take("a", PLENTY, 1)], [take("b", PLENTY, 1)]);
    let mut stuck = task::spawn(site.acquire(&claims));
    let mut waiting = task::spawn(site.acquire(&claims));
    site.gate.shut();
    assert_pending!(stuck.poll());
    assert_pending!(waiting.poll());
    let mut call = task::spawn(site.acquire(&other));
    assert_pending!(call.poll());
    assert!(!waiting.is_woken());
    site.clock.advance(SECOND);
    let mut call = task::spawn(site.acquire(&other));
    assert_pending!(call.poll());
    assert!(waiting.is_woken());
    site.gate.calls();
    assert_pending!(waiting.poll());
    assert_eq!(site.gate.calls(), [[Spend::Take(1)]]);
    // Polled after all, it gets its answer.
    site.gate.turns(100);
    assert!(assert_ready_ok!(stuck.poll()).allowed());
    assert!(assert_ready_ok!(waiting.poll()).allowed());
}
