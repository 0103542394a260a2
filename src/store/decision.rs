//! What an acquire answers: one decision for each claim.

use std::{fmt, ops::Deref, time::Duration};

use smallvec::SmallVec;

use super::{Claim, Spend, Window};

/// The answer to one [`Claim`](super::Claim), exact at the instant of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    // Packed: 32 bytes are half of what an enum beside the numbers takes, and every call copies its decisions.
    wait: Wait,
    limit: u32,
    remaining: u32,
    reset_micros: u64,
    window: Window,
}

/// Whether a claim was allowed, and if not, when it would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The units are there.
    Allowed,
    /// The units are not there yet.
    Refused {
        /// After this many microseconds the same claim is allowed, if nobody else takes the units first. At least one.
        retry_micros: u64,
    },
    /// The claim asks for more than the quota ever has.
    Never,
}

/// A verdict in one word: the microseconds to wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wait(u64);

impl Wait {
    const NONE: Self = Self(0);
    const FOR_EVER: Self = Self(u64::MAX);

    #[inline]
    const fn new(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Allowed => Self::NONE,
            Verdict::Refused { retry_micros: 0 } => Self(1),
            Verdict::Refused { retry_micros } => Self(retry_micros),
            Verdict::Never => Self::FOR_EVER,
        }
    }

    const fn verdict(self) -> Verdict {
        match self {
            Self::NONE => Verdict::Allowed,
            Self::FOR_EVER => Verdict::Never,
            Self(retry_micros) => Verdict::Refused { retry_micros },
        }
    }

    const fn retry_after(self) -> Option<Duration> {
        match self.verdict() {
            Verdict::Refused { retry_micros } => Some(Duration::from_micros(retry_micros)),
            Verdict::Allowed | Verdict::Never => None,
        }
    }
}

impl Decision {
    /// Creates a decision. For authors of stores that do not use [`Quota::step`](crate::quota::Quota::step).
    #[must_use]
    #[inline]
    pub const fn new(
        verdict: Verdict,
        limit: u32,
        remaining: u32,
        reset_micros: u64,
        window: Window,
    ) -> Self {
        Self {
            wait: Wait::new(verdict),
            limit,
            remaining,
            reset_micros,
            window,
        }
    }

    /// Returns whether the claim by itself was allowed. One refused [`Take`](super::Spend::Take) refuses the call:
    /// see [`Decisions::allowed`].
    #[must_use]
    #[inline]
    pub const fn allowed(&self) -> bool {
        self.wait.0 == 0
    }

    /// Returns the verdict.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.wait.verdict()
    }

    /// Returns how many units the quota has at most at once.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns how many units are left: after this claim if it was allowed, else as it was found.
    ///
    /// When another claim refused the call, this claim was not charged, and the number counts as if it had been.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.remaining
    }

    /// Returns how long until the quota is as if never used. Zero when it is so now.
    #[must_use]
    pub const fn reset_after(&self) -> Duration {
        Duration::from_micros(self.reset_micros)
    }

    /// Returns after which wait the same claim is allowed, exact to the microsecond; `None` when it was allowed, and
    /// when it never will be.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.wait.retry_after()
    }

    /// Returns where the units were taken, for a later [`Refund`](super::Spend::Refund).
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }
}

/// The answer of an acquire, one decision for each claim in their order.
#[derive(Clone, PartialEq, Eq)]
pub struct Decisions {
    // The longest wait of all takes.
    wait: Wait,
    decisions: SmallVec<[Decision; 4]>,
}

impl Decisions {
    /// Creates an empty answer, which allows.
    #[must_use]
    #[inline]
    pub fn new() -> Self {
        Self {
            wait: Wait::NONE,
            decisions: SmallVec::new(),
        }
    }

    /// Returns whether every [`Take`](Spend::Take) was allowed, and hence everything was written.
    /// If not, nothing was.
    #[must_use]
    #[inline]
    pub const fn allowed(&self) -> bool {
        self.wait.0 == 0
    }

    /// Returns when to call again: the longest wait of all refused takes. `None` when the call was allowed, and when
    /// it never will be.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.wait.retry_after()
    }

    /// Appends the decision of the next claim: a refused [`Take`](Spend::Take) refuses the call. For authors of stores.
    #[inline(always)] // moved into a call, the decision takes as long again
    pub fn push(&mut self, claim: &Claim, decision: Decision) {
        if matches!(claim.spending(), Spend::Take(_)) {
            self.wait = self.wait.max(decision.wait);
        }
        self.decisions.push(decision);
    }

    /// Tells what is left after a correction: the units are still those of the window in which they were taken.
    pub(crate) fn correct(&mut self, at: usize, correction: &Decision) {
        if let Some(decision) = self.decisions.get_mut(at) {
            decision.remaining = correction.remaining;
            decision.reset_micros = correction.reset_micros;
        }
    }

    /// Makes the answer empty again.
    pub fn clear(&mut self) {
        self.wait = Wait::NONE;
        self.decisions.clear();
    }
}

impl Default for Decisions {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Decisions {
    type Target = [Decision];

    fn deref(&self) -> &Self::Target {
        &self.decisions
    }
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decision")
            .field("verdict", &self.verdict())
            .field("limit", &self.limit)
            .field("remaining", &self.remaining)
            .field("reset_after", &self.reset_after())
            .field("window", &self.window)
            .finish()
    }
}

impl fmt::Debug for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.decisions).finish()
    }
}
