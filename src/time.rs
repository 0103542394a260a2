//! The only clock of the crate, and the timer of what must wait.
//!
//! Stores own the time of what they decide (contract, promise 7). Layers have a [`Clock`] for what is theirs: the age of a
//! response, and what they remember in this process.
//! Times are [`Timestamp`]s, whole microseconds since the Unix epoch, which fit the 53 bits a script language counts exactly.

#[cfg(all(
    feature = "tokio",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
#[path = "time/tokio.rs"]
mod platform;
#[cfg(all(
    feature = "upstash",
    all(target_family = "wasm", target_os = "unknown")
))]
#[path = "time/wasm.rs"]
mod platform;
#[cfg(not(any(
    all(
        feature = "tokio",
        not(all(target_family = "wasm", target_os = "unknown"))
    ),
    all(
        feature = "upstash",
        all(target_family = "wasm", target_os = "unknown")
    )
)))]
#[path = "time/none.rs"]
mod platform;

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
use std::time::{Instant, SystemTime, UNIX_EPOCH};
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
use web_time::{Instant, SystemTime, UNIX_EPOCH};

/// An instant in whole microseconds since the Unix epoch, at most 2<sup>53</sup> (the year 2255).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The latest instant: later ones are clamped to it.
    pub const MAX: Self = Self(1 << 53);

    /// Returns the instant `micros` microseconds after the Unix epoch, clamped to [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Returns the microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns the instant `duration` later, rounded down to whole microseconds and clamped to [`MAX`](Self::MAX).
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros(duration)))
    }
}

/// Tells a store what time it is.
///
/// [`SystemClock`] is the default; [`ManualClock`] moves by hand, for tests that never sleep.
/// A clock that goes back never gives anything back: limits refuse until it has caught up, and entries live longer.
pub trait Clock: Send + Sync + 'static {
    /// Returns the current time.
    ///
    /// Called once per store call, before any lock is taken.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The wall clock at its creation, moved on by the monotonic clock: it never goes back, and does not follow later
/// corrections of the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
    epoch_micros: u64,
}

impl SystemClock {
    /// Reads the wall clock once.
    #[must_use]
    pub fn new() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            origin: Instant::now(),
            epoch_micros: micros(since_epoch),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // Half a million years would not fit.
        let elapsed = self.origin.elapsed().as_micros() as u64;
        Timestamp::from_micros(self.epoch_micros.saturating_add(elapsed))
    }
}

/// A clock that moves only when told to. Clones share their time.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Returns a clock that stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicU64::new(start.as_micros())))
    }

    /// Moves the clock forward, by whole microseconds.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().after(by));
    }

    /// Sets the clock, also backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Returns a clock that stands at 2023-11-14 22:13:20 UTC, a round number of seconds.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_700_000_000_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// What waiting locks and time limits sleep with: any [`hyper::rt::Timer`], so that every runtime has one.
#[derive(Clone)]
pub struct Timer(Arc<dyn hyper::rt::Timer + Send + Sync>);

impl Timer {
    /// Wraps the timer of a runtime.
    pub fn new(timer: impl hyper::rt::Timer + Send + Sync + 'static) -> Self {
        Self(Arc::new(timer))
    }

    /// Returns the default timer of layers, if a feature brings one.
    pub(crate) fn of_platform() -> Option<Self> {
        platform::timer()
    }

    /// Returns how much time has passed since this call.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    pub(crate) fn stopwatch(&self) -> impl Fn() -> Duration + '_ {
        let start = self.0.now();
        move || self.0.now().saturating_duration_since(start)
    }

    /// Returns how much time has passed since this call. Not by the timer's clock: std has no instants there.
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    #[expect(clippy::unused_self, reason = "elsewhere the timer has a clock")]
    pub(crate) fn stopwatch(&self) -> impl Fn() -> Duration + '_ {
        let start = Instant::now();
        move || start.elapsed()
    }

    /// Waits for a future for so long. One that is ready at once does not touch the timer.
    pub(crate) async fn within<F: Future + ?Sized>(
        &self,
        limit: Duration,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        let mut sleep = None;
        poll_fn(|cx| {
            // First: an answer that comes together with the limit is an answer.
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let sleep = sleep.get_or_insert_with(|| self.sleep(limit));
            sleep.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    pub(crate) fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.0.sleep(duration)
    }
}

/// Measures how long something takes, for figures only.
pub(crate) struct Stopwatch(Instant);

#[cfg_attr(
    not(feature = "upstash"),
    expect(dead_code, reason = "only `UpstashStore` measures")
)]
impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

/// Returns whole microseconds, rounded down, clamped to `u64::MAX`.
pub(crate) const fn micros(duration: Duration) -> u64 {
    duration
        .as_secs()
        .saturating_mul(1_000_000)
        .saturating_add(duration.subsec_micros() as u64)
}
