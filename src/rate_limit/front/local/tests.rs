//! What is owed after an outage, when, and how often: once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    time::Duration,
};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    test_runner::{Config, TestRunner},
};

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

#[derive(Clone, Copy, Debug, PartialEq)]
enum Link {
    Up,
    Down,
    /// The answer is lost.
    Late,
    /// The call is lost, and nobody knows.
    Lost,
}

/// A process, its store behind a link, and the store that would have been had the link never failed.
struct World {
    process: Process,
    store: MemoryStore,
    twin: MemoryStore,
    link: Cell<Link>,
    admitted: RefCell<HashMap<(u32, u64), u32>>,
}

impl World {
    fn new() -> Self {
        let process = Process::new();
        let store = || {
            let clock = process.clock.clone();
            MemoryStore::builder().clock(clock).build()
        };
        Self {
            store: store(),
            twin: store(),
            process,
            link: Cell::new(Link::Up),
            admitted: RefCell::default(),
        }
    }

    /// As the layer does it: what is owed leaves before the claim.
    fn request(&self, name: u32, quota: Quota, cost: u32) {
        let claim = [Claim::new(key(&name.to_string()), quota).spend(Spend::Take(cost))];
        let owed = self.process.local.owed(&claim);
        let mut decisions = Decisions::new();
        if matches!(self.link.get(), Link::Up | Link::Late) {
            ask(&self.store, owed.charges());
            decisions = ask(&self.store, &claim);
        }
        let error = match self.link.get() {
            Link::Up => None,
            Link::Down => Some(DOWN),
            Link::Late | Link::Lost => Some(LATE),
        };
        if let Some(error) = error {
            self.process.local.owe_again(owed, &error);
            self.process.local.decide(&claim, &error, &mut decisions);
        }
        if decisions.allowed() {
            ask(&self.twin, &[claim[0].clone().spend(Spend::Charge(cost))]);
            let window = self.process.clock.now().as_micros() / 60_000_000;
            *self
                .admitted
                .borrow_mut()
                .entry((name, window))
                .or_default() += cost;
        }
    }

    /// Returns what is left in the store and in its twin.
    fn left(&self, name: u32, quota: Quota) -> (u32, u32) {
        let peek = [Claim::new(key(&name.to_string()), quota).spend(Spend::Peek(0))];
        let left = |store| ask(store, &peek)[0].remaining();
        (left(&self.store), left(&self.twin))
    }

    /// Returns whether a charge may come too late for its window.
    fn is_end_of_window(&self) -> bool {
        self.process.clock.now().as_micros() % 60_000_000 >= 59_000_000
    }
}

fn ask(store: &MemoryStore, claims: &[Claim]) -> Decisions {
    let mut decisions = Decisions::new();
    store.try_acquire(claims, &mut decisions).unwrap().unwrap();
    decisions
}

/// Moments: which key asks for how much, after how many milliseconds, over which link.
fn outages(links: &'static [Link]) -> impl Strategy<Value = Vec<(u32, u32, u64, Link)>> {
    let while_ = prop_oneof![2 => Just(0), 4 => 0..3_000_u64, 1 => 0..40_000_u64];
    let link = prop_oneof![
        3 => Just(None),
        1 => (0..links.len()).prop_map(move |at| Some(links[at])),
    ];
    let moments = vec((0..3_u32, 0..6_u32, while_, link), 1..200);
    moments.prop_map(|moments| {
        let mut now = Link::Up;
        let with_link = moments.into_iter().map(|(name, cost, after, link)| {
            now = link.unwrap_or(now);
            (name, cost, after, now)
        });
        with_link.collect()
    })
}

/// Replays outages, and calls `check` after each request that the store has answered.
fn replay(quota: Quota, links: &'static [Link], check: impl Fn(&World, u32)) {
    let checks = Cell::new(0);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(300)
    });
    let run = |moments: Vec<(u32, u32, u64, Link)>| {
        let world = World::new();
        for (name, cost, after, link) in moments {
            world.process.clock.advance(Duration::from_millis(after));
            world.link.set(link);
            world.request(name, quota, cost);
            if link == Link::Up {
                checks.set(checks.get() + 1);
                check(&world, name);
            }
        }
        Ok(())
    };
    runner.run(&outages(links), run).unwrap();
    assert!(checks.get() > 1000);
}

#[test]
fn after_the_hand_back_an_aligned_window_is_as_if_the_store_had_never_failed() {
    let quota = Quota::aligned(20, MINUTE);
    replay(quota, &[Link::Up, Link::Down], |world, name| {
        let (store, twin) = world.left(name, quota);
        assert!(store == twin || world.is_end_of_window() && store > twin);
    });
}

#[test]
fn no_window_admits_more_than_the_store_and_one_local_allowance() {
    let quota = Quota::aligned(20, MINUTE);
    let links = &[Link::Up, Link::Down, Link::Late, Link::Lost];
    replay(quota, links, |world, _| {
        assert!(world.admitted.borrow().values().all(|units| *units <= 40));
    });
}

// A call that timed out may have been refused, so the twin may have more than the store, but never less.
#[test]
fn nothing_is_charged_twice() {
    let quota = Quota::aligned(1000, MINUTE);
    let links = &[Link::Up, Link::Down, Link::Late, Link::Lost];
    replay(quota, links, |world, name| {
        let (store, twin) = world.left(name, quota);
        assert!(store >= twin);
    });
}

#[test]
fn after_the_hand_back_a_bucket_holds_no_less_than_if_the_store_had_never_failed() {
    let quota = Quota::per_minute(60).burst(20);
    replay(quota, &[Link::Up, Link::Down], |world, name| {
        let (store, twin) = world.left(name, quota);
        // A unit that has partly recovered is owed whole.
        assert!(store + 1 >= twin, "{store} {twin}");
    });
}

#[test]
fn a_bucket_that_was_full_before_an_outage_is_exact_after_it() {
    let quota = Quota::per_minute(60).burst(20);
    let world = World::new();
    world.link.set(Link::Down);
    for cost in [5, 3, 9, 1, 2, 6] {
        world.request(0, quota, cost);
        world.process.clock.advance(Duration::from_millis(2300));
    }
    world.link.set(Link::Up);
    world.request(0, quota, 0);
    let (store, twin) = world.left(0, quota);
    assert!(store == twin && twin < 20, "{store} {twin}");
}
