//! The [`Quota`] itself: its constructors and its checks.

use std::time::Duration;

use super::{Algorithm, InvalidQuota, gcra::Span};
use crate::time::{Timestamp, micros};

/// How much is allowed in how much time: a `const` value, checked when it is made.
///
/// See the [module docs](crate::quota) for the algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    pub(super) algorithm: Algorithm,
    pub(super) limit: u32,
    pub(super) burst: u32,
    pub(super) window: u64,
    // Derived from the fields above, so that a step divides less: the time one unit takes, and a whole burst. Apart,
    // since two spans side by side would have room between them, and every claim copies a quota.
    unit_whole: u64,
    full_whole: u64,
    unit_part: u32,
    full_part: u32,
}

impl Quota {
    /// Refuses everything, for good.
    pub const NONE: Self = Self {
        algorithm: Algorithm::FixedWindow,
        limit: 0,
        burst: 0,
        window: 1_000_000,
        unit_whole: 0,
        full_whole: 0,
        unit_part: 0,
        full_part: 0,
    };

    pub(super) const LONGEST: u64 = 3650 * 24 * 60 * 60 * 1_000_000;

    /// Allows `n` per second, evenly, and a burst of `n`.
    ///
    /// # Panics
    /// If `n` is zero. In a `const` it does not compile.
    #[must_use]
    pub const fn per_second(n: u32) -> Self {
        Self::checked(Algorithm::Gcra, n, Duration::from_secs(1))
    }

    /// Allows `n` per minute, evenly, and a burst of `n`.
    ///
    /// # Panics
    /// If `n` is zero, or too large for [`new`](Self::new). In a `const` it does not compile.
    #[must_use]
    pub const fn per_minute(n: u32) -> Self {
        Self::checked(Algorithm::Gcra, n, Duration::from_secs(60))
    }

    /// Allows `n` per hour, evenly, and a burst of `n`.
    ///
    /// # Panics
    /// As [`per_minute`](Self::per_minute).
    #[must_use]
    pub const fn per_hour(n: u32) -> Self {
        Self::checked(Algorithm::Gcra, n, Duration::from_secs(60 * 60))
    }

    /// Allows `n` per day of 24 hours, evenly, and a burst of `n`.
    ///
    /// # Panics
    /// As [`per_minute`](Self::per_minute).
    #[must_use]
    pub const fn per_day(n: u32) -> Self {
        Self::checked(Algorithm::Gcra, n, Duration::from_secs(24 * 60 * 60))
    }

    /// Allows one every `period`, and no burst.
    ///
    /// # Panics
    /// If the period is shorter than a microsecond or longer than ten years.
    #[must_use]
    pub const fn every(period: Duration) -> Self {
        Self::checked(Algorithm::Gcra, 1, period)
    }

    /// Allows `n` in a window that begins with a key's first hit.
    ///
    /// # Panics
    /// If `n` is zero, or the window shorter than a microsecond or longer than ten years.
    #[must_use]
    pub const fn fixed(n: u32, window: Duration) -> Self {
        Self::checked(Algorithm::FixedWindow, n, window)
    }

    /// Allows `n` in a window aligned to the Unix epoch.
    ///
    /// # Panics
    /// As [`fixed`](Self::fixed).
    #[must_use]
    pub const fn aligned(n: u32, window: Duration) -> Self {
        Self::checked(Algorithm::AlignedWindow, n, window)
    }

    /// Allows `n` in a weighted sliding window, as `@upstash/ratelimit` counts it.
    ///
    /// # Panics
    /// As [`fixed`](Self::fixed), and if the window is not a whole number of milliseconds.
    #[must_use]
    pub const fn sliding(n: u32, window: Duration) -> Self {
        Self::checked(Algorithm::SlidingWindow, n, window)
    }

    /// Allows never more than `n` in any window whatever. Units come back up to a tenth of the window late.
    ///
    /// # Panics
    /// As [`fixed`](Self::fixed).
    #[must_use]
    pub const fn strict(n: u32, window: Duration) -> Self {
        Self::checked(Algorithm::StrictWindow, n, window)
    }

    /// Gives back `n` at once every window, up to a burst of `n`.
    ///
    /// # Panics
    /// As [`fixed`](Self::fixed).
    #[must_use]
    pub const fn token_bucket(n: u32, window: Duration) -> Self {
        Self::checked(Algorithm::TokenBucket, n, window)
    }

