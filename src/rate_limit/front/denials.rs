//! [`Denials`]: recent refusals that are still true, so that a client beyond its limit costs no trip.

use std::{fmt, time::Duration};

use crate::{
    quota::{Algorithm, Quota},
    store::{Claim, Decision, Key, Spend, Verdict},
    table::{Digest, Slot, Table},
    time::{Timestamp, micros},
};

/// A bounded table of recent refusals.
///
/// **It never refuses what the store would allow**, with one exception: for at most a second after somebody *else* reset
/// the key, gave units back, or used it under another quota. What this process does of that kind is followed by
/// [`forget`](Self::forget); a refusal that was on its way meanwhile may be noted after it, for its second.
///
/// **A wait is never too early**: an entry knows the smallest refused cost, and refuses larger ones with
/// - the same wait in fixed and aligned windows, which end for all costs at once;
/// - the wait and the time of the further units for GCRA, late by at most a microsecond;
/// - else, the wait of the largest refused cost, if it is not larger than that. Otherwise the store is asked, which makes
///   it the largest: who tries many costs is answered from here sooner or later.
///
/// A smaller cost than any refused goes on to the store. Since it may take units, and prolong the wait of all others, the
/// entry is forgotten then.
///
/// An entry lives for a second or until its wait is over, counted from before the call *left*; waits are counted from
/// when the answer *came*. So it ends too early rather than too late, and its wait is too long rather than too short,
/// by the time of the trip. While the clock stands before the answer, it has gone back, and the entry says nothing.
///
/// Numbers that change with time ([`remaining`](Decision::remaining)) are as they were when the store was asked.
pub(crate) struct Denials(Table<Denial>);

/// How long a refusal is believed, since a key may be reset, or its quota raised, elsewhere.
const LONGEST: Duration = Duration::from_secs(1);

impl Denials {
    /// As many as take half a megabyte.
    pub(crate) const ENTRIES: usize = 4096;

    /// Creates a table of that many refusals, 130 bytes each, at most a million; it allocates with the first one. With zero
    /// it keeps none.
    pub(crate) const fn new(entries: usize) -> Self {
        Self(Table::new(entries))
    }

    /// Returns the refusal of this claim that is still true, its wait reduced by the time gone by. `None` for claims that
    /// are no [`Take`](Spend::Take).
    #[inline]
    pub(crate) fn find(&self, claim: &Claim, now: Timestamp) -> Option<Decision> {
        if self.0.is_over(now) {
            return None;
        }
        self.look(claim, now)
    }

    fn look(&self, claim: &Claim, now: Timestamp) -> Option<Decision> {
        let Spend::Take(cost @ 1..) = claim.spending() else {
            return None;
        };
        self.0
            .look(claim.key().digest(), now, |denial| {
                let knows = denial.quota == *claim.quota() && denial.cost <= cost;
                knows.then(|| denial.decide(cost, now))
            })
            .flatten()
    }

    /// Notes what the store has refused in a call that left at `asked_at` and was answered at `now`, by the same clock that
    /// [`find`](Self::find) is told. Not for decisions that were made in this process.
    ///
    /// A claim behind another one on the same key is not noted: it was refused for the sum of both.
    pub(crate) fn note(
        &self,
        claims: &[Claim],
        decisions: &[Decision],
        asked_at: Timestamp,
        now: Timestamp,
    ) {
        for (at, (claim, decision)) in claims.iter().zip(decisions).enumerate() {
            let (Spend::Take(cost @ 1..) | Spend::Peek(cost @ 1..)) = claim.spending() else {
                continue;
            };
            let mut earlier = claims.iter().take(at);
            if decision.allowed() || earlier.any(|earlier| earlier.key() == claim.key()) {
                continue;
            }
            let denial = Denial::new(claim, cost, decision, asked_at, now);
            if denial.lives(now) {
                self.0.put(denial.digest, now, |kept| {
                    Some(kept.map_or(denial, |kept| denial.after(kept)))
                });
            }
        }
    }

