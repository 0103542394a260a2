//! Many callers, one trip; refusals, failures and dropped futures on the way.

use std::{
    future::Future,
    task::{Context, Wake, Waker},
};

use tokio_test::{assert_pending, assert_ready_ok, task};

use super::*;
use crate::store::Store;

#[test]
fn sixty_four_callers_of_a_cold_key_need_two_trips() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    site.gate.shut();
    let mut calls: Vec<_> = (0..64)
        .map(|_| task::spawn(site.acquire(&claims)))
        .collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(site.gate.calls(), [[Spend::Take(1)]]);
    site.gate.turns(2);
    assert!(calls[0].is_woken());
    assert_ready_ok!(calls[0].poll());
    assert!(calls[1..].iter().all(task::Spawn::is_woken));
    for call in &mut calls[1..] {
        assert_pending!(call.poll());
    }
    // For all who waited.
    assert_eq!(site.gate.calls(), [[Spend::Take(63)]]);
    site.gate.turns(2);
    for call in &mut calls[1..] {
        assert!(call.is_woken());
        assert!(assert_ready_ok!(call.poll()).allowed());
    }
    assert!(site.gate.calls().is_empty());
    assert_eq!(site.at_hand(&claims[0]), 0);
}

#[test]
fn a_caller_who_gives_up_wants_nothing_any_more() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    site.gate.shut();
    let mut calls: Vec<_> = (0..10)
        .map(|_| task::spawn(site.acquire(&claims)))
        .collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    calls.truncate(4);
    site.gate.calls();
    site.gate.turns(2);
    assert_ready_ok!(calls[0].poll());
    assert_pending!(calls[1].poll());
    assert_eq!(site.gate.calls(), [[Spend::Take(3)]]);
}

#[test]
fn who_waits_for_a_dropped_call_takes_over_at_once() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    site.gate.shut();
    let mut calls: Vec<_> = (0..3).map(|_| task::spawn(site.acquire(&claims))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    drop(calls.remove(0));
    assert!(calls.iter().all(task::Spawn::is_woken));
    site.gate.calls();
    assert_pending!(calls[1].poll());
    assert_pending!(calls[0].poll());
    assert_eq!(site.gate.calls().len(), 1);
    site.gate.turns(2);
    assert_ready_ok!(calls[1].poll());
    // The lease was for one: the last one leads a trip of its own.
    site.gate.turns(2);
    assert_ready_ok!(calls[0].poll());
}

#[test]
fn after_a_refusal_everybody_asks_at_once() {
    let site = Site::new();
    let quota = Quota::fixed(1, 60 * SECOND);
    let claims = [take("a", quota, 1)];
    tokio_test::block_on(site.gate.memory().acquire(&claims)).unwrap();
    site.gate.shut();
    let mut calls: Vec<_> = (0..8).map(|_| task::spawn(site.acquire(&claims))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    site.gate.turns(2);
    assert!(!assert_ready_ok!(calls[0].poll()).allowed());
    site.gate.shut();
    site.gate.calls();
    for call in &mut calls[1..] {
        assert_pending!(call.poll());
    }
    assert_eq!(site.gate.calls(), vec![vec![Spend::Take(1)]; 7]);
}

#[test]
fn a_refusal_for_another_claim_does_not_scatter_those_who_wait() {
    let site = Site::new();
    let full = take("full", Quota::fixed(1, 60 * SECOND), 1);
    tokio_test::block_on(site.gate.memory().acquire(std::slice::from_ref(&full))).unwrap();
    let refused = [take("a", PLENTY, 1), full];
    let claims = [take("a", PLENTY, 1)];
    site.gate.shut();
    let mut first = task::spawn(site.leases.acquire(&site.store, &refused, &[LEASE, None]));
    assert_pending!(first.poll());
    let mut calls: Vec<_> = (0..8).map(|_| task::spawn(site.acquire(&claims))).collect();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    site.gate.turns(2);
    assert!(!assert_ready_ok!(first.poll()).allowed());
    site.gate.calls();
    for call in &mut calls {
        assert_pending!(call.poll());
    }
    assert_eq!(site.gate.calls(), [[Spend::Take(8)]]);
}

#[test]
fn nobody_waits_for_more_than_three_trips() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    let leases = [Some(Lease::new().most(1))];
    site.gate.shut();
    let acquire = || task::spawn(site.leases.acquire(&site.store, &claims, &leases));
    let mut last = acquire();
    for trip in 0..3 {
        let mut leader = acquire();
        assert_pending!(leader.poll());
        assert_pending!(last.poll());
        assert_eq!(site.gate.calls().len(), 1, "{trip}");
        site.gate.turns(2);
        assert_ready_ok!(leader.poll());
    }
    let mut leader = acquire();
    assert_pending!(leader.poll());
    assert_pending!(last.poll());
    assert_eq!(site.gate.calls().len(), 2);
}