    /// Sets how many units may be taken at once by a key that has rested. Default: the limit.
    ///
    /// # Panics
    /// As [`try_burst`](Self::try_burst) fails. In a `const` it does not compile.
    #[must_use]
    pub const fn burst(self, burst: u32) -> Self {
        expect(&self.try_burst(burst))
    }

    const fn checked(algorithm: Algorithm, limit: u32, window: Duration) -> Self {
        expect(&Self::new(algorithm, limit, window))
    }

    /// Creates a quota from numbers that are only known at run time.
    ///
    /// # Errors
    /// If the limit is zero (see [`NONE`](Self::NONE)); if the window is shorter than a microsecond, longer than ten
    /// years, or for [`SlidingWindow`](Algorithm::SlidingWindow) not whole milliseconds; for [`Gcra`](Algorithm::Gcra),
    /// if the limit is above 90 million and its units are too fine to count over that window.
    pub const fn new(
        algorithm: Algorithm,
        limit: u32,
        window: Duration,
    ) -> Result<Self, InvalidQuota> {
        let micros = micros(window);
        if limit == 0 {
            return Err(InvalidQuota::new(
                "a limit of zero: use Quota::NONE, as text `none`, to refuse everything",
            ));
        }
        if micros == 0 || micros > Self::LONGEST {
            return Err(InvalidQuota::new(
                "a window is from one microsecond to ten years long",
            ));
        }
        if matches!(algorithm, Algorithm::SlidingWindow) && !micros.is_multiple_of(1000) {
            return Err(InvalidQuota::new(
                "a sliding window is a whole number of milliseconds",
            ));
        }
        Self {
            algorithm,
            limit,
            burst: limit,
            window: micros,
            unit_whole: micros / limit as u64,
            full_whole: 0,
            unit_part: (micros % limit as u64) as u32,
            full_part: 0,
        }
        .sized(limit)
    }

    /// As [`burst`](Self::burst), for a number that is only known at run time.
    ///
    /// # Errors
    /// If the burst is zero; if the algorithm has no burst apart from its limit (all windows); for GCRA, if a burst takes
    /// more than 2⁵² microseconds (142 years) to come back, or as [`new`](Self::new).
    pub const fn try_burst(self, burst: u32) -> Result<Self, InvalidQuota> {
        if !matches!(self.algorithm, Algorithm::Gcra | Algorithm::TokenBucket) {
            return Err(InvalidQuota::new(
                "only GCRA and token buckets have a burst",
            ));
        }
        if burst == 0 {
            return Err(InvalidQuota::new("a burst of zero admits nothing"));
        }
        self.sized(burst)
    }

    const fn sized(mut self, burst: u32) -> Result<Self, InvalidQuota> {
        if !matches!(self.algorithm, Algorithm::Gcra) {
            self.burst = burst;
            return Ok(self); // the others count, and take no time in advance
        }
        const MOST: u64 = Timestamp::MAX.as_micros();
        // Both products must be exact where numbers are doubles, as in Redis scripts.
        let part = burst as u64 * self.unit_part as u64;
        let limit = self.limit as u64;
        match self.unit_whole.checked_mul(burst as u64) {
            // A whole burst ends before the latest instant. Were the end cut to that, a limit would never be reached.
            Some(whole) if whole.saturating_add(part / limit) <= MOST / 2 && part <= MOST => {
                self.burst = burst;
                self.full_whole = whole + part / limit;
                self.full_part = (part % limit) as u32;
                Ok(self)
            }
            _ => Err(InvalidQuota::new(
                "a burst this large takes too long to come back, or is too fine to count",
            )),
        }
    }

    /// Returns the time one unit takes.
    #[inline]
    pub(super) const fn unit(&self) -> Span {
        Span {
            whole: self.unit_whole,
            part: self.unit_part as u64,
        }
    }

    /// Returns the time a whole burst takes.
    #[inline]
    pub(super) const fn full(&self) -> Span {
        Span {
            whole: self.full_whole,
            part: self.full_part as u64,
        }
    }

    /// Returns the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns how many units come back in a window.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// Returns how many units may be taken at once: the burst, or for windows the limit.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.burst
    }

    /// Returns the length of the window.
    #[must_use]
    pub const fn window(&self) -> Duration {
        Duration::from_micros(self.window)
    }
}

const fn expect(quota: &Result<Quota, InvalidQuota>) -> Quota {
    match quota {
        Ok(quota) => *quota,
        Err(why) => panic!("{}", why.problem()),
    }
}
