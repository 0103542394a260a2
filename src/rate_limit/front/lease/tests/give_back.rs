//! What becomes of units that are not used.

use super::*;
use crate::store::{MAX_CLAIMS, MemoryStore, Store};

const MINUTE: Quota = Quota::aligned(1000, Duration::from_secs(60));

fn remaining(store: &MemoryStore, id: &str, quota: Quota) -> u32 {
    let peek = Claim::new(key(id), quota).spend(Spend::Peek(1));
    tokio_test::block_on(store.acquire(&[peek])).unwrap()[0].remaining()
}

#[test]
fn what_is_left_is_given_back_by_the_next_trip_in_the_window() {
    let site = Site::new();
    let claim = take("a", MINUTE, 1);
    let window = site.heat(&claim, 5).window();
    let left = site.at_hand(&claim);
    site.clock.advance(SECOND);
    site.gate.calls();
    let before = remaining(site.gate.memory(), "a", MINUTE);
    let decision = site.serve(std::slice::from_ref(&claim))[0];
    let calls = site.gate.calls();
    let cost = left;
    let [Spend::Refund { .. }, Spend::Take(units)] = calls[0][..] else {
        panic!("{calls:?}")
    };
    assert_eq!(calls[0][0], Spend::Refund { cost, window });
    assert_eq!(
        remaining(site.gate.memory(), "a", MINUTE),
        before + left - units
    );
    assert_eq!(decision.remaining(), before + left - 1);
    // Once.
    site.clock.advance(SECOND);
    site.serve_times(1, &claim);
    let [Spend::Refund { cost, .. }, _] = site.gate.calls()[0][..] else {
        panic!("what was left of the second lease")
    };
    assert_eq!(cost, units - 1);
}

#[test]
fn past_the_window_nothing_is_given_back() {
    let site = Site::new();
    let claim = take("a", MINUTE, 1);
    site.heat(&claim, 5);
    site.clock.advance(60 * SECOND);
    site.gate.calls();
    site.serve_times(1, &claim);
    assert!(matches!(site.gate.calls()[0][..], [Spend::Take(_)]));
    site.heat(&claim, 5);
    site.clock.advance(60 * SECOND);
    site.gate.calls();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    assert!(site.gate.calls().is_empty());
}

#[test]
fn a_refused_call_keeps_what_it_would_have_given_back() {
    let site = Site::new();
    let claim = take("a", MINUTE, 1);
    let window = site.heat(&claim, 5).window();
    let cost = site.at_hand(&claim);
    site.clock.advance(SECOND);
    let full = take("full", Quota::fixed(1, 60 * SECOND), 1);
    let plain = [None, LEASE];
    let both = [full.clone(), claim];
    tokio_test::block_on(site.gate.memory().acquire(&[full])).unwrap();
    for _ in 0..2 {
        site.gate.calls();
        let call = site.leases.acquire(&site.store, &both, &plain);
        let decisions = tokio_test::block_on(call).unwrap();
        assert!(!decisions.allowed() && !decisions[0].allowed() && decisions[1].allowed());
        let refund = Spend::Refund { cost, window };
        assert_eq!(site.gate.calls()[0][1], refund);
    }
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    assert_eq!(site.gate.calls(), [[Spend::Refund { cost, window }]]);
}

#[test]
fn what_may_have_been_given_back_is_not_given_back_again() {
    let site = Site::new();
    let claim = take("a", MINUTE, 1);
    site.heat(&claim, 5);
    site.clock.advance(SECOND);
    site.gate.set_down(true);
    let claims = [claim.clone()];
    tokio_test::block_on(site.acquire(&claims)).unwrap_err();
    site.gate.set_down(false);
    site.gate.calls();
    site.serve_times(1, &claim);
    assert_eq!(site.gate.calls(), [[Spend::Take(1)]]);
}

#[test]
fn drain_gives_everything_back_and_leases_go_on() {
    let site = Site::new();
    let ids: Vec<_> = (0..20).map(|id| id.to_string()).collect();
    for id in &ids {
        site.heat(&take(id, MINUTE, 1), 5);
    }
    let served: u32 = ids
        .iter()
        .map(|id| {
            1000 - remaining(site.gate.memory(), id, MINUTE) - site.at_hand(&take(id, MINUTE, 1))
        })
        .sum();
    site.gate.calls();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    let calls = site.gate.calls();
    assert_eq!(calls.len(), 20_usize.div_ceil(MAX_CLAIMS));
    let left: u32 = ids
        .iter()
        .map(|id| remaining(site.gate.memory(), id, MINUTE))
        .sum();
    assert_eq!(left, 20 * 1000 - served);
    for id in &ids {
        let claim = take(id, MINUTE, 1);
        assert_eq!(site.at_hand(&claim), 0);
        site.heat(&claim, 5);
    }
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
}

