//! What is known of one leased key.

use std::{
    mem,
    task::{Poll, Waker},
};

use smallvec::SmallVec;

use super::debit::{Debit, Held, Led};
use crate::{
    quota::Quota,
    store::{Decision, ErrorKind, Key},
    time::Timestamp,
};

pub(super) struct Entry {
    key: Key,
    quota: Quota,
    held: Option<Held>,
    // How many units the next trip takes, as far as the store has them.
    size: u32,
    // What the store had left, when it was last asked.
    remaining: u32,
    returns: SmallVec<[Debit; 1]>,
    refill: Option<Refill>,
    // The last refill that brought nothing, and why.
    failed: (u64, Outcome),
    // Trips up to this one no longer count: the key was reset since, or nothing is known of them.
    void: u64,
    // How many units those want who wait, or have been woken.
    demand: u32,
}

/// A trip that is under way, and who waits for it.
pub(super) struct Refill {
    id: u64,
    begun: Timestamp,
    waiters: Vec<(u64, Waker)>,
}

/// How a refill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// There may be units now; if there are none, somebody else may fetch some.
    Done,
    /// The limit refused, or the store cannot take that very call: waiting for another one would only take longer.
    Alone,
    /// The store is away: whoever asked it now would be told the same, as late.
    Away(ErrorKind),
}

impl Refill {
    /// How long a trip is waited for, as far as anybody looks.
    pub(super) const PATIENCE: u64 = 1_000_000;

    pub(super) fn wake(self) {
        self.waiters.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Returns whether it takes so long that its caller may be alive and yet not polled.
    fn is_overdue(&self, now: Timestamp) -> bool {
        now.as_micros().saturating_sub(self.begun.as_micros()) >= Self::PATIENCE
    }
}

impl Entry {
    // More would be the leftovers of several trips that could not be given back: the oldest are lost.
    const MOST_RETURNS: usize = 4;

    pub(super) fn new(key: Key, quota: Quota, void: u64) -> Self {
        Self {
            key,
            quota,
            held: None,
            size: 1,
            remaining: 0,
            returns: SmallVec::new(),
            refill: None,
            failed: (0, Outcome::Done),
            void,
            demand: 0,
        }
    }

    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// Returns whether the entry can be forgotten: nobody is at work, and nothing is at hand.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let live = self.held.is_some_and(|held| held.is_live(now));
        !live && self.refill.is_none() && self.demand == 0
    }

    /// Returns whether nothing is lost with the entry but the size of its next lease.
    pub(super) fn is_spent(&self, now: Timestamp) -> bool {
        let empty = self.held.is_none_or(|held| held.debit.units == 0);
        let owed = self.returns.iter().any(|owed| now < owed.until);
        empty && !owed && self.refill.is_none() && self.demand == 0
    }

    pub(super) fn take(
        &mut self,
        quota: &Quota,
        cost: u32,
        now: Timestamp,
    ) -> Option<(Debit, Decision)> {
        let held = self.held.as_mut().filter(|_| self.quota == *quota)?;
        held.take(cost, now)
    }

    /// Returns whether so many units are at hand.
    pub(super) fn has(&self, quota: &Quota, cost: u32, now: Timestamp) -> bool {
        self.quota == *quota && self.held.is_some_and(|held| held.has(cost, now))
    }

    /// Takes back what was taken and is not needed.
    pub(super) fn put_back(&mut self, debit: Debit) {
        match &mut self.held {
            Some(held) if held.debit.id == debit.id => {
                held.debit.units = held.debit.units.saturating_add(debit.units);
            }
            _ => self.owe(debit),
        }
    }

    /// Keeps units to be given back to the store.
    pub(super) fn owe(&mut self, debit: Debit) {
        if debit.id <= self.void || debit.units == 0 {
            return;
        }
        let same = |owed: &&mut Debit| owed.window == debit.window && owed.quota == debit.quota;
        if let Some(owed) = self.returns.iter_mut().find(same) {
            owed.units = owed.units.saturating_add(debit.units);
            owed.until = owed.until.min(debit.until);
            return;
        }
        if self.returns.len() == Self::MOST_RETURNS {
            self.returns.remove(0);
        }
        self.returns.push(debit);
    }

    /// Takes out what can be given back under one quota: at most so many, of trips up to `last`.
    pub(super) fn pay(
        &mut self,
        quota: &Quota,
        room: usize,
        last: u64,
        now: Timestamp,
    ) -> SmallVec<[Debit; 1]> {
        self.returns.retain(|owed| now < owed.until);
        let mut paid = SmallVec::new();
        self.returns.retain(|owed| {
            let due = paid.len() < room && owed.quota == *quota && owed.id <= last;
            if due {
                paid.push(*owed);
            }
            !due
        });
        paid
    }

    /// Gives up what is at hand, and tells under which quota something of trips up to `last` can be given back.
    pub(super) fn retire(&mut self, last: u64, now: Timestamp) -> Option<Quota> {
        let unused = |held: &mut Held| held.debit.units > 0 && held.debit.id <= last;
        if let Some(held) = self.held.take_if(unused) {
            self.owe(held.debit);
        }
        self.returns.retain(|owed| now < owed.until);
        let mut owed = self.returns.iter().filter(|owed| owed.id <= last);
        owed.next().map(|owed| owed.quota)
    }

