//! The [`MemoPolicy`].

use std::{fmt, time::Duration};

use super::MemoEvent;
use crate::store::Identifier;

/// How values are kept: under which name, for how long, and whose they are. A `const`.
///
/// `S` is whose values these are: [`Shared`] by all, [`PerSubject`], or, after [`of`](Self::of), those of one subject.
/// There is no policy without it.
#[derive(Clone, Copy)]
pub struct MemoPolicy<S = Shared> {
    pub(super) name: &'static str,
    pub(super) scope: S,
    pub(super) ttl: Duration,
    pub(super) jitter: Duration,
    pub(super) version: u32,
    pub(super) on_event: Option<fn(&'static str, MemoEvent<'_>)>,
}

/// Values that are the same whoever asks.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Shared;

/// Values that depend on who asks: each call [names the subject](MemoPolicy::of).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct PerSubject;

/// Nobody else tells whose values are meant.
#[expect(unnameable_types, reason = "that is what it is for")]
mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Shared {}

    impl Sealed for super::Identifier {}
}

/// What tells whose values a call is about: [`Shared`], or one subject.
#[diagnostic::on_unimplemented(
    message = "these values depend on who asks",
    label = "say whose are meant by `.of(subject)`"
)]
pub trait MemoScope: sealed::Sealed {
    /// Returns the subject, if there is one.
    fn subject(&self) -> Option<&Identifier>;
}

impl MemoScope for Shared {
    fn subject(&self) -> Option<&Identifier> {
        None
    }
}

impl MemoScope for Identifier {
    fn subject(&self) -> Option<&Identifier> {
        Some(self)
    }
}

impl MemoPolicy {
    /// Keeps values for everybody: whoever gives the same input gets the value, whoever made it.
    ///
    /// # Security
    /// For values that depend on the input alone. What is looked up with somebody's rights is
    /// [per subject](MemoPolicy::per_subject).
    ///
    /// # Panics
    /// If the time to live is zero: in a `const`, when it is compiled.
    #[must_use]
    pub const fn shared(name: &'static str, ttl: Duration) -> Self {
        Self::new(name, Shared, ttl)
    }
}

impl MemoPolicy<PerSubject> {
    /// Keeps values for each subject: a user, a tenant, a key of an API. Nobody gets what was made for somebody else.
    ///
    /// # Panics
    /// If the time to live is zero: in a `const`, when it is compiled.
    #[must_use]
    pub const fn per_subject(name: &'static str, ttl: Duration) -> Self {
        Self::new(name, PerSubject, ttl)
    }

    /// Names the subject of a call.
    #[must_use]
    pub fn of(self, subject: impl Into<Identifier>) -> MemoPolicy<Identifier> {
        MemoPolicy {
            name: self.name,
            scope: subject.into(),
            ttl: self.ttl,
            jitter: self.jitter,
            version: self.version,
            on_event: self.on_event,
        }
    }
}

impl<S> MemoPolicy<S> {
    const fn new(name: &'static str, scope: S, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a memo needs a time to live above zero");
        Self {
            name,
            scope,
            ttl,
            jitter: Duration::ZERO,
            version: 0,
            on_event: None,
        }
    }

    /// Tells values of one version from those of another, which stay unused until they expire: raise it with every change
    /// of what the call returns for the same input (a new model, a new prompt around it, another type). Default: 0.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Lets each value expire earlier by a random time of at most so much, so that what was made together is not made
    /// again together. Default: none.
    ///
    /// # Panics
    /// If it is not shorter than the time to live.
    #[must_use]
    pub const fn jitter(mut self, most: Duration) -> Self {
        assert!(
            most.as_nanos() < self.ttl.as_nanos(),
            "the jitter is shorter than the time to live"
        );
        self.jitter = most;
        self
    }

    /// Tells a function what becomes of each call, with the name of the policy: for metrics, and to hear of a store that
    /// fails. Default: nobody hears of it.
    ///
    /// It is called while somebody waits, so it shall be quick.
    #[must_use]
    pub const fn on_event(mut self, hook: fn(&'static str, MemoEvent<'_>)) -> Self {
        self.on_event = Some(hook);
        self
    }

    pub(super) fn tell(&self, event: MemoEvent<'_>) {
        if let Some(hook) = self.on_event {
            hook(self.name, event);
        }
    }
}

impl<S> fmt::Debug for MemoPolicy<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoPolicy")
            .field("name", &self.name)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}
