//! What all layers share that are made from one.

use std::sync::{Arc, Mutex, PoisonError};

use super::{
    budget::Budget, counts::Counts, debts::Debts, digest::Digest, hints::Hints, landed::Landed,
    purges::Purging, ready::Ready,
};
use crate::{
    background::Background,
    flights::Flights,
    store::{Kind, Scope, SharedStore},
    time::{Clock, SystemClock},
};

pub(super) struct Family {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) flights: Flights<Digest, Landed>,
    pub(super) hints: Hints,
    pub(super) dooms: Counts,
    pub(super) landings: Counts,
    pub(super) debts: Debts,
    pub(super) purging: Arc<Purging>,
    pub(super) budget: Arc<Budget>,
    pub(super) background: Background,
    // Of all layers: an unsafe request to one of them invalidates what the others have stored, too.
    policies: Mutex<Vec<Arc<Ready>>>,
}

/// What a family is made of.
#[derive(Clone)]
pub(super) struct Seed {
    pub(super) clock: Arc<dyn Clock>,
    /// How many bytes all recordings may hold together.
    pub(super) recordings: usize,
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            recordings: 64 << 20,
        }
    }
}

impl Seed {
    pub(super) fn grow(&self, store: &SharedStore) -> Family {
        Family {
            clock: Arc::clone(&self.clock),
            flights: Flights::new(),
            hints: Hints::new(4096),
            dooms: Counts::new(),
            landings: Counts::new(),
            debts: Debts::default(),
            purging: Purging::of(store, &Scope::new(Kind::Purge, "cache")),
            budget: Arc::new(Budget::new(self.recordings as u64)),
            background: Background::default(),
            policies: Mutex::default(),
        }
    }
}

impl Family {
    pub(super) fn add(&self, policy: &Arc<Ready>) {
        let mut policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.retain(|known| known.policy.name != policy.policy.name);
        policies.push(Arc::clone(policy));
    }

    pub(super) fn policies(&self) -> Vec<Arc<Ready>> {
        let policies = self.policies.lock().unwrap_or_else(PoisonError::into_inner);
        policies.clone()
    }
}
