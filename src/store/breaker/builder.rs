//! The settings of a [`BreakerStore`].

use std::{fmt, sync::Arc, time::Duration};

use super::{
    BreakerStore,
    circuit::{Circuit, Rules},
    switch::{Settings, Switch},
};
use crate::time::{Clock, SystemClock};

/// Settings of a [`BreakerStore`].
pub struct BreakerStoreBuilder<S> {
    inner: S,
    settings: Settings,
}

impl<S> BreakerStoreBuilder<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            settings: Settings {
                rules: Rules {
                    failures: 5,
                    cool_down: Duration::from_secs(1),
                    longest: Duration::from_secs(30),
                },
                patience: Duration::from_secs(1),
                clock: Arc::new(SystemClock::new()),
                on_change: None,
            },
        }
    }

    /// Sets how many failures in a row open the circuit. Default: 5.
    ///
    /// Calls that fail together are one failure: the next one that counts begins afterwards.
    ///
    /// # Panics
    /// If `count` is zero.
    #[must_use]
    pub const fn failures(mut self, count: u32) -> Self {
        assert!(count > 0, "a circuit cannot open before the first failure");
        self.settings.rules.failures = count;
        self
    }

    /// Sets how long the circuit stays open at first. Default: one second.
    ///
    /// Each probe that fails doubles it, up to the [longest](Self::longest_cool_down).
    #[must_use]
    pub const fn cool_down(mut self, first: Duration) -> Self {
        self.settings.rules.cool_down = first;
        self
    }

    /// Sets how long the circuit stays open at most. Default: 30 seconds. It is never shorter than the
    /// [first](Self::cool_down) cool-down.
    #[must_use]
    pub const fn longest_cool_down(mut self, longest: Duration) -> Self {
        self.settings.rules.longest = longest;
        self
    }

    /// Sets from when on a call that is dropped without an answer is a failure. Default: one second.
    ///
    /// A client that hangs up says nothing about the store, a store that had so long to answer does. What counts is when
    /// the call was last polled without an answer, not when it was dropped: a caller may be busy elsewhere. `Duration::MAX`
    /// makes no dropped call a failure.
    #[must_use]
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.settings.patience = patience;
        self
    }

    /// Sets the clock. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Sets what is called with the circuit whenever it has opened, half opened or closed. Default: nothing.
    ///
    /// It is called without a lock, by the call that caused the change, so it may ask the store; changes that follow
    /// each other closely may come in another order. It must not block or panic.
    #[must_use]
    pub fn on_change(mut self, hook: impl Fn(Circuit) + Send + Sync + 'static) -> Self {
        self.settings.on_change = Some(Arc::new(hook));
        self
    }

    /// Creates the store, with a closed circuit.
    #[must_use]
    pub fn build(self) -> BreakerStore<S> {
        BreakerStore {
            inner: Arc::new(self.inner),
            switch: Arc::new(Switch::new(self.settings)),
        }
    }
}

impl<S> fmt::Debug for BreakerStoreBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerStoreBuilder")
            .field("rules", &self.settings.rules)
            .field("patience", &self.settings.patience)
            .finish_non_exhaustive()
    }
}
