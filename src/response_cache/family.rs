//! What all layers share that are made from one.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    budget::Budget, debts::Debts, digest::Digest, hints::Hints, landed::Landed, purges::Purging,
    ready::Ready,
};
use crate::{
    background::Background,
    counts::Counts,
    flights::Flights,
    store::{Kind, Scope, SharedStore},
    time::Clock,
};

pub(super) struct Family {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) flights: Flights<Digest, Landed>,
    pub(super) hints: Hints,
    /// Purges by URL, with whatever else is in the keys.
    pub(super) dooms: Counts,
    /// Commits by key.
    pub(super) landings: Counts,
    pub(super) debts: Debts,
    pub(super) purging: Arc<Purging>,
    pub(super) budget: Arc<Budget>,
    pub(super) refreshes: Background,
    pub(super) writes: Background,
    // Of all services: an unsafe request to one of them invalidates what the others have stored, too.
    policies: Mutex<Vec<Arc<Ready>>>,
}

/// How many bytes all recordings may hold together by default.
pub(super) const RECORDINGS: u64 = 64 << 20;
/// How many keys are remembered for what their responses vary by.
const HINTS: usize = 4096;

impl Family {
    pub(super) fn new(store: &SharedStore, clock: Arc<dyn Clock>, budget: Arc<Budget>) -> Self {
        Self {
            clock,
            flights: Flights::new(),
            hints: Hints::new(HINTS),
            dooms: Counts::default(),
            landings: Counts::default(),
            debts: Debts::default(),
            purging: Purging::of(store, &Scope::new(Kind::Purge, "cache")),
            budget,
            refreshes: Background::default(),
            writes: Background::default(),
            policies: Mutex::default(),
        }
    }

    /// Takes in the policy of a service.
    ///
    /// # Panics
    /// If there is one of that name whose keys are made of something else: they would answer for each other.
    pub(super) fn add(&self, policy: &Arc<Ready>) {
        let name = policy.policy.name;
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        let known = policies.iter().find(|known| known.policy.name == name);
        let is_known = known.is_some();
        let is_like = known.is_none_or(|known| known.has_keys_like(policy));
        if !is_known {
            policies.push(Arc::clone(policy));
        }
        drop(policies);
        assert!(
            is_like,
            "two cache policies are called {name:?}, and make their keys of something else: give one of them another name"
        );
    }

    pub(super) fn policies(&self) -> Vec<Arc<Ready>> {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.clone()
    }
}
