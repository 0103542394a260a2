//! The settings of acquires: whose clock tells the time, and which limits are shared with `@upstash/ratelimit`.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::time::{Clock, SystemClock, Timestamp};

/// Settings of [`acquire`](crate::store::Store::acquire) on a remote store.
pub(crate) struct Settings {
    // By name, the prefix that a limit has in `@upstash/ratelimit`.
    shared: HashMap<Box<str>, Box<str>>,
    // Decides shared limits, and if `by_client` all others.
    clock: Arc<dyn Clock>,
    by_client: bool,
}

impl Settings {
    /// Decides by the client's clock, not by the server's: saves a command in each call, and admits too much or too little by as
    /// much as the clocks of clients differ. Default: the server's clock.
    #[must_use]
    pub(crate) const fn client_clock(mut self) -> Self {
        self.by_client = true;
        self
    }

    /// Sets the client's clock, by which shared limits are always decided. Default: [`SystemClock`].
    #[must_use]
    pub(crate) fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Shares the limits of this name with `@upstash/ratelimit` under its `prefix`: the same keys, values and times to
    /// live. Default: none.
    ///
    /// Decided by the client's clock, as theirs are. An adapter's prefix is no part of the keys, and two names with one
    /// prefix share their counts.
    ///
    /// # Security
    /// Their keys are not injective: an identifier from outside that may contain `:` can name a key of another
    /// identifier, and an address is the name that spells it. A name that spells a hash is none.
    #[must_use]
    pub(crate) fn upstash_ratelimit(mut self, name: &str, prefix: &str) -> Self {
        self.shared.insert(name.into(), prefix.into());
        self
    }

    pub(super) fn prefix(&self, name: &str) -> Option<&str> {
        self.shared.get(name).map(|prefix| &**prefix)
    }

    /// Returns whether our own layout is decided by the client's clock, too.
    pub(super) const fn by_client(&self) -> bool {
        self.by_client
    }

    /// Returns the client's time.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shared: HashMap::new(),
            clock: Arc::new(SystemClock::new()),
            by_client: false,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("client_clock", &self.by_client)
            .field("shared_limits", &self.shared)
            .finish_non_exhaustive()
    }
}
