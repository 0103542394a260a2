//! What is refused, for how long, and that it is never too much.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod replay;
mod room;

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::{
    store::{Decisions, Kind, MemoryStore, Scope, Store, Window},
    time::{Clock, ManualClock},
};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// A store behind a deny cache, as a layer has them.
struct Front {
    denials: Denials,
    store: MemoryStore,
    clock: ManualClock,
}

impl Front {
    fn new(entries: usize) -> Self {
        let clock = ManualClock::default();
        Self {
            denials: Denials::new(entries),
            store: MemoryStore::builder().clock(clock.clone()).build(),
            clock,
        }
    }

    fn find(&self, claim: &Claim) -> Option<Decision> {
        self.denials.find(claim, self.clock.now())
    }

    fn ask(&self, claims: &[Claim]) -> Decisions {
        let mut decisions = Decisions::new();
        self.store
            .try_acquire(claims, &mut decisions)
            .unwrap()
            .unwrap();
        decisions
    }

    /// Asks the store, at the end of a trip there, and notes the answer, at the end of the trip back.
    fn trip(&self, claim: &Claim, there: Duration, back: Duration) -> Decision {
        let asked_at = self.clock.now();
        self.clock.advance(there);
        let decisions = self.ask(std::slice::from_ref(claim));
        self.clock.advance(back);
        let now = self.clock.now();
        self.denials
            .note(std::slice::from_ref(claim), &decisions, asked_at, now);
        decisions[0]
    }

    fn note(&self, claim: &Claim) -> Decision {
        self.trip(claim, Duration::ZERO, Duration::ZERO)
    }
}

fn key(number: u32) -> Key {
    Scope::new(Kind::Limit, "test").key(IpAddr::from(Ipv4Addr::from_bits(number)))
}

fn claim(quota: Quota, cost: u32) -> Claim {
    Claim::new(key(0), quota).spend(Spend::Take(cost))
}

#[test]
fn a_refusal_is_repeated_with_the_rest_of_its_wait_until_that_is_over() {
    let front = Front::new(8);
    let one = claim(Quota::per_second(2), 1);
    assert_eq!(front.find(&one), None);
    assert!(front.note(&claim(Quota::per_second(2), 2)).allowed());
    assert_eq!(front.find(&one), None, "what was allowed is not noted");
    let refused = front.note(&one);
    assert_eq!(refused.retry_after(), Some(500 * MILLI));
    assert_eq!(front.find(&one), Some(refused));
    front.clock.advance(499 * MILLI);
    let later = front.find(&one).unwrap();
    assert_eq!(later.retry_after(), Some(MILLI));
    assert_eq!(later.reset_after(), 501 * MILLI);
    assert_eq!((later.limit(), later.remaining()), (2, 0));
    front.clock.advance(MILLI);
    assert_eq!(front.find(&one), None);
    assert!(front.note(&one).allowed());
}

#[test]
fn a_long_refusal_is_believed_for_a_second() {
    for (quota, cost) in [(Quota::per_hour(1), 1), (Quota::NONE, 1)] {
        let front = Front::new(8);
        front.note(&claim(quota, cost));
        let refused = front.note(&claim(quota, cost));
        assert!(!refused.allowed());
        front.clock.advance(SECOND - MILLI);
        let found = front.find(&claim(quota, cost)).unwrap();
        let wait = |decision: &Decision| decision.retry_after();
        assert_eq!(
            wait(&found),
            wait(&refused).map(|wait| wait - SECOND + MILLI)
        );
        front.clock.advance(MILLI);
        assert_eq!(front.find(&claim(quota, cost)), None);
    }
}

#[test]
fn only_takes_are_refused_and_looks_are_noted() {
    let front = Front::new(8);
    let quota = Quota::per_hour(1);
    front.note(&claim(quota, 1));
    assert!(
        !front
            .note(&claim(quota, 1).spend(Spend::Shadow(1)))
            .allowed()
    );
    assert_eq!(front.find(&claim(quota, 1)), None);
    assert!(!front.note(&claim(quota, 1).spend(Spend::Peek(1))).allowed());
    assert!(front.find(&claim(quota, 1)).is_some());
    let refund = Spend::Refund {
        cost: 1,
        window: Window::from_u64(0),
    };
    let others = [
        Spend::Peek(1),
        Spend::Shadow(1),
        Spend::Charge(1),
        refund,
        Spend::Take(0),
    ];
    for spend in others {
        assert_eq!(front.find(&claim(quota, 1).spend(spend)), None, "{spend:?}");
    }
}

#[test]
fn another_key_and_another_quota_are_not_refused() {
    let front = Front::new(8);
    front.note(&claim(Quota::per_hour(1), 1));
    front.note(&claim(Quota::per_hour(1), 1));
    assert_eq!(front.find(&Claim::new(key(1), Quota::per_hour(1))), None);
    assert!(front.find(&claim(Quota::per_hour(1), 1)).is_some());
    assert_eq!(front.find(&claim(Quota::per_hour(2), 1)), None);
}

