//! [`Local`]: counting in this process while the store cannot be asked, and handing back what was counted.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use smallvec::SmallVec;

use super::debt::Debt;
use crate::{
    store::{Claim, Decisions, Error, ErrorKind, MemoryStore, Spend, Store},
    table::Table,
    time::{Clock, SystemClock, Timestamp},
};

/// Counts in this process while the store cannot be asked. Share it by an `Arc`.
///
/// What it admits is **owed** to the store: once the store can be asked again, [`owed`](Self::owed) takes it out, to be
/// charged there, so that an outage is no free burst. In a window no more is admitted than by one store and one
/// local allowance for each process.
///
/// Every doubt is decided for the client. Nothing is owed
/// - after a [`Timeout`](ErrorKind::Timeout): the call may have charged already. (A connection that broke off may have, too, but
///   that is as [unavailable](ErrorKind::Unavailable) as a store that is down: the calls of that moment may count twice.)
/// - any more, than what the limit would by now hold as used had it counted here alone. A bucket that has filled up again
///   owes nothing, and an hour at half of the rate is not an hour's debt.
/// - in another window: what was taken in a fixed or aligned window is void with its end, by this process's clock, and
///   shortly before it, since the charge has to arrive. (A window that begins with the first hit may begin in the store with
///   the charge itself, and then ends later than it would have here.)
/// - under another quota, or where more keys are in debt than the table holds.
pub(crate) struct Local {
    // None: the system's, made on first need.
    clock: Option<Arc<dyn Clock>>,
    counting: OnceLock<Counting>,
    debts: Table<Debt>,
}

/// Where the units of a claim were counted. A layer keeps it beside the [`Window`](crate::store::Window) of the decision: windows of one place
/// mean nothing in the other.
///
/// - A refund of units counted in the `Store` goes there. If that fails, they stay charged; this process does not give back
///   what it has not taken.
/// - A refund of units counted as `Local` goes to [`Local::refund`], also when the store is back.
/// - A charge names no window: it goes to the store whatever came before, and to [`Local::decide`] if that fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Counted {
    /// In the store.
    #[default]
    Store,
    /// In this process.
    Local,
}

/// What is owed for the keys of a call, as charges to be sent with it. Dropped, it is forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owed {
    charges: SmallVec<[Claim; 1]>,
    debts: SmallVec<[Debt; 1]>,
}

impl Owed {
    /// Returns the charges, none of which is ever refused.
    pub(crate) fn charges(&self) -> &[Claim] {
        &self.charges
    }
}

impl Local {
    const DEBTS: usize = 4096;

    /// Counts by the system's clock. Allocates nothing before it has to count.
    pub(crate) const fn new() -> Self {
        Self {
            clock: None,
            counting: OnceLock::new(),
            debts: Table::new(Self::DEBTS),
        }
    }

