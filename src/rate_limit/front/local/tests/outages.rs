//! Random outages, beside a store that never fails.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    test_runner::{Config, TestRunner},
};

use super::*;

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
