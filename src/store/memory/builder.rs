//! The settings of a [`MemoryStore`].

use std::{fmt, sync::Arc};

use super::{
    MemoryStore,
    budget::{Budgets, MemoryEvent},
};
use crate::time::{Clock, SystemClock};

/// Settings of a [`MemoryStore`].
pub struct MemoryStoreBuilder {
    pub(super) budgets: Budgets,
    pub(super) max_value: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_event: Option<Hook>,
}

pub(super) type Hook = Arc<dyn Fn(MemoryEvent) + Send + Sync>;

impl MemoryStoreBuilder {
    pub(super) fn new() -> Self {
        Self {
            budgets: Budgets::default(),
            max_value: 8 << 20,
            clock: Arc::new(SystemClock::new()),
            on_event: None,
        }
    }

    /// Sets the byte budgets. Default: [`Budgets::default`].
    #[must_use]
    pub const fn budgets(mut self, budgets: Budgets) -> Self {
        self.budgets = budgets;
        self
    }

    /// Sets the largest value, in bytes. Default: 8 MiB.
    #[must_use]
    pub const fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// Sets the clock. Default: [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets what is called for each [`MemoryEvent`], after all locks are released: it may call the store, but a
    /// call that causes the same event again calls the hook again. Default:
    /// nothing.
    #[must_use]
    pub fn on_event(mut self, hook: impl Fn(MemoryEvent) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(hook));
        self
    }

    /// Creates the store, empty.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        self.into()
    }
}

impl fmt::Debug for MemoryStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStoreBuilder")
            .field("budgets", &self.budgets)
            .finish_non_exhaustive()
    }
}
