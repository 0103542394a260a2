//! The setting of a leased limit: a `const` value.

use std::time::Duration;

use crate::quota::{Algorithm, Quota};

/// Lets a limit take several units of a hot key in one trip, and hand them out in this process.
///
/// A lease begins with what the request itself costs, so that keys nobody hurries for cost what they always did. It
/// doubles whenever it is used up before its end, up to [`most`](Self::most) and a quarter of what the store has left, and
/// halves when it ends with units left: near the limit every request is asked for again. What waits for a lease that is
/// on its way is asked for with the next one.
///
/// # What it promises, and what not
/// - **Never more than was debited** is handed out. What is unused is given back with the next trip for the key in the
///   same window, or by `drain()`; otherwise it is lost, and the limit errs towards refusing.
/// - Fixed, aligned and sliding windows and token buckets stay **exact**: no unit outlives the window, or the time between
///   two refills, in which it was debited, provided that the clocks of the store and of this process run equally
///   fast while a lease lives.
/// - GCRA has no windows: in any interval up to as many more pass as come back to the limit in the [`life`](Self::life) of
///   a lease, and never more than are leased at its beginning, over all processes.
/// - **One request asks, others wait**: requests that come while one is on its way to the store for their key wait for its
///   answer. If the store is away, they get the same error at once, and the [`OnStoreError`](super::OnStoreError) of each
///   limit takes effect; if that request is dropped, one of them asks instead, for three times at most. With
///   [`RateLimitLayer::time_limit`](super::RateLimitLayer::time_limit) all of this takes no longer than that limit, whatever
///   the other request does. Without one a layer has no timer: should the future of the other request be kept alive and not
///   polled (as in a `select!` whose loser is kept), not even the time limit of the store itself runs, and those who wait do
///   so until it goes on or is dropped, or until the layer asks the store about any leased limit, a second after the call
///   began or up to two.
/// - While other processes hold leases, a request may be refused although units lie unused there, for the life of a lease.
///
/// A strict limit cannot be leased: see [`fits`](Self::fits).
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::rate_limit::Lease;
///
/// const HOT: Lease = Lease::new().life(Duration::from_millis(250)).most(100);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    life: Duration,
    most: u32,
}

impl Lease {
    /// Leases for one second, at most 1000 units at once.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            life: Duration::from_secs(1),
            most: 1000,
        }
    }

    /// Sets how long a lease lives, from before its trip. Default: one second. It ends with its window in any case.
    ///
    /// # Panics
    /// If shorter than a millisecond or longer than a minute. In a `const` it does not compile.
    #[must_use]
    pub const fn life(mut self, life: Duration) -> Self {
        assert!(
            life.as_micros() >= 1000 && life.as_micros() <= 60_000_000,
            "a lease lives for a millisecond to a minute"
        );
        self.life = life;
        self
    }

    /// Sets how many units are leased at most at once. Default: 1000. A request that costs more is asked for by itself.
    ///
    /// # Panics
    /// If zero. In a `const` it does not compile.
    #[must_use]
    pub const fn most(mut self, units: u32) -> Self {
        assert!(units > 0, "a lease of no units");
        self.most = units;
        self
    }

    /// Returns whether a quota can be leased: a strict window cannot, since a unit counts there in the slice of time in which
    /// it is debited, and would be used in another.
    #[must_use]
    pub const fn fits(quota: &Quota) -> bool {
        !matches!(quota.algorithm(), Algorithm::StrictWindow)
    }

    pub(super) const fn lives(&self) -> Duration {
        self.life
    }

    pub(super) const fn at_most(&self) -> u32 {
        self.most
    }
}

impl Default for Lease {
    fn default() -> Self {
        Self::new()
    }
}