    /// Counts by another clock.
    pub(crate) fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..Self::new()
        }
    }

    /// Decides claims that the store could not be asked for, all or nothing, and remembers what was taken as owed. `error`
    /// is what the store answered.
    ///
    /// A [`Refund`](Spend::Refund) is one of units counted in the store: it gives nothing back here. See [`Counted`].
    ///
    /// Claims that break the contract are not decided: `decisions` stays empty, and allows.
    #[cold]
    pub(crate) fn decide(&self, claims: &[Claim], error: &Error, decisions: &mut Decisions) {
        decisions.clear();
        let counting = self.counting.get_or_init(|| Counting::new(&self.clock));
        let now = counting.clock.now();
        let asked: SmallVec<[Claim; 3]> = claims
            .iter()
            .map(|claim| match claim.spending() {
                Spend::Refund { .. } => claim.clone().spend(Spend::Peek(0)),
                _ => claim.clone(),
            })
            .collect();
        if !counting.acquire(&asked, decisions)
            || !decisions.allowed()
            || error.kind() == ErrorKind::Timeout
        {
            return;
        }
        for (claim, decision) in asked.iter().zip(decisions.iter()) {
            let debt = Debt::new(claim, decision, now);
            if debt.units > 0 {
                self.owe(debt, now);
            }
        }
    }

    /// Gives back units that were [counted here](Counted::Local): the claim is a [`Refund`](Spend::Refund) with the window of
    /// that decision. What is no longer owed, because the store was charged meanwhile, stays charged there.
    pub(crate) fn refund(&self, claim: &Claim) {
        let Some(counting) = self.counting.get() else {
            return;
        };
        let Spend::Refund { cost, window } = claim.spending() else {
            return;
        };
        counting.acquire(std::slice::from_ref(claim), &mut Decisions::new());
        let (digest, now) = (claim.key().digest(), counting.clock.now());
        self.debts.put(digest, now, |kept| {
            let mut debt = kept.filter(|debt| debt.quota == *claim.quota())?;
            debt.refund(cost, window);
            Some(debt)
        });
    }

    /// Forgets what was counted here for the key of a [`Reset`](Spend::Reset), and owes nothing for it.
    pub(crate) fn forget(&self, claim: &Claim) {
        let Some(counting) = self.counting.get() else {
            return;
        };
        counting.acquire(std::slice::from_ref(claim), &mut Decisions::new());
        self.debts.take(claim.key().digest(), counting.clock.now());
    }

    /// Returns whether something may be owed, for whatever key: one load.
    #[inline]
    pub(crate) fn may_owe(&self) -> bool {
        !self.debts.is_empty()
    }

    /// Takes out what is owed for the keys of these claims: charges to be sent to the store before them, once. Where nothing
    /// is owed at all, that is one load.
    #[inline]
    pub(crate) fn owed(&self, claims: &[Claim]) -> Owed {
        if self.debts.is_empty() {
            return Owed::default();
        }
        self.take_out(claims)
    }

    #[cold]
    fn take_out(&self, claims: &[Claim]) -> Owed {
        let mut owed = Owed::default();
        let Some(counting) = self.counting.get() else {
            return owed;
        };
        let now = counting.clock.now();
        if self.debts.is_over(now) {
            return owed;
        }
        for claim in claims {
            let debt = self.debts.take(claim.key().digest(), now);
            let Some(mut debt) = debt.filter(|debt| debt.quota == *claim.quota()) else {
                continue;
            };
            debt.units = counting.still_taken(claim, &debt, now);
            if debt.units > 0 {
                let charge = claim.clone().spend(Spend::Charge(debt.units));
                owed.charges.push(charge);
                owed.debts.push(debt);
            }
        }
        owed
    }

    /// Owes again what the store could not be charged with. After a [`Timeout`](ErrorKind::Timeout) it may have been: then it
    /// is lost, as it is where the call was dropped.
    #[cold]
    pub(crate) fn owe_again(&self, owed: Owed, error: &Error) {
        if error.kind() != ErrorKind::Timeout {
            self.keep(owed);
        }
    }

    /// Owes again what the store was not charged with.
    #[cold]
    pub(crate) fn keep(&self, owed: Owed) {
        let Some(counting) = self.counting.get() else {
            return;
        };
        let now = counting.clock.now();
        for debt in owed.debts {
            self.owe(debt, now);
        }
    }

    fn owe(&self, debt: Debt, now: Timestamp) {
        self.debts
            .put(debt.digest, now, |kept| Some(debt.plus(kept)));
    }
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

/// The store in this process, and its clock.
struct Counting {
    clock: Arc<dyn Clock>,
    store: MemoryStore,
}

impl Counting {
    fn new(clock: &Option<Arc<dyn Clock>>) -> Self {
        let clock = clock
            .clone()
            .unwrap_or_else(|| Arc::new(SystemClock::new()));
        Self {
            store: MemoryStore::builder().clock(Arc::clone(&clock)).build(),
            clock,
        }
    }

    /// Returns whether the claims were decided.
    fn acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> bool {
        let decided = matches!(self.store.try_acquire(claims, decisions), Some(Ok(())));
        if !decided {
            decisions.clear();
        }
        decided
    }

    /// Returns how many units of a debt the limit still holds as used.
    fn still_taken(&self, claim: &Claim, debt: &Debt, now: Timestamp) -> u32 {
        let mut decisions = Decisions::new();
        self.acquire(&[claim.clone().spend(Spend::Peek(0))], &mut decisions);
        decisions
            .first()
            .map_or(0, |decision| debt.still_taken(decision, now))
    }
}

#[cfg(test)]
mod tests;
