//! What a key owes to the store: units that were taken in this process, as long as they count.

use std::time::Duration;

use crate::{
    quota::{Algorithm, Quota},
    store::{Claim, Decision, Spend, Window},
    table::{Digest, Slot},
    time::{Timestamp, micros},
};

/// What a key owes to the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Debt {
    pub(super) digest: Digest,
    pub(super) quota: Quota,
    pub(super) units: u32,
    window: Window,
    // When the limit is as if never used.
    ends: Timestamp,
}

impl Debt {
    /// Of a claim in a call that was allowed.
    pub(super) fn new(claim: &Claim, decision: &Decision, now: Timestamp) -> Self {
        let units = match claim.spending() {
            Spend::Take(cost) | Spend::Charge(cost) => cost,
            Spend::Shadow(cost) if decision.allowed() => cost,
            _ => 0,
        };
        Self {
            digest: claim.key().digest(),
            quota: *claim.quota(),
            units,
            window: decision.window(),
            ends: now.after(decision.reset_after()),
        }
    }

    /// Adds it to what was owed before. Of two windows only the later one counts.
    pub(super) fn plus(self, kept: Option<Self>) -> Self {
        let Some(kept) = kept.filter(|kept| kept.quota == self.quota) else {
            return self;
        };
        if self.is_of_window() && self.window != kept.window {
            let later = kept.window.as_u64() > self.window.as_u64();
            return if later { kept } else { self };
        }
        Self {
            units: self.units.saturating_add(kept.units),
            ends: self.ends.max(kept.ends),
            ..self
        }
    }

    /// Reduces it by what was given back of a window.
    pub(super) fn refund(&mut self, cost: u32, window: Window) {
        if !self.is_of_window() || self.window == window {
            self.units = self.units.saturating_sub(cost);
        }
    }

    /// Returns how many units of it the limit still holds as used, which a look at it tells.
    pub(super) fn still_taken(&self, decision: &Decision, now: Timestamp) -> u32 {
        let over = decision.window() != self.window || now.after(self.trip()) >= self.ends;
        if self.is_of_window() && over {
            return 0;
        }
        taken(&self.quota, decision).min(self.units)
    }

    /// Returns whether units count in one window and in no other.
    const fn is_of_window(&self) -> bool {
        matches!(
            self.quota.algorithm(),
            Algorithm::FixedWindow | Algorithm::AlignedWindow
        )
    }

    /// Returns how long before the end of a window a charge may arrive after it.
    fn trip(&self) -> Duration {
        (self.quota.window() / 10).min(Duration::from_secs(1))
    }
}

impl Slot for Debt {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn ends(&self) -> Timestamp {
        self.ends
    }

    fn lives(&self, now: Timestamp) -> bool {
        now < self.ends
    }
}

/// Returns how many units a decision tells to be used, or the least that it may be where it does not tell.
fn taken(quota: &Quota, decision: &Decision) -> u32 {
    let capacity = quota.capacity();
    if decision.remaining() > 0 {
        return capacity.saturating_sub(decision.remaining());
    }
    // As much as there is, or more: in debt, after a charge.
    let (reset, window) = (
        micros(decision.reset_after()),
        micros(quota.window()).max(1),
    );
    let units = match quota.algorithm() {
        Algorithm::Gcra => {
            let time = u128::from(reset.saturating_sub(1)) * u128::from(quota.limit());
            time.div_ceil(window.into())
        }
        Algorithm::TokenBucket => {
            let refills = u128::from(reset.div_ceil(window).saturating_sub(1));
            refills * u128::from(quota.limit()) + 1
        }
        // Everything in the window.
        Algorithm::FixedWindow | Algorithm::AlignedWindow => u128::MAX,
        Algorithm::SlidingWindow | Algorithm::StrictWindow => 0,
    };
    u32::try_from(units).unwrap_or(u32::MAX).max(capacity)
}
