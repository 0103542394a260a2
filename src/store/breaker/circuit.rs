//! The circuit of a breaker: which calls may go, and what their ends mean.
//!
//! Pure steps of a [`State`]: the time comes from outside, and nothing waits. A call takes a [`Permit`] when it begins
//! and gives it back with an [`Outcome`] when it ends. What began before the circuit last opened or closed says nothing:
//! it must not close an open circuit, nor open a closed one. And what began before the last failure was counted is no
//! failure more: calls that share a request, or hit the same hiccup, fail together.

use std::time::Duration;

use super::super::{ErrorKind, Result};
use crate::time::Timestamp;

/// Whether a [`BreakerStore`](super::BreakerStore) lets calls through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Circuit {
    /// Every call goes through.
    #[default]
    Closed,
    /// Every call fails at once.
    #[non_exhaustive]
    Open {
        /// The first call from then on is a probe.
        until: Timestamp,
        /// The last failure.
        cause: ErrorKind,
    },
    /// One call at a time goes through as a probe, the others fail at once.
    HalfOpen,
}

/// When a circuit opens, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// That many failures in a row open it.
    pub(super) failures: u32,
    pub(super) cool_down: Duration,
    pub(super) longest: Duration,
}

impl Rules {
    /// Returns the pause after a pause. A longest one that is shorter than the first does not count.
    fn after(&self, pause: Duration) -> Duration {
        pause
            .saturating_mul(2)
            .min(self.longest)
            .max(self.cool_down)
    }
}

/// A circuit at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    phase: Phase,
    /// Grows whenever a failure is counted, and whenever the circuit opens or closes.
    moment: u64,
    /// The moment at which the circuit last opened or closed.
    settled: u64,
    /// In a row, while closed, each of a call that began after the one before had ended.
    failures: u32,
    /// The number of the last probe.
    probe: u64,
    /// When it opened, or when the last probe began.
    since: Timestamp,
    /// How long it stays open, or how long a probe may take before there is another.
    pause: Duration,
    cause: ErrorKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Open,
    /// Half-open, with a probe under way.
    Probing,
    /// Half-open, and the last probe has said nothing: the next call is one.
    Idle,
}

/// What a call carries from its beginning to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permit {
    /// The moment at which the call began.
    moment: u64,
    /// `None` if the circuit was closed.
    probe: Option<u64>,
}

impl Permit {
    /// Returns the permit of a call that goes through a closed circuit.
    pub(super) const fn of(moment: u64) -> Self {
        Self {
            moment,
            probe: None,
        }
    }

    pub(super) const fn moment(self) -> u64 {
        self.moment
    }

    pub(super) const fn is_probe(self) -> bool {
        self.probe.is_some()
    }
}

/// What the end of a call says about the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It works.
    Answered,
    /// It will fail again.
    Failed(ErrorKind),
    /// Nothing.
    Unknown,
}

/// What a call does: a store that is full, or that may only be read, refuses the one kind only.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    Reads,
    Writes,
}

impl Outcome {
    pub(super) fn of<T>(result: &Result<T>, access: Access) -> Self {
        let Err(error) = result else {
            return Self::Answered;
        };
        match (error.kind(), access) {
            (kind @ (ErrorKind::Unavailable | ErrorKind::Timeout), _)
            | (kind @ (ErrorKind::QuotaExceeded | ErrorKind::Unauthorized), Access::Reads) => {
                Self::Failed(kind)
            }
            // A full store refuses what needs room, and credentials may lack a permission, while other calls go on.
            (ErrorKind::QuotaExceeded | ErrorKind::Unauthorized, Access::Writes)
            // These are found before anything is sent.
            | (ErrorKind::TooLarge | ErrorKind::Unsupported | ErrorKind::Invalid, _) => {
                Self::Unknown
            }
            (ErrorKind::Corrupt, _) => Self::Answered,
        }
    }
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            phase: Phase::Closed,
            moment: 0,
            settled: 0,
            failures: 0,
            probe: 0,
            since: Timestamp::from_micros(0),
            pause: Duration::ZERO,
            cause: ErrorKind::Unavailable,
        }
    }

    pub(super) fn circuit(&self) -> Circuit {
        match self.phase {
            Phase::Closed => Circuit::Closed,
            Phase::Open => Circuit::Open {
                until: self.since.after(self.pause),
                cause: self.cause,
            },
            Phase::Probing | Phase::Idle => Circuit::HalfOpen,
        }
    }

    /// Returns the moment if the circuit is closed and the last call did not fail: then neither the beginning nor the
    /// success of a call changes anything.
    pub(super) fn untroubled(&self) -> Option<u64> {
        (self.phase == Phase::Closed && self.failures == 0).then_some(self.moment)
    }

    /// Lets a call through, or not.
    pub(super) fn admit(&mut self, now: Timestamp, rules: &Rules) -> Option<Permit> {
        if self.phase == Phase::Closed {
            return Some(Permit::of(self.moment));
        }
        // A clock that went back begins the pause again, rather than prolong it.
        self.since = self.since.min(now);
        if self.phase != Phase::Idle && now < self.since.after(self.pause) {
            return None;
        }
        if self.phase == Phase::Probing {
            // It hangs, or its caller has leaked it. The next one gets more time.
            self.pause = rules.after(self.pause);
        }
        self.phase = Phase::Probing;
        self.probe += 1;
        self.since = now;
        Some(Permit {
            moment: self.moment,
            probe: Some(self.probe),
        })
    }

    /// Takes note of the end of a call.
    pub(super) fn end(&mut self, permit: Permit, outcome: Outcome, now: Timestamp, rules: &Rules) {
        if permit.moment < self.settled {
            return;
        }
        let last_probe = self.phase == Phase::Probing && permit.probe == Some(self.probe);
        match outcome {
            Outcome::Answered if self.phase == Phase::Closed => self.failures = 0,
            // Also that of a probe which others have followed: it began after the circuit opened.
            Outcome::Answered => self.close(),
            Outcome::Failed(cause) if self.phase == Phase::Closed => {
                if permit.moment < self.moment {
                    return;
                }
                self.moment += 1;
                self.failures = self.failures.saturating_add(1);
                if self.failures >= rules.failures {
                    self.open(cause, now, rules);
                }
            }
            Outcome::Failed(cause) if last_probe => self.open(cause, now, rules),
            Outcome::Unknown if last_probe => self.phase = Phase::Idle,
            Outcome::Failed(_) | Outcome::Unknown => {}
        }
    }

    fn open(&mut self, cause: ErrorKind, now: Timestamp, rules: &Rules) {
        self.phase = Phase::Open;
        self.settle();
        self.since = now;
        self.pause = rules.after(self.pause);
        self.cause = cause;
    }

    fn close(&mut self) {
        self.phase = Phase::Closed;
        self.settle();
        self.failures = 0;
        self.pause = Duration::ZERO;
    }

    fn settle(&mut self) {
        self.moment += 1;
        self.settled = self.moment;
    }
}
