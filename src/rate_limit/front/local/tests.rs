//! What is owed after an outage, when, and how often: once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod outages;

use std::time::Duration;

use super::*;
use crate::{
    quota::Quota,
    store::{Decision, Key, Kind, Scope},
    time::ManualClock,
};

const NOTHING: [u32; 0] = [];
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

const DOWN: Error = Error::new(ErrorKind::Unavailable, "down for a test");
const LATE: Error = Error::new(ErrorKind::Timeout, "late for a test");

struct Process {
    local: Local,
    clock: ManualClock,
}

impl Process {
    fn new() -> Self {
        let clock = ManualClock::default();
        Self {
            local: Local::with_clock(Arc::new(clock.clone())),
            clock,
        }
    }

    fn decide(&self, claims: &[Claim]) -> Decisions {
        let mut decisions = Decisions::new();
        self.local.decide(claims, &DOWN, &mut decisions);
        decisions
    }

    fn one(&self, claim: Claim) -> Decision {
        self.decide(&[claim])[0]
    }

    fn owed(&self, quota: Quota) -> Vec<u32> {
        charges(&self.local.owed(&[Claim::new(key("a"), quota)]))
    }
}

fn charges(owed: &Owed) -> Vec<u32> {
    let units = owed.charges().iter().map(|claim| match claim.spending() {
        Spend::Charge(units) => units,
        spend => panic!("owed as {spend:?}"),
    });
    units.collect()
}

fn key(name: &str) -> Key {
    Scope::new(Kind::Limit, "test").key(name)
}

fn take(quota: Quota, cost: u32) -> Claim {
    Claim::new(key("a"), quota).spend(Spend::Take(cost))
}

const EVERY: [Quota; 6] = [
    Quota::per_minute(10),
    Quota::fixed(10, MINUTE),
    Quota::aligned(10, MINUTE),
    Quota::sliding(10, MINUTE),
    Quota::strict(10, MINUTE),
    Quota::token_bucket(10, MINUTE),
];

#[test]
fn what_is_admitted_here_is_owed_once_and_only_for_its_key() {
    for quota in EVERY {
        let process = Process::new();
        assert_eq!(process.owed(quota), NOTHING);
        assert!(process.one(take(quota, 3)).allowed());
        assert!(process.one(take(quota, 4)).allowed());
        let refused = process.one(take(quota, 4));
        assert!(!refused.allowed() && refused.remaining() == 3, "{quota:?}");
        assert!(process.one(take(quota, 4).spend(Spend::Peek(1))).allowed());
        let other = Claim::new(key("b"), quota);
        assert_eq!(charges(&process.local.owed(&[other])), NOTHING);
        assert_eq!(process.owed(quota), [7], "{quota:?}");
        assert_eq!(process.owed(quota), NOTHING);
        // What was handed back still counts here, and is not owed again.
        assert_eq!(process.one(take(quota, 1)).remaining(), 2);
        assert_eq!(process.owed(quota), [1]);
    }
}

#[test]
fn several_claims_are_counted_all_or_nothing() {
    let process = Process::new();
    let (quota, small) = (Quota::per_hour(10), Quota::per_hour(2));
    let claims = |cost| {
        [
            take(quota, 3),
            Claim::new(key("b"), small).spend(Spend::Take(cost)),
            take(quota, 1),
        ]
    };
    assert!(!process.decide(&claims(3)).allowed());
    assert_eq!(charges(&process.local.owed(&claims(3))), NOTHING);
    assert!(process.decide(&claims(2)).allowed());
    assert_eq!(charges(&process.local.owed(&claims(2))), [4, 2]);
}

#[test]
fn a_shadow_is_owed_where_it_was_charged() {
    let process = Process::new();
    let quota = Quota::per_hour(3);
    let shadow = || take(quota, 0).spend(Spend::Shadow(2));
    assert!(process.one(shadow()).allowed());
    let decisions = process.decide(&[shadow()]);
    assert!(decisions.allowed() && !decisions[0].allowed());
    assert_eq!(process.owed(quota), [2]);
}

#[test]
fn after_a_timeout_nothing_is_owed() {
    let process = Process::new();
    let quota = Quota::per_hour(3);
    let mut decisions = Decisions::new();
    process
        .local
        .decide(&[take(quota, 2)], &LATE, &mut decisions);
    assert!(decisions.allowed());
    assert_eq!(process.owed(quota), NOTHING);
    assert!(!process.one(take(quota, 2)).allowed(), "it counts here");
}

