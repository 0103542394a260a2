//! R1, R3 under threads: exact to the unit, and never stuck.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{Claim, Decisions, MemoryStore, Spend, Store},
};

use super::{
    ALGORITHMS, acquire,
    claims::{left, quota},
    limit, still,
};

const THREADS: usize = 8;
const CALLS: usize = 100_000;

/// Runs in eight threads that begin at once.
fn in_threads(work: impl Fn(usize) + Sync) {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (work, start) = (&work, &start);
            scope.spawn(move || {
                start.wait();
                work(thread);
            });
        }
    });
}

/// Asks again and again, and counts how often the call was allowed.
fn hammer(store: &MemoryStore, claims: &[Claim], calls: usize) -> u32 {
    let mut decisions = Decisions::new();
    let mut allowed = 0;
    for _ in 0..calls {
        decisions.clear();
        store.try_acquire(claims, &mut decisions).unwrap().unwrap();
        allowed += u32::from(decisions.allowed());
    }
    allowed
}

#[test]
fn eight_threads_get_exactly_the_limit_by_a_real_clock() {
    let store = MemoryStore::new();
    let claims = [Claim::new(
        limit("one"),
        Quota::fixed(54_321, Duration::from_secs(86_400)),
    )];
    let admitted = AtomicU32::new(0);
    in_threads(|_| {
        admitted.fetch_add(hammer(&store, &claims, CALLS), Ordering::Relaxed);
    });
    assert_eq!(admitted.into_inner(), 54_321);
}

/// The smallest of three limits decides, and the others are charged for what it allowed and no more.
#[test]
fn three_claims_are_charged_together_or_not_at_all() {
    for algorithm in ALGORITHMS {
        let (store, _) = still();
        let keys = ["a", "b", "c"].map(limit);
        let quotas = [2000, 500, 1000].map(|most| quota(algorithm, most));
        let claims: Vec<_> = keys
            .iter()
            .zip(quotas)
            .map(|(key, quota)| Claim::new(key.clone(), quota))
            .collect();
        let admitted = AtomicU32::new(0);
        in_threads(|_| {
            admitted.fetch_add(hammer(&store, &claims, 2000), Ordering::Relaxed);
        });
        assert_eq!(admitted.into_inner(), 500, "{algorithm:?}");
        let rest: Vec<_> = keys
            .iter()
            .zip(quotas)
            .map(|(key, quota)| left(&store, key, quota))
            .collect();
        assert_eq!(rest, [1500, 0, 500]);
    }
}

/// R15: units that are given back can be taken once more each, and not twice.
#[test]
fn refunds_under_threads_neither_lose_nor_make_units() {
    for algorithm in ALGORITHMS {
        let (store, _) = still();
        let (key, quota) = (limit("one"), quota(algorithm, 100));
        let held = AtomicU32::new(0);
        in_threads(|_| {
            for turn in 0..2000 {
                let taken = acquire(
                    &store,
                    &[Claim::new(key.clone(), quota).spend(Spend::Take(30))],
                );
                if !taken.allowed() {
                    continue;
                }
                let now = held.fetch_add(30, Ordering::SeqCst) + 30;
                assert!(now <= 100, "{now} of 100 are held at once");
                if turn < 1999 {
                    held.fetch_sub(30, Ordering::SeqCst);
                    let window = taken[0].window();
                    let refund = Spend::Refund { cost: 30, window };
                    acquire(&store, &[Claim::new(key.clone(), quota).spend(refund)]);
                }
            }
        });
        assert_eq!(
            left(&store, &key, quota),
            100 - held.into_inner(),
            "{algorithm:?}"
        );
    }
}
