//! R21: a flood of keys, on a small budget.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{Budgets, Claim, Decisions, Identifier, Kind, MemoryEvent, MemoryStore, Scope, Store},
    time::ManualClock,
};

use super::{ALGORITHMS, claims::left};

/// Fewer where nothing is optimised: the same test, over in seconds.
const FLOOD: u64 = if cfg!(debug_assertions) {
    300_000
} else {
    10_000_000
};

struct Flooded {
    store: MemoryStore,
    clock: ManualClock,
    evicted: Arc<AtomicU64>,
    scope: Scope,
    decisions: Decisions,
}

impl Flooded {
    fn new(limits: u64) -> Self {
        let (clock, evicted) = (ManualClock::default(), Arc::new(AtomicU64::new(0)));
        let counter = Arc::clone(&evicted);
        let store = MemoryStore::builder()
            .budgets(Budgets::default().limits(limits))
            .clock(clock.clone())
            .on_event(move |event| {
                assert_eq!(event, MemoryEvent::LimitEvicted);
                counter.fetch_add(1, Ordering::Relaxed);
            })
            .build();
        let (scope, decisions) = (Scope::new(Kind::Limit, "flood"), Decisions::new());
        Self {
            store,
            clock,
            evicted,
            scope,
            decisions,
        }
    }

    fn hit(&mut self, number: u64, quota: Quota) {
        let key = self.scope.key(Identifier::new(number.to_le_bytes()));
        self.decisions.clear();
        self.store
            .try_acquire(&[Claim::new(key, quota)], &mut self.decisions)
            .unwrap()
            .unwrap();
    }
}

/// The budget of 64 shards, 52 bytes a state: whatever was not evicted is at most that many.
#[test]
fn the_states_of_limits_stay_within_their_budget() {
    let budget = 1 << 20;
    let mut flooded = Flooded::new(budget);
    let quota = Quota::fixed(10, Duration::from_secs(3600));
    for number in 0..FLOOD {
        flooded.hit(number, quota);
    }
    let kept = FLOOD - flooded.evicted.load(Ordering::Relaxed);
    assert!(
        kept <= budget / 52,
        "{kept} states of 52 bytes are more than {budget}"
    );
    assert!(kept >= budget / 52 * 9 / 10, "only {kept} states are kept");
    let found = (0..FLOOD).filter(|number| {
        left(
            &flooded.store,
            &flooded.scope.key(Identifier::new(number.to_le_bytes())),
            quota,
        ) < 10
    });
    assert_eq!(found.count() as u64, kept);
}

/// Ten million keys in a release build, each with its state, none evicted: what is kept is found.
#[test]
fn many_millions_of_keys_are_kept_apart() {
    let mut flooded = Flooded::new(2 << 30);
    let quota = Quota::per_hour(2);
    for number in 0..FLOOD {
        flooded.hit(number, quota);
    }
    assert_eq!(flooded.evicted.load(Ordering::Relaxed), 0);
    for number in (0..FLOOD).step_by(FLOOD as usize / 1000) {
        flooded.hit(number, quota);
        assert!(flooded.decisions.allowed() && flooded.decisions[0].remaining() == 0);
        flooded.hit(number, quota);
        assert!(!flooded.decisions.allowed());
    }
}

/// No task sweeps: what has expired makes room for what comes, and nothing that lives is evicted.
#[test]
fn expired_states_make_room_before_anything_is_evicted() {
    let mut flooded = Flooded::new(1 << 20);
    for wave in 0..5 {
        for number in 0..15_000 {
            let quota =
                Quota::new(ALGORITHMS[number as usize % 4], 10, Duration::from_secs(60)).unwrap();
            flooded.hit(wave << 32 | number, quota);
        }
        flooded.clock.advance(Duration::from_secs(121));
    }
    let evicted = flooded.evicted.load(Ordering::Relaxed);
    assert!(
        evicted < 100,
        "{evicted} were evicted though the last wave had expired"
    );
}

/// At the least there is room for 64 states in each shard, however small the budget.
#[test]
fn a_budget_of_nothing_still_limits() {
    let mut flooded = Flooded::new(0);
    let quota = Quota::strict(1, Duration::from_secs(3600));
    for number in 0..1000 {
        flooded.hit(number, quota);
        flooded.hit(number, quota);
        assert!(!flooded.decisions.allowed());
    }
}
