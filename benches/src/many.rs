//! Many keys: how many bytes one costs, and how long the slowest insert takes.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use tower_upstash::{
    quota::Quota,
    store::{Budgets, Claim, Decisions, Kind, MemoryStore, Scope, Store},
};

use crate::heap;

// Long enough that nothing expires meanwhile.
const QUOTA: Quota = Quota::per_day(1000).burst(1000);

/// Returns the live heap bytes per key, at each number of keys, under the default budgets.
pub fn bytes_per_key(sizes: &[u32]) -> Vec<f64> {
    let before = heap::live();
    let evicted = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&evicted);
    let store = MemoryStore::builder()
        .on_event(move |_| _ = count.fetch_add(1, Relaxed))
        .build();
    let scope = Scope::new(Kind::Limit, "api");
    let mut inserted = 0;
    let bytes = sizes
        .iter()
        .map(|size| {
            (inserted..*size).for_each(|at| insert(&store, &claim(&scope, at)));
            inserted = *size;
            (heap::live() - before) as f64 / f64::from(*size)
        })
        .collect();
    assert_eq!(
        evicted.load(Relaxed),
        0,
        "the budget is too small for this measurement"
    );
    bytes
}

/// How long inserts took, in microseconds.
pub struct Latencies(Vec<u32>);

impl Latencies {
    /// Inserts that many keys under a budget that holds them all.
    pub fn measure(keys: u32) -> Self {
        let budgets = Budgets::default().limits(1 << 30);
        let store = MemoryStore::builder().budgets(budgets).build();
        let scope = Scope::new(Kind::Limit, "api");
        let timed = |at| {
            let claim = claim(&scope, at);
            let start = Instant::now();
            insert(&store, &claim);
            start.elapsed().as_nanos() as u32
        };
        let mut nanos = Vec::with_capacity(keys as usize);
        nanos.extend((0..keys).map(timed));
        nanos.sort_unstable();
        Self(nanos)
    }

    /// Returns the time that this share of the inserts did not exceed.
    pub fn micros(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        f64::from(self.0[(last as f64 * share).round() as usize]) / 1000.0
    }
}

fn claim(scope: &Scope, at: u32) -> Claim {
    Claim::new(
        scope.key(std::net::IpAddr::from(Ipv4Addr::from_bits(at))),
        QUOTA,
    )
}

fn insert(store: &MemoryStore, claim: &Claim) {
    let mut decisions = Decisions::new();
    let answer = store.try_acquire(std::slice::from_ref(claim), &mut decisions);
    assert!(matches!(answer, Some(Ok(()))) && decisions.allowed());
}
