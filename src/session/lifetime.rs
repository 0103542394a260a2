//! How long a session lives.
//!
//! Both limits are checked wherever a session is loaded, whatever the store's own expiry does. The one without activity
//! counts from the last activity that was written down, the other from the last authentication, and nothing but that
//! extends it.

use std::time::Duration;

use crate::{
    store::MAX_TTL,
    time::{Timestamp, micros},
};

/// How long a session lives: without activity, and at all.
///
/// By default 30 minutes without activity, and 12 hours at all. The time at all counts from the creation of the session, or
/// from its last [authentication](super::Session::authenticate): neither activity nor a new token extends it.
///
/// Activity is a request that uses the session; it is written down only once in a while, see
/// [`touch_every`](Self::touch_every). Times are whole microseconds; what is beyond is cut off.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::session::Lifetime;
///
/// const HOUR: Duration = Duration::from_secs(60 * 60);
/// const SHOP: Lifetime = Lifetime::new(HOUR, HOUR.saturating_mul(24));
/// const REMEMBERED: Lifetime = Lifetime::new(HOUR.saturating_mul(24 * 7), HOUR.saturating_mul(24 * 90)).persistent();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Lifetime {
    pub(super) idle: Duration,
    pub(super) absolute: Duration,
    pub(super) touch_every: Duration,
    pub(super) persistent: bool,
}

/// When things happened to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) created: Timestamp,
    pub(super) authenticated: Option<Timestamp>,
    /// The last activity that was written down: the present, even where that lies before what it was.
    pub(super) touched: Timestamp,
}

/// How a session stands at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Live {
        /// Whether activity is to be written down.
        touch_due: bool,
    },
    /// There was no activity for too long.
    Idle,
    /// It has lived for too long.
    Absolute,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOURS: u64 = 60 * 60;
const DAYS: u64 = 24 * HOURS;

/// What the store keeps a session beyond its end, for clocks that differ: servers may, by less than this.
const SLACK: Duration = MINUTE;
/// What browsers cut a `Max-Age` to (RFC 6265bis, section 5.5).
const MAX_AGE: Duration = Duration::from_secs(400 * DAYS);

impl Lifetime {
    /// 30 days, for assurance level 1 of NIST SP 800-63B (2017, section 4.1.3; revision 4, section 2.1.3). It asks for no limit
    /// without activity: this one is 30 days, too.
    pub const AAL1: Self = Self::new(
        Duration::from_secs(30 * DAYS),
        Duration::from_secs(30 * DAYS),
    );

    /// 30 minutes without activity, 12 hours at all, for assurance level 2 of NIST SP 800-63B (2017, section 4.2.3). Revision 4,
    /// section 2.2.3, is content with an hour and 24 hours.
    pub const AAL2: Self = Self::new(
        Duration::from_secs(30 * 60),
        Duration::from_secs(12 * HOURS),
    );

    /// 15 minutes without activity, 12 hours at all, for assurance level 3 of NIST SP 800-63B (2017, section 4.3.3; revision 4,
    /// section 2.3.3).
    pub const AAL3: Self = Self::new(
        Duration::from_secs(15 * 60),
        Duration::from_secs(12 * HOURS),
    );

    /// Returns a lifetime of `idle` without activity, and of `absolute` at all.
    ///
    /// # Panics
    /// One of them is less than a second, `idle` is longer than `absolute`, or `absolute` longer than
    /// [`MAX_TTL`], ten years. In a `const` it does not compile then.
    pub const fn new(idle: Duration, absolute: Duration) -> Self {
        let touch_every = Duration::from_micros(micros(idle) / 30);
        assert!(
            micros(idle) >= micros(SECOND) && micros(absolute) >= micros(SECOND),
            "a session must live for at least a second"
        );
        assert!(
            micros(idle) <= micros(absolute),
            "a session must not live longer without activity than it lives at all"
        );
        assert!(
            micros(absolute) <= micros(MAX_TTL),
            "a session must not live for more than ten years"
        );
        Self {
            idle: Duration::from_micros(micros(idle)),
            absolute: Duration::from_micros(micros(absolute)),
            touch_every,
            persistent: false,
        }
    }