#[test]
fn a_call_that_is_not_polled_is_not_waited_for_for_ever() {
    let site = Site::new();
    let claims = [take("a", PLENTY, 1)];
    site.gate.shut();
    let mut stuck = task::spawn(site.acquire(&claims));
    let mut waiting = task::spawn(site.acquire(&claims));
    assert_pending!(stuck.poll());
    assert_pending!(waiting.poll());
    site.clock.advance(SECOND);
    // Whoever comes next takes over, and wakes who waits.
    let mut next = task::spawn(site.acquire(&claims));
    assert_pending!(next.poll());
    assert!(waiting.is_woken());
    assert_pending!(waiting.poll());
    site.gate.calls();
    site.gate.turns(4);
    assert_ready_ok!(next.poll());
    assert_ready_ok!(stuck.poll());
    site.gate.turns(2);
    assert_ready_ok!(waiting.poll());
    assert!(site.gate.debited() >= 3);
}

/// As a task that is gone but for its waker, and takes other waiting calls with it.
struct Reentrant(Arc<Site>);

impl Wake for Reentrant {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Reentrant {
    fn drop(&mut self) {
        self.0.leases.forget(&key("other"));
    }
}

#[test]
fn no_waker_runs_while_the_table_is_locked() {
    let site = Arc::new(Site::new());
    let claims = [take("a", PLENTY, 1)];
    site.gate.shut();
    let mut leader = task::spawn(site.acquire(&claims));
    assert_pending!(leader.poll());
    let waker = || Waker::from(Arc::new(Reentrant(Arc::clone(&site))));
    for leaves in [true, false] {
        let mut waiting = Box::pin(site.acquire(&claims));
        for _ in 0..2 {
            let poll = waiting.as_mut().poll(&mut Context::from_waker(&waker()));
            assert!(poll.is_pending());
        }
        if leaves {
            drop(waiting);
        } else {
            site.gate.turns(2);
            assert_ready_ok!(leader.poll());
        }
    }
}

#[test]
fn what_was_at_hand_stays_so_when_the_rest_is_refused_or_fails_or_is_dropped() {
    let site = Site::new();
    let hot = take("hot", PLENTY, 1);
    let full = take("full", Quota::fixed(1, 60 * SECOND), 1);
    tokio_test::block_on(site.gate.memory().acquire(std::slice::from_ref(&full))).unwrap();
    site.heat(&hot, 5);
    let before = site.at_hand(&hot);
    let claims = [hot.clone(), full];
    let decisions = tokio_test::block_on(site.acquire(&claims)).unwrap();
    assert!(!decisions.allowed() && decisions[0].allowed() && !decisions[1].allowed());
    assert_eq!(site.at_hand(&hot), before);
    site.gate.set_down(true);
    tokio_test::block_on(site.acquire(&claims)).unwrap_err();
    assert_eq!(site.at_hand(&hot), before);
    site.gate.set_down(false);
    site.gate.shut();
    for turns in 0..2 {
        let mut call = task::spawn(site.acquire(&claims));
        assert_pending!(call.poll());
        site.gate.turns(turns);
        assert_pending!(call.poll());
        assert_eq!(site.at_hand(&hot), before - 1);
        drop(call);
        assert_eq!(site.at_hand(&hot), before);
    }
}
