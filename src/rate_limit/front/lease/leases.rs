//! The [`Leases`] of a layer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::{
    call::{Call, Part},
    debit::{Debit, Led},
    entry::{Outcome, Refill},
    table::Table,
    waiting::Waiting,
};
use crate::{
    rate_limit::lease::Lease,
    store::{Claim, Decisions, Error, Key, MAX_CLAIMS, Result, SharedStore, Spend, Store},
    time::{Clock, Timestamp},
};

/// The units at hand in this process, of at most 1024 keys. All clones of a layer share them.
pub(in crate::rate_limit) struct Leases {
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
}

impl Leases {
    // A lease may be used up by others before a waiter's turn; then it asks for itself.
    const WAITS: u32 = 3;
    const AWAY: &str = "the call that would have refilled the lease has failed";

    pub(in crate::rate_limit) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            table: Mutex::new(Table::new()),
        }
    }

    /// Takes the units of all claims, if they are at hand, and appends the decisions. `false`: a trip is needed, and
    /// nothing was taken.
    ///
    /// A decision is that of the trip, moved on: what was left then and what is at hand now, in the window of the debit.
    pub(in crate::rate_limit) fn try_take(
        &self,
        claims: &[Claim],
        leases: &[Option<Lease>],
        decisions: &mut Decisions,
    ) -> bool {
        let costs: SmallVec<[u32; MAX_CLAIMS]> = each(claims, leases)
            .map_while(|(_, leased)| Some(leased?.0))
            .collect();
        if costs.len() < claims.len() {
            return false;
        }
        let mut taken: SmallVec<[(&Claim, Debit); MAX_CLAIMS]> = SmallVec::new();
        let (mut table, now) = self.lock();
        for (claim, cost) in claims.iter().zip(costs) {
            let Some((debit, decision)) = table.take(claim, cost, now) else {
                decisions.clear();
                taken
                    .into_iter()
                    .for_each(|(claim, debit)| table.put_back(claim.key(), debit));
                return false;
            };
            decisions.push(claim, decision);
            taken.push((claim, debit));
        }
        true
    }

    /// Asks the store for what is not at hand, and more of what is in demand. At most two trips, the second only where
    /// the store has less than a lease takes; while somebody else is on a trip for a key, it is waited for.
    ///
    /// # Errors
    /// As [`Store::acquire`]. What was at hand stays so. While the store is away, who waits for a call fails with it, and
    /// has asked for nothing.
    ///
    /// # Cancellation
    /// As [`Store::acquire`]: what was debited is not handed out. Who waits for this call takes over.
    pub(in crate::rate_limit) async fn acquire(
        &self,
        store: &SharedStore,
        claims: &[Claim],
        leases: &[Option<Lease>],
    ) -> Result<Decisions> {
        let mut waits = Self::WAITS;
        loop {
            match self.begin(claims, leases, waits > 0) {
                Ok(call) => return call.run(store).await,
                Err(waiting) => {
                    waits = match waiting.await {
                        Outcome::Done => waits - 1,
                        Outcome::Alone => 0,
                        Outcome::Away(kind) => return Err(Error::new(kind, Self::AWAY)),
                    };
                }
            }
        }
    }

    /// Gives back everything that is at hand now, 8 claims a trip. Leases go on working.
    ///
    /// # Errors
    /// As [`Store::acquire`]. What was in the failed trip is lost, what was not stays to be given back.
    ///
    /// # Cancellation
    /// As with an error.
    pub(in crate::rate_limit) async fn drain(&self, store: &SharedStore) -> Result<()> {
        let last = self.lock().0.last();
        loop {
            let claims = self.unused(last);
            if claims.is_empty() {
                return Ok(());
            }
            store.acquire(&claims).await?;
        }
    }

    /// Makes what is at hand of a key void, without giving it back: the key was reset, or banned.
    pub(in crate::rate_limit) fn forget(&self, key: &Key) {
        let (mut table, _) = self.lock();
        let last = table.last();
        if let Some(entry) = table.find(key) {
            entry.forget(last);
        }
    }

    /// Locks the table. The clock is read inside: else a lease that somebody has just got would begin in the future.
    pub(super) fn lock(&self) -> (MutexGuard<'_, Table>, Timestamp) {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        (table, now)
    }

    /// Prepares a trip. `Err`: somebody else is on one for the same key.
    fn begin<'a>(
        &'a self,
        claims: &'a [Claim],
        leases: &[Option<Lease>],
        may_wait: bool,
    ) -> Result<Call<'a>, Waiting<'a>> {
        let (mut table, now) = self.lock();
        let mut woken = table.pass_over(now);
        let mut leased =
            each(claims, leases).filter_map(|(claim, leased)| Some((claim, leased?.0)));
        let joined = leased.find_map(|(claim, cost)| {
            let (refill, ticket) = may_wait.then(|| join(&mut table, claim, cost, now))??;
            Some(Waiting::new(self, claim.key(), cost, refill, ticket))
        });
        if let Some(waiting) = joined {
            drop(table);
            woken.wake();
            return Err(waiting);
        }
        let parts = each(claims, leases).map(|(claim, leased)| {
            let Some(leased) = leased else {
                return Part::Asked;
            };
            let (part, overdue) = part(&mut table, claim, leased, now);
            woken.add(overdue);
            part
        });
        let parts = parts.collect();
        let mut call = Call::new(self, claims, parts, now);
        call.add_refunds(&mut table);
        drop(table);
        woken.wake();
        Ok(call)
    }

    /// Takes out refunds of trips up to `last`, as many as go together.
    fn unused(&self, last: u64) -> Vec<Claim> {
        let (mut table, now) = self.lock();
        let mut claims = Vec::new();
        for entry in table.iter_mut() {
            let room = MAX_CLAIMS.saturating_sub(claims.len());
            // One quota for each key in a call.
            if let Some(quota) = entry.retire(last, now).filter(|_| room > 0) {
                let paid = entry.pay(&quota, room, last, now);
                let claim = Claim::new(entry.key().clone(), quota);
                claims.extend(paid.iter().map(|debit| claim.clone().spend(debit.refund())));
            }
        }
        claims
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lock().0.len()
    }
}