// A limit of five: three and three are refused together, and three alone would be allowed.
#[test]
fn a_claim_that_is_refused_for_the_sum_of_two_is_not_noted() {
    let front = Front::new(8);
    let three = claim(Quota::per_hour(5), 3);
    let both = [three.clone(), three.clone()];
    let (now, decisions) = (front.clock.now(), front.ask(&both));
    assert!(!decisions.allowed());
    front.denials.note(&both, &decisions, now, now);
    assert_eq!(front.find(&three), None);
    assert!(front.note(&three).allowed());
}

#[test]
fn a_larger_cost_is_refused_with_its_own_wait() {
    let minute = 60 * SECOND;
    let exact = [
        Quota::per_minute(10),
        Quota::fixed(10, minute),
        Quota::aligned(10, minute),
    ];
    for quota in exact {
        let front = Front::new(8);
        front.note(&claim(quota, 10));
        front.note(&claim(quota, 2));
        front.clock.advance(MILLI);
        for cost in [2, 5, 10, 11] {
            let (found, truth) = (
                front.find(&claim(quota, cost)).unwrap(),
                front.ask(&[claim(quota, cost)]),
            );
            assert_eq!(found.verdict(), truth[0].verdict(), "{cost} of {quota:?}");
        }
    }
    let asking = [
        Quota::sliding(10, minute),
        Quota::strict(10, minute),
        Quota::token_bucket(10, minute),
    ];
    for quota in asking {
        let front = Front::new(8);
        front.note(&claim(quota, 10));
        front.note(&claim(quota, 2));
        assert_eq!(front.find(&claim(quota, 7)), None, "{quota:?}");
        front.note(&claim(quota, 7));
        for cost in [2, 7] {
            assert_eq!(
                front.find(&claim(quota, cost)),
                Some(front.ask(&[claim(quota, cost)])[0])
            );
        }
        let (between, most) = (
            front.find(&claim(quota, 5)).unwrap(),
            front.find(&claim(quota, 7)).unwrap(),
        );
        assert_eq!(between.retry_after(), most.retry_after());
        assert_eq!(front.find(&claim(quota, 8)), None);
        assert_eq!(
            front.find(&claim(quota, 11)).unwrap().verdict(),
            Verdict::Never
        );
    }
}

#[test]
fn a_smaller_cost_goes_to_the_store_and_takes_the_entry_with_it() {
    let front = Front::new(8);
    let quota = Quota::per_minute(10);
    front.note(&claim(quota, 7));
    let early = front.note(&claim(quota, 5)).retry_after();
    assert_eq!(front.find(&claim(quota, 3)), None);
    assert!(front.note(&claim(quota, 3)).allowed());
    // The wait that was noted is too early now.
    assert_eq!(front.find(&claim(quota, 5)), None);
    assert!(front.note(&claim(quota, 5)).retry_after() > early);
    // A smaller one that is refused is the entry from then on.
    front.note(&claim(quota, 1));
    for cost in [1, 5] {
        assert_eq!(
            front.find(&claim(quota, cost)).unwrap().verdict(),
            front.ask(&[claim(quota, cost)])[0].verdict()
        );
    }
}

#[test]
fn a_key_is_forgotten() {
    let front = Front::new(8);
    front.denials.forget(&key(0));
    let one = claim(Quota::per_hour(1), 1);
    front.note(&one);
    front.note(&one);
    front.denials.forget(&key(1));
    assert!(front.find(&one).is_some());
    front.denials.forget(&key(0));
    assert_eq!(front.find(&one), None);
}

#[test]
fn an_entry_ends_by_when_the_call_left_and_waits_by_when_the_answer_came() {
    let front = Front::new(8);
    let one = claim(Quota::per_second(2), 1);
    front.note(&claim(Quota::per_second(2), 2));
    let refused = front.trip(&one, 100 * MILLI, 100 * MILLI);
    assert_eq!(refused.retry_after(), Some(400 * MILLI));
    assert_eq!(front.find(&one), Some(refused));
    front.clock.advance(199 * MILLI);
    assert_eq!(front.find(&one).unwrap().retry_after(), Some(201 * MILLI));
    front.clock.advance(MILLI);
    assert_eq!(front.find(&one), None);
    // An answer that comes after its own wait is not noted.
    let slow = front.trip(&claim(Quota::per_second(2), 2), Duration::ZERO, SECOND);
    assert!(!slow.allowed());
    assert_eq!(front.denials.0.taken(), 1);
}

#[test]
fn a_clock_that_goes_back_prolongs_nothing() {
    let front = Front::new(8);
    let one = claim(Quota::per_hour(1), 1);
    front.note(&one);
    front.note(&one);
    let now = front.clock.now();
    front.clock.set(Timestamp::from_micros(now.as_micros() - 1));
    assert_eq!(front.find(&one), None);
    // It went back during the call: a second from the answer on, not from before.
    let refused = front.ask(std::slice::from_ref(&one));
    let earlier = Timestamp::from_micros(now.as_micros() - 3_600_000_000);
    front
        .denials
        .note(std::slice::from_ref(&one), &refused, now, earlier);
    let at = |after| front.denials.find(&one, earlier.after(after));
    assert!(at(SECOND - MILLI).is_some());
    assert_eq!(at(SECOND), None);
}