#[test]
fn a_drain_that_fails_keeps_what_it_has_not_sent() {
    let site = Site::new();
    for id in 0..20 {
        site.heat(&take(&id.to_string(), MINUTE, 1), 5);
    }
    site.gate.set_down(true);
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap_err();
    site.gate.set_down(false);
    site.gate.calls();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    let sent: usize = site.gate.calls().iter().map(Vec::len).sum();
    assert_eq!(sent, 20 - MAX_CLAIMS);
}

#[test]
fn another_quota_does_not_use_the_lease() {
    let site = Site::new();
    let old = take("a", MINUTE, 1);
    let window = site.heat(&old, 5).window();
    let cost = site.at_hand(&old);
    let plan = Quota::aligned(2000, Duration::from_secs(60));
    let new = take("a", plan, 1);
    assert!(site.locally(std::slice::from_ref(&new)).is_none());
    site.gate.calls();
    assert!(site.serve(std::slice::from_ref(&new)).allowed());
    // A call has one quota for a key: the refund waits.
    assert_eq!(site.gate.calls(), [[Spend::Take(1)]]);
    assert!(site.locally(std::slice::from_ref(&old)).is_none());
    site.heat(&new, 5);
    let before = remaining(site.gate.memory(), "a", plan) + site.at_hand(&new);
    site.gate.calls();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    assert!(
        site.gate
            .calls()
            .concat()
            .contains(&Spend::Refund { cost, window })
    );
    assert_eq!(remaining(site.gate.memory(), "a", plan), before + cost);
}

#[test]
fn a_forgotten_key_has_nothing_at_hand_and_nothing_to_give_back() {
    let site = Site::new();
    let claim = take("a", MINUTE, 1);
    site.heat(&claim, 5);
    site.leases.forget(claim.key());
    assert_eq!(site.at_hand(&claim), 0);
    site.gate.calls();
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    assert!(site.gate.calls().is_empty());
    site.leases.forget(&key("unknown"));
    // What is on its way is void, too: it may have been debited before.
    site.heat(&claim, 5);
    while site.locally(std::slice::from_ref(&claim)).is_some() {}
    site.gate.shut();
    let claims = [claim.clone()];
    let mut call = tokio_test::task::spawn(site.acquire(&claims));
    tokio_test::assert_pending!(call.poll());
    site.leases.forget(claim.key());
    site.gate.turns(2);
    assert!(tokio_test::assert_ready_ok!(call.poll()).allowed());
    assert_eq!(site.at_hand(&claim), 0);
    site.gate.turns(100);
    site.heat(&claim, 5);
}

#[test]
fn what_was_taken_for_a_forgotten_key_does_not_come_back() {
    let site = Site::new();
    let (hot, cold) = (take("hot", MINUTE, 1), take("cold", MINUTE, 1));
    site.heat(&hot, 5);
    site.gate.shut();
    let claims = [hot.clone(), cold];
    let mut call = tokio_test::task::spawn(site.acquire(&claims));
    tokio_test::assert_pending!(call.poll());
    site.leases.forget(hot.key());
    drop(call);
    assert_eq!(site.at_hand(&hot), 0);
    site.gate.calls();
    site.gate.turns(100);
    tokio_test::block_on(site.leases.drain(&site.store)).unwrap();
    assert!(site.gate.calls().is_empty());
}

#[test]
fn a_drain_ends_although_leases_go_on() {
    let site = Site::new();
    let (old, new) = (take("old", MINUTE, 1), take("new", MINUTE, 1));
    site.heat(&old, 5);
    site.gate.shut();
    let mut drain = tokio_test::task::spawn(site.leases.drain(&site.store));
    tokio_test::assert_pending!(drain.poll());
    site.gate.turns(1000);
    site.heat(&new, 5);
    let before = site.at_hand(&new);
    site.gate.calls();
    tokio_test::assert_ready_ok!(drain.poll());
    assert!(site.gate.calls().is_empty());
    assert_eq!(site.at_hand(&new), before);
}