#[test]
fn what_could_not_be_handed_back_is_owed_again_unless_it_may_have_been() {
    let process = Process::new();
    let quota = Quota::aligned(10, MINUTE);
    let claim = [take(quota, 1)];
    process.decide(&claim);
    let owed = process.local.owed(&claim);
    process.decide(&claim);
    process.local.owe_again(owed, &DOWN);
    let owed = process.local.owed(&claim);
    assert_eq!(charges(&owed), [2]);
    process.local.owe_again(owed, &LATE);
    assert_eq!(process.owed(quota), NOTHING);
    // It does not get into the next window by that either.
    process.decide(&claim);
    let owed = process.local.owed(&claim);
    process.clock.advance(MINUTE);
    process.decide(&[take(quota, 5)]);
    process.local.owe_again(owed, &DOWN);
    assert_eq!(process.owed(quota), [5]);
}

#[test]
fn a_debt_of_a_window_is_void_shortly_before_its_end() {
    for quota in [Quota::fixed(10, MINUTE), Quota::aligned(10, MINUTE)] {
        let (process, other) = (Process::new(), Process::new());
        for process in [&process, &other] {
            process
                .clock
                .set(Timestamp::from_micros(1_700_000_040_000_000)); // of a whole minute
            process.one(take(quota, 10));
            process.one(take(quota, 10).spend(Spend::Charge(90)));
            process
                .clock
                .advance(59 * SECOND - Duration::from_micros(1));
        }
        assert_eq!(process.owed(quota), [100]);
        other.clock.advance(Duration::from_micros(1));
        assert_eq!(other.owed(quota), NOTHING);
        // A new window owes what was taken in it.
        process.one(take(quota, 10).spend(Spend::Charge(1)));
        process.clock.advance(2 * SECOND);
        process.one(take(quota, 2));
        assert_eq!(process.owed(quota), [2]);
    }
}

#[test]
fn a_debt_shrinks_as_the_limit_recovers() {
    let minute = Quota::per_minute(60).burst(10);
    let process = Process::new();
    process.one(take(minute, 10));
    process.clock.advance(Duration::from_millis(3500));
    assert_eq!(process.owed(minute), [7]);
    process.clock.advance(MINUTE);
    process.one(take(minute, 10));
    process.clock.advance(10 * SECOND);
    assert_eq!(process.owed(minute), NOTHING);

    // An hour at the full rate leaves no more than a burst behind.
    for quota in EVERY {
        let process = Process::new();
        let mut admitted = 0;
        for _ in 0..600 {
            admitted += u32::from(process.one(take(quota, 1)).allowed());
            process.clock.advance(6 * SECOND);
        }
        process.one(take(quota, 1));
        assert!(admitted > 540, "{quota:?}");
        assert!(
            process.owed(quota).iter().all(|units| *units <= 10),
            "{quota:?}"
        );
    }
}

#[test]
fn a_charge_that_failed_is_owed_beyond_the_capacity() {
    for (quota, at_least) in [
        (Quota::per_minute(10), 100),
        (Quota::fixed(10, MINUTE), 100),
        (Quota::aligned(10, MINUTE), 100),
        (Quota::token_bucket(10, MINUTE), 91),
        // These do not tell how much is in sight beyond their limit.
        (Quota::sliding(10, MINUTE), 10),
        (Quota::strict(10, MINUTE), 10),
    ] {
        let process = Process::new();
        process.one(take(quota, 0).spend(Spend::Charge(100)));
        assert_eq!(process.owed(quota), [at_least], "{quota:?}");
    }
}