    /// Returns whether somebody else is fetching units of the quota.
    pub(super) fn is_refilling(&self, quota: &Quota, now: Timestamp) -> bool {
        self.quota == *quota && self.is_led(now)
    }

    pub(super) fn is_led(&self, now: Timestamp) -> bool {
        let refill = self.refill.as_ref();
        refill.is_some_and(|refill| !refill.is_overdue(now))
    }

    /// Begins a trip, and decides how many units it takes. Returns the trip that was overdue.
    pub(super) fn lead(&mut self, led: &mut Led, quota: &Quota, now: Timestamp) -> Option<Refill> {
        self.adapt(quota, now);
        let spared = self.size.min(self.remaining / 4);
        // Those who wait want their units for certain.
        let wanted = led.cost.saturating_add(self.demand).min(self.remaining);
        let units = spared.max(wanted).min(led.lease.at_most());
        led.units = units.max(led.cost);
        self.refill.replace(Refill {
            id: led.id,
            begun: now,
            waiters: Vec::new(),
        })
    }

    /// Learns from the last lease how large the next one should be.
    fn adapt(&mut self, quota: &Quota, now: Timestamp) {
        if let Some(held) = self.held.take() {
            if held.is_live(now) {
                self.size = self.size.max(held.size.saturating_mul(2));
            } else {
                let mut halvings = held.idle(now);
                if held.debit.units > 0 {
                    self.size = self.size.min(held.size);
                    halvings = halvings.saturating_add(1);
                }
                let halvings = u32::try_from(halvings).unwrap_or(u32::MAX);
                self.size = self.size.checked_shr(halvings).unwrap_or(0).max(1);
            }
            self.owe(held.debit);
        }
        if self.quota != *quota {
            self.quota = *quota;
            self.remaining = 0;
        }
    }

    /// Keeps what a trip brought.
    pub(super) fn fill(&mut self, held: Held) {
        if self.quota != held.debit.quota {
            return self.owe(held.debit);
        }
        self.remaining = held.decision.remaining();
        if held.debit.id > self.void
            && let Some(old) = self.held.replace(held)
        {
            // Of somebody who took over, and was faster.
            self.owe(old.debit);
        }
    }

    /// Ends a trip, and returns who is to be woken.
    pub(super) fn end(&mut self, id: u64, outcome: Outcome) -> Option<Refill> {
        let refill = self.refill.take_if(|refill| refill.id == id)?;
        if outcome != Outcome::Done {
            self.failed = (id, outcome);
        }
        Some(refill)
    }

    /// Notes what a store that refused has left.
    pub(super) fn found(&mut self, remaining: u32) {
        self.remaining = remaining;
    }

    /// Begins small again, once the store is back.
    pub(super) const fn start_over(&mut self) {
        self.size = 1;
    }

    /// Makes all units void.
    pub(super) fn forget(&mut self, last: u64) {
        self.void = last;
        self.held = None;
        self.returns.clear();
    }

    /// Lines up behind a refill, and returns its number.
    pub(super) fn join(&mut self, cost: u32) -> u64 {
        self.demand = self.demand.saturating_add(cost);
        self.refill.as_ref().map_or(0, |refill| refill.id)
    }

    /// Waits for a refill. What is left in `waker` is to be dropped once the table is unlocked.
    pub(super) fn wait(
        &mut self,
        id: u64,
        ticket: u64,
        now: Timestamp,
        waker: &mut Waker,
    ) -> Poll<Outcome> {
        let refill = self.refill.as_mut().filter(|refill| refill.id == id);
        let Some(refill) = refill.filter(|refill| !refill.is_overdue(now)) else {
            let (last, outcome) = self.failed;
            // Who took over may have failed since.
            return Poll::Ready(if last >= id { outcome } else { Outcome::Done });
        };
        match refill.waiters.iter_mut().find(|(it, _)| *it == ticket) {
            Some((_, known)) => mem::swap(known, waker),
            None => {
                let waker = mem::replace(waker, Waker::noop().clone());
                refill.waiters.push((ticket, waker));
            }
        }
        Poll::Pending
    }

    /// Lets those go who wait for a trip that takes too long. It goes on, and may bring something.
    pub(super) fn pass_over(&mut self, now: Timestamp) -> Option<Refill> {
        let refill = self.refill.as_mut()?;
        let waits = refill.is_overdue(now) && !refill.waiters.is_empty();
        waits.then(|| Refill {
            waiters: mem::take(&mut refill.waiters),
            ..*refill
        })
    }

    /// Waits no longer. The waker is to be dropped once the table is unlocked.
    pub(super) fn leave(&mut self, ticket: u64, cost: u32) -> Option<Waker> {
        self.demand = self.demand.saturating_sub(cost);
        let waiters = &mut self.refill.as_mut()?.waiters;
        let at = waiters.iter().position(|(it, _)| *it == ticket)?;
        Some(waiters.swap_remove(at).1)
    }
}