/// Pairs each claim with its cost and its lease, if it can be leased.
fn each<'c, 'l>(
    claims: &'c [Claim],
    leases: &'l [Option<Lease>],
) -> impl Iterator<Item = (&'c Claim, Option<(u32, Lease)>)> + use<'c, 'l> {
    let leases = leases.iter().copied().chain(std::iter::repeat(None));
    claims.iter().zip(leases).map(|(claim, lease)| {
        let leased = match (claim.spending(), lease) {
            (Spend::Take(cost), Some(lease)) => {
                (cost > 0 && cost <= lease.at_most() && Lease::fits(claim.quota()))
                    .then_some((cost, lease))
            }
            _ => None,
        };
        (claim, leased)
    })
}

/// Joins a refill, if the units of a claim are not at hand and somebody is fetching some.
fn join(table: &mut Table, claim: &Claim, cost: u32, now: Timestamp) -> Option<(u64, u64)> {
    let ticket = table.number();
    let entry = table.find(claim.key())?;
    if entry.has(claim.quota(), cost, now) || !entry.is_refilling(claim.quota(), now) {
        return None;
    }
    Some((entry.join(cost), ticket))
}

/// Decides how a claim is served. What somebody else is fetching is asked for by itself: all waiting is over.
fn part(
    table: &mut Table,
    claim: &Claim,
    (cost, lease): (u32, Lease),
    now: Timestamp,
) -> (Part, Option<Refill>) {
    if let Some((debit, decision)) = table.take(claim, cost, now) {
        return (Part::Taken(debit, decision), None);
    }
    match table.find_or_add(claim.key(), claim.quota(), now) {
        Some((entry, id)) if !entry.is_led(now) => {
            let mut led = Led {
                id,
                cost,
                units: cost,
                lease,
            };
            let overdue = entry.lead(&mut led, claim.quota(), now);
            (Part::Led(led), overdue)
        }
        _ => (Part::Asked, None),
    }
}
