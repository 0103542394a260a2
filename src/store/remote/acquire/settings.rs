//! The settings of acquires: whose clock tells the time, and which limits are shared with `@upstash/ratelimit`.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::time::{Clock, SystemClock, Timestamp};

/// Settings of [`acquire`](crate::store::Store::acquire) on a remote store.
pub(crate) struct Settings {
    // None: what lies in our own layout is decided by the server's clock.
    client: Option<Arc<dyn Clock>>,
    shared: Shared,
}

/// Limits that are shared with `@upstash/ratelimit`: by name, the prefix they have there.
struct Shared {
    prefixes: HashMap<Box<str>, Box<str>>,
    clock: Arc<dyn Clock>,
}

impl Settings {
    /// Decides by this clock, not by the server's: saves a command in each call, and admits too much or too little by as
    /// much as the clocks of clients differ. Default: the server's clock.
    #[must_use]
    pub(crate) fn client_clock(mut self, clock: impl Clock) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        self.shared.clock = clock.clone();
        self.client = Some(clock);
        self
    }

    /// Shares the limits of this name with `@upstash/ratelimit` under its `prefix`: the same keys, values and times to
    /// live. Default: none.
    #[must_use]
    pub(crate) fn shared_limit(mut self, name: &str, prefix: &str) -> Self {
        self.shared.prefixes.insert(name.into(), prefix.into());
        self
    }

    pub(super) fn prefix(&self, name: &str) -> Option<&str> {
        self.shared.prefixes.get(name).map(|prefix| &**prefix)
    }

    /// Returns the time if the client tells it.
    pub(super) fn client_now(&self) -> Option<Timestamp> {
        self.client.as_ref().map(|clock| clock.now())
    }

    /// Returns the time of shared limits, which the client always tells.
    pub(super) fn shared_now(&self) -> Timestamp {
        self.shared.clock.now()
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client: None,
            shared: Shared {
                prefixes: HashMap::new(),
                clock: Arc::new(SystemClock::new()),
            },
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("client_clock", &self.client.is_some())
            .field("shared_limits", &self.shared.prefixes)
            .finish()
    }
}
