//! What leases promise, against a store that can be held up at every step.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(feature = "upstash")]
mod bill;
mod flight;
mod give_back;
mod outages;
mod random;
mod room;
mod rules;
mod store;
mod windows;

use std::{sync::Arc, time::Duration};

use self::store::Gate;
use super::Leases;
use crate::{
    quota::Quota,
    rate_limit::lease::Lease,
    store::{Claim, Decision, Decisions, Key, Kind, Result, Scope, SharedStore, Spend},
    time::ManualClock,
};

const SECOND: Duration = Duration::from_secs(1);
const MICRO: Duration = Duration::from_micros(1);
const LEASE: Option<Lease> = Some(Lease::new());
/// So much that no lease is cut.
const PLENTY: Quota = Quota::fixed(1_000_000, Duration::from_secs(3600));

/// A process, and a store whose clock is its own.
struct Site {
    clock: ManualClock,
    gate: Gate,
    store: SharedStore,
    leases: Leases,
}

impl Site {
    fn new() -> Self {
        let clock = ManualClock::default();
        let gate = Gate::new(&clock);
        Self {
            store: SharedStore::new(gate.clone()),
            leases: Leases::new(Arc::new(clock.clone())),
            clock,
            gate,
        }
    }

    /// Another process on the same store.
    fn neighbour(&self) -> Self {
        Self {
            clock: self.clock.clone(),
            gate: self.gate.clone(),
            store: self.store.clone(),
            leases: Leases::new(Arc::new(self.clock.clone())),
        }
    }

    fn locally(&self, claims: &[Claim]) -> Option<Decisions> {
        let mut decisions = Decisions::new();
        let leases = vec![LEASE; claims.len()];
        self.leases
            .try_take(claims, &leases, &mut decisions)
            .then_some(decisions)
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        let leases = vec![LEASE; claims.len()];
        self.leases.acquire(&self.store, claims, &leases).await
    }

    /// What a layer does.
    fn serve(&self, claims: &[Claim]) -> Decisions {
        let by_trip = || tokio_test::block_on(self.acquire(claims)).unwrap();
        self.locally(claims).unwrap_or_else(by_trip)
    }

    /// Serves claims of one unit one by one, and returns how many were allowed.
    fn serve_times(&self, times: usize, claim: &Claim) -> usize {
        let claim = std::slice::from_ref(claim);
        (0..times).filter(|_| self.serve(claim).allowed()).count()
    }

    /// Makes a key hot: at least so many units are at hand then.
    fn heat(&self, claim: &Claim, units: u32) -> Decision {
        loop {
            let decision = self.serve(std::slice::from_ref(claim))[0];
            if self.at_hand(claim) >= units {
                return decision;
            }
        }
    }

    /// Returns how many units could be taken without a trip, and takes none.
    fn at_hand(&self, claim: &Claim) -> u32 {
        let (mut table, now) = self.leases.lock();
        let entry = table.find(claim.key());
        entry.map_or(0, |entry| {
            (0..=1000)
                .rev()
                .find(|units| entry.has(claim.quota(), *units, now))
                .unwrap_or(0)
        })
    }
}

fn key(id: &str) -> Key {
    Scope::new(Kind::Limit, "hot").key(id)
}

fn take(id: &str, quota: Quota, cost: u32) -> Claim {
    Claim::new(key(id), quota).spend(Spend::Take(cost))
}
