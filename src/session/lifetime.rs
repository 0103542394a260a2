//! How long a session lives.

use std::time::Duration;

use crate::time::Timestamp;

/// How long a session lives: without activity, and at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Lifetime {
    pub const fn new(idle: Duration, absolute: Duration) -> Self {
        let _ = (idle, absolute);
        unimplemented!()
    }

    pub(super) fn standing(&self, times: &Times, now: Timestamp) -> Standing {
        let _ = (times, now);
        unimplemented!()
    }

    /// Returns for how long what is written now lives in the store: until the earlier of both ends, and a little longer.
    pub(super) fn ttl(&self, times: &Times, now: Timestamp) -> Duration {
        let _ = (times, now);
        unimplemented!()
    }

    /// Returns for how long it may live at most, from now on: for its place in an index.
    pub(super) fn longest(&self, times: &Times, now: Timestamp) -> Duration {
        let _ = (times, now);
        unimplemented!()
    }

    /// Returns the `Max-Age` of its cookie in seconds, if it has one.
    pub(super) fn max_age(&self, times: &Times, now: Timestamp) -> Option<Duration> {
        let _ = (times, now);
        unimplemented!()
    }
}
