//! Units that a store has debited: where, and how long they are good for.

use crate::{
    quota::{Algorithm, Quota},
    rate_limit::lease::Lease,
    store::{Decision, Spend, Window},
    time::{Timestamp, micros},
};

/// Units of one trip that can be given back: in the window they were debited in, under its quota.
#[derive(Clone, Copy)]
pub(super) struct Debit {
    /// The trip.
    pub(super) id: u64,
    pub(super) quota: Quota,
    pub(super) window: Window,
    pub(super) units: u32,
    /// From then on nothing is given back.
    pub(super) until: Timestamp,
}

impl Debit {
    pub(super) const fn refund(&self) -> Spend {
        Spend::Refund {
            cost: self.units,
            window: self.window,
        }
    }
}

/// A trip for a key that others wait for.
pub(super) struct Led {
    pub(super) id: u64,
    /// What the claim itself takes.
    pub(super) cost: u32,
    /// What the trip takes.
    pub(super) units: u32,
    pub(super) lease: Lease,
}

/// What a trip brought: the units at hand, and when they cease to be.
#[derive(Clone, Copy)]
pub(super) struct Held {
    /// Its units are those at hand.
    pub(super) debit: Debit,
    /// How many units were debited.
    pub(super) size: u32,
    begun: Timestamp,
    end: Timestamp,
    life: u64,
    pub(super) decision: Decision,
}

impl Held {
    /// Holds what a trip brought beyond its own cost. `begun` is before the trip: the store's window ends no earlier
    /// than it seems from there.
    pub(super) fn new(led: &Led, quota: &Quota, begun: Timestamp, decision: Decision) -> Self {
        let (life, reset) = (micros(led.lease.lives()), micros(decision.reset_after()));
        let (end, until) = match quota.algorithm() {
            // Units come back one by one: there is no window to end with.
            Algorithm::Gcra => (life, reset),
            _ => {
                let window = window_left(quota, reset);
                (life.min(window), window)
            }
        };
        let after = |wait: u64| Timestamp::from_micros(begun.as_micros().saturating_add(wait));
        let debit = Debit {
            id: led.id,
            quota: *quota,
            window: decision.window(),
            units: led.units.saturating_sub(led.cost),
            until: after(until),
        };
        Self {
            debit,
            size: led.units,
            begun,
            end: after(end),
            life,
            decision,
        }
    }

    /// Returns whether the lease is good now. One from the future never is: the clock went back.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.begun <= now && now < self.end
    }

    /// Returns whether so many units are at hand.
    pub(super) fn has(&self, cost: u32, now: Timestamp) -> bool {
        self.is_live(now) && self.debit.units >= cost
    }

    /// Returns how many lives have passed since the end.
    pub(super) fn idle(&self, now: Timestamp) -> u64 {
        let since = now.as_micros().saturating_sub(self.end.as_micros());
        since / self.life.max(1)
    }

    /// Takes units, if so many are at hand.
    pub(super) fn take(&mut self, cost: u32, now: Timestamp) -> Option<(Debit, Decision)> {
        if !self.has(cost, now) {
            return None;
        }
        self.debit.units -= cost;
        let taken = Debit {
            units: cost,
            ..self.debit
        };
        let gone = now.as_micros().saturating_sub(self.begun.as_micros());
        let reset = micros(self.decision.reset_after()).saturating_sub(gone);
        let remaining = self.decision.remaining().saturating_add(self.debit.units);
        Some((
            taken,
            Decision::new(
                self.decision.verdict(),
                self.decision.limit(),
                remaining,
                reset,
                self.debit.window,
            ),
        ))
    }
}

/// Returns how much of the window is left in which units were just taken: whole windows, or refills, lie between its end
/// and the reset.
fn window_left(quota: &Quota, reset: u64) -> u64 {
    let window = micros(quota.window()).max(1);
    reset.checked_sub(1).map_or(0, |reset| reset % window + 1)
}