    /// Writes activity down once in so long: by default, once in a thirtieth of the time without activity (a minute of
    /// 30). Activity in between is not seen, so that a session without activity ends that much earlier at most, and never
    /// later. Zero writes it down with every request that uses the session.
    ///
    /// # Panics
    /// It is more than a quarter of the time without activity. In a `const` it does not compile then.
    pub const fn touch_every(mut self, touch_every: Duration) -> Self {
        assert!(
            micros(touch_every) <= micros(self.idle) / 4,
            "activity must be written down four times in the time without it"
        );
        self.touch_every = Duration::from_micros(micros(touch_every));
        self
    }

    /// Keeps the cookie when the browser is closed: it gets a `Max-Age`, which never goes beyond the end of the session nor
    /// beyond 400 days. By default it has none, and ends with the browser. Other transports carry no such thing.
    ///
    /// # Security
    /// Who uses the same browser afterwards is still logged in, and the token lies on the disk. Offer it as a choice, and not
    /// on shared machines; NIST SP 800-63B (revision 4 as well) has no persistent cookies for sessions.
    pub const fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Returns a lifetime that was stored, if there can be one like it.
    pub(super) fn stored(parts: [Duration; 3], persistent: bool) -> Option<Self> {
        let [idle, absolute, touch_every] = parts;
        let is_sound = SECOND <= idle && idle <= absolute && absolute <= MAX_TTL;
        (is_sound && touch_every <= idle / 4).then_some(Self {
            idle,
            absolute,
            touch_every,
            persistent,
        })
    }

    /// Tells how a session stands. Where the clock went back no time has passed: its limits are no longer for that.
    pub(super) fn standing(&self, times: &Times, now: Timestamp) -> Standing {
        let (idle, absolute) = (self.idle_end(times), self.absolute_end(times));
        if now >= idle.min(absolute) {
            // What came first has ended it.
            return if idle < absolute {
                Standing::Idle
            } else {
                Standing::Absolute
            };
        }
        let is_old = until(times.touched, now) >= self.touch_every;
        // A clock was wrong: until it is passed, no activity would be written down.
        let is_ahead = until(now, times.touched) > self.idle / 4;
        Standing::Live {
            touch_due: is_old || is_ahead,
        }
    }

    /// Returns whether activity is to be written down.
    pub(super) fn is_touch_due(&self, times: &Times, now: Timestamp) -> bool {
        self.standing(times, now) == Standing::Live { touch_due: true }
    }

    /// Returns for how long what is written now lives in the store: until the earlier of both ends, and a minute longer,
    /// so that the store never ends it first. Never zero, and never more than the store takes.
    pub(super) fn ttl(&self, times: &Times, now: Timestamp) -> Duration {
        let left = self.left(times, now).saturating_add(SLACK);
        left.min(MAX_TTL)
    }

    /// Returns for how long it may live at most, from now on, and a minute longer: for its place in an index.
    pub(super) fn longest(&self, times: &Times, now: Timestamp) -> Duration {
        let left = until(now, self.absolute_end(times)).min(self.absolute);
        left.saturating_add(SLACK).min(MAX_TTL)
    }

    /// Returns the `Max-Age` of its cookie in whole seconds, if it is to have one: never beyond either end, nor 400 days.
    pub(super) fn max_age(&self, times: &Times, now: Timestamp) -> Option<Duration> {
        let left = self.left(times, now).min(MAX_AGE);
        self.persistent
            .then_some(Duration::from_secs(left.as_secs()))
    }

    /// Returns what is left until the earlier of both ends, however far a clock went back.
    fn left(&self, times: &Times, now: Timestamp) -> Duration {
        let idle = until(now, self.idle_end(times)).min(self.idle);
        let absolute = until(now, self.absolute_end(times)).min(self.absolute);
        idle.min(absolute)
    }

    fn idle_end(&self, times: &Times) -> Timestamp {
        times.touched.after(self.idle)
    }

    fn absolute_end(&self, times: &Times) -> Timestamp {
        let start = times.authenticated.map_or(times.created, |authenticated| {
            authenticated.max(times.created)
        });
        start.after(self.absolute)
    }
}

impl Default for Lifetime {
    /// Returns 30 minutes without activity, 12 hours at all.
    fn default() -> Self {
        Self::AAL2
    }
}

/// Returns the time between, or none where `to` is not later.
fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(to.as_micros().saturating_sub(from.as_micros()))
}

#[cfg(test)]
mod tests;