#[test]
fn a_refund_of_what_was_counted_here_is_owed_less() {
    for quota in EVERY {
        let process = Process::new();
        let window = process.one(take(quota, 6)).window();
        let refund = |cost| take(quota, 0).spend(Spend::Refund { cost, window });
        process.local.refund(&refund(4));
        let left = process.one(take(quota, 0).spend(Spend::Peek(0)));
        assert_eq!(left.remaining(), 8, "{quota:?}");
        assert_eq!(process.owed(quota), [2], "{quota:?}");
        // What is in the store by now is not given back there.
        process.local.refund(&refund(2));
        process.one(take(quota, 1));
        assert_eq!(process.owed(quota), [1], "{quota:?}");
    }
    // A window that is past is not the one that is owed.
    let (process, quota) = (Process::new(), Quota::aligned(10, MINUTE));
    let window = process.one(take(quota, 6)).window();
    process.clock.advance(MINUTE);
    process.one(take(quota, 5));
    let refund = Spend::Refund { cost: 5, window };
    process.local.refund(&take(quota, 0).spend(refund));
    assert_eq!(process.owed(quota), [5]);
}

#[test]
fn a_refund_of_what_the_store_counted_gives_nothing_back_here() {
    let (process, quota) = (Process::new(), Quota::aligned(10, MINUTE));
    let window = process.one(take(quota, 6)).window();
    let refund = Spend::Refund { cost: 6, window };
    let answer = process.one(take(quota, 0).spend(refund));
    assert_eq!((answer.allowed(), answer.remaining()), (true, 4));
    assert_eq!(process.owed(quota), [6]);
    Local::new().refund(&take(quota, 0).spend(refund)); // nothing was counted at all
}

#[test]
fn another_quota_owes_nothing() {
    let process = Process::new();
    process.one(take(Quota::per_hour(10), 5));
    assert_eq!(process.owed(Quota::per_hour(20)), NOTHING);
    process.one(take(Quota::per_hour(10), 1));
    process.one(take(Quota::per_hour(20), 2));
    assert_eq!(process.owed(Quota::per_hour(20)), [2]);
}

#[test]
fn claims_that_break_the_contract_are_not_decided() {
    let process = Process::new();
    let quota = Quota::per_hour(1);
    let cache = Scope::new(Kind::Cache, "test").key("a");
    assert!(process.decide(&[Claim::new(cache, quota)]).is_empty());
    assert!(process.decide(&vec![take(quota, 0); 9]).is_empty());
    let mut decisions = process.decide(&[take(quota, 2)]);
    assert!(!decisions.allowed());
    process.local.decide(&[], &DOWN, &mut decisions);
    assert!(decisions.allowed() && decisions.is_empty());
}

#[test]
fn more_keys_in_debt_than_there_is_room_for_owe_nothing() {
    let process = Process::new();
    let claims: Vec<_> = (0..20_000)
        .map(|number: u32| Claim::new(key(&number.to_string()), Quota::per_hour(10)))
        .collect();
    for claim in &claims {
        process.one(claim.clone());
    }
    assert_eq!(process.local.debts.taken(), Local::DEBTS);
    assert!(process.local.debts.bytes() <= 400 << 10);
    let owing = claims
        .iter()
        .map(|claim| process.local.owed(std::slice::from_ref(claim)))
        .filter(|owed| charges(owed) == [1]);
    assert_eq!(owing.count(), Local::DEBTS);
}

#[test]
fn debts_that_nobody_asks_for_end_by_themselves() {
    let process = Process::new();
    process.one(take(Quota::per_minute(60), 1));
    assert!(!process.local.debts.is_empty());
    process.clock.advance(SECOND);
    let other = Claim::new(key("b"), Quota::per_hour(1));
    assert!(process.local.owed(&[other]).charges().is_empty());
    assert!(
        process.local.debts.is_empty(),
        "from then on it is one load"
    );
}

#[test]
fn threads_that_count_and_hand_back_at_once_owe_each_unit_once() {
    const EACH: u32 = 5_000;
    let (process, quota) = (Process::new(), Quota::fixed(1_000_000, 60 * MINUTE));
    let work = || {
        let claim = [take(quota, 1)];
        let (mut decisions, mut handed_back) = (Decisions::new(), 0);
        for turn in 0..EACH {
            process.local.decide(&claim, &DOWN, &mut decisions);
            assert!(decisions.allowed());
            let owed = process.local.owed(&claim);
            if turn % 3 == 0 {
                process.local.owe_again(owed, &DOWN);
            } else {
                handed_back += charges(&owed).iter().sum::<u32>();
            }
        }
        handed_back
    };
    let handed_back: u32 = std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(work));
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    let rest: u32 = process.owed(quota).iter().sum();
    assert_eq!(handed_back + rest, 4 * EACH);
}