    /// Returns whether nothing was ever noted.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a key: after a reset, and after a charge or a refund that this process made.
    pub(crate) fn forget(&self, key: &Key) {
        if !self.0.is_empty() {
            self.0.take(key.digest(), Timestamp::MAX);
        }
    }
}

impl Default for Denials {
    fn default() -> Self {
        Self::new(Self::ENTRIES)
    }
}

impl fmt::Debug for Denials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denials").finish_non_exhaustive()
    }
}

/// A refusal of the store, the one of the smallest cost.
#[derive(Clone, Copy)]
struct Denial {
    digest: Digest,
    quota: Quota,
    decision: Decision,
    answered_at: Timestamp,
    ends: Timestamp,
    cost: u32,
    // The largest refused cost, and the microsecond at which that many units are there. Zero after `Verdict::Never`.
    most: u32,
    most_until: u64,
}

impl Denial {
    fn new(
        claim: &Claim,
        cost: u32,
        decision: &Decision,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let wait = decision.retry_after();
        Self {
            digest: claim.key().digest(),
            quota: *claim.quota(),
            decision: *decision,
            answered_at: now,
            // The clock may have gone back during the call.
            ends: asked_at
                .min(now)
                .after(wait.unwrap_or(LONGEST).min(LONGEST)),
            cost,
            most: wait.map_or(0, |_| cost),
            most_until: wait.map_or(0, |wait| now.as_micros().saturating_add(micros(wait))),
        }
    }

    /// Joins what is known of the same key from before.
    fn after(self, kept: Self) -> Self {
        if kept.quota != self.quota {
            return self; // a change of plan
        }
        let most_until = if self.most >= kept.most {
            self.most_until
        } else {
            self.most_until.max(kept.most_until)
        };
        let smallest = if kept.cost < self.cost { kept } else { self };
        Self {
            most: self.most.max(kept.most),
            most_until,
            ..smallest
        }
    }

    /// Refuses a cost that is not below the one refused. `None`: refused, but the wait is not known.
    fn decide(&self, cost: u32, now: Timestamp) -> Option<Decision> {
        let gone = now.as_micros().saturating_sub(self.answered_at.as_micros());
        let verdict = match self.decision.verdict() {
            Verdict::Refused { .. } if cost > self.quota.capacity() => Verdict::Never,
            Verdict::Refused { retry_micros } => Verdict::Refused {
                retry_micros: self.wait(retry_micros, cost)?.saturating_sub(gone),
            },
            verdict => verdict,
        };
        let reset = micros(self.decision.reset_after()).saturating_sub(gone);
        let (limit, remaining) = (self.decision.limit(), self.decision.remaining());
        let window = self.decision.window();
        Some(Decision::new(verdict, limit, remaining, reset, window))
    }

    /// Returns the wait of a cost when the answer came: never less than it was.
    fn wait(&self, wait: u64, cost: u32) -> Option<u64> {
        let further = cost.saturating_sub(self.cost);
        match self.quota.algorithm() {
            _ if further == 0 => Some(wait),
            Algorithm::FixedWindow | Algorithm::AlignedWindow => Some(wait),
            Algorithm::Gcra => {
                let window = u128::from(micros(self.quota.window()));
                let time = (u128::from(further) * window).div_ceil(self.quota.limit().into());
                Some(wait.saturating_add(u64::try_from(time).unwrap_or(u64::MAX)))
            }
            _ if cost <= self.most => {
                let most = self.most_until.saturating_sub(self.answered_at.as_micros());
                Some(most.max(wait))
            }
            _ => None,
        }
    }
}

impl Slot for Denial {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn ends(&self) -> Timestamp {
        self.ends
    }

    fn lives(&self, now: Timestamp) -> bool {
        self.answered_at <= now && now < self.ends
    }
}

#[cfg(test)]
mod tests;
