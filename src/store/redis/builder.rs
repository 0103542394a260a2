//! How a [`RedisStore`] is set up.

use std::{fmt, time::Duration};

use super::{RedisStore, connection::Connection, url, wire::Tcp};
use crate::{
    store::{Result, remote::Settings},
    time::Clock,
};

/// The settings of a [`RedisStore`]. Made by [`RedisStore::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use tower_upstash::store::RedisStore;
///
/// let store = RedisStore::builder("redis://127.0.0.1/")
///     .connect_timeout(Duration::from_secs(3))
///     .timeout(Duration::from_millis(200))
///     .build()?;
/// # Ok::<_, tower_upstash::store::Error>(())
/// ```
#[must_use]
pub struct RedisStoreBuilder {
    url: String,
    connect_timeout: Duration,
    timeout: Duration,
    max_value: usize,
    settings: Settings,
}

impl RedisStoreBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_millis(50),
            max_value: RedisStore::MAX_VALUE,
            settings: Settings::default(),
        }
    }

    /// Sets how long connecting may take. Default: one second. A call that finds no connection waits for one.
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets how long the server may take to answer. Default: 50 milliseconds.
    ///
    /// Afterwards the call fails as a [`Timeout`](crate::store::ErrorKind::Timeout), and whether it was done is unknown.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the largest value, in bytes. Default: eight mebibytes. Redis itself takes up to 512.
    pub const fn max_value(mut self, bytes: usize) -> Self {
        self.max_value = bytes;
        self
    }

    /// Shares the limits of this name with `@upstash/ratelimit` (2.x) under its `prefix`: the same keys, values and times
    /// to live. Default: none.
    ///
    /// Its `fixedWindow`, `slidingWindow` and `tokenBucket` are our
    /// [`AlignedWindow`](crate::quota::Algorithm::AlignedWindow), [`SlidingWindow`](crate::quota::Algorithm::SlidingWindow)
    /// and [`TokenBucket`](crate::quota::Algorithm::TokenBucket); other algorithms fail as
    /// [`Unsupported`](crate::store::ErrorKind::Unsupported). Time is the client's, as there. A refused claim consumes
    /// nothing, where theirs (up to 2.2) counts some that it refuses. Dynamic limits, analytics and deny lists are theirs
    /// alone. The prefix of a [`PrefixedStore`](crate::store::PrefixedStore) is no part of these keys.
    ///
    /// # Security
    /// Their keys are not injective: an identifier from outside that contains `:` can name the key of another one.
    pub fn shared_limit(mut self, name: &str, prefix: &str) -> Self {
        self.settings = self.settings.shared_limit(name, prefix);
        self
    }

    /// Decides all limits by the client's clock, not by the server's: a command less in each call, and too much or too
    /// little admitted by as much as the clocks of clients differ. Default: the server's clock.
    pub fn client_clock(mut self) -> Self {
        self.settings = self.settings.client_clock();
        self
    }

    /// Sets the client's clock. Default: [`SystemClock`](crate::time::SystemClock).
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings = self.settings.clock(clock);
        self
    }

    /// Returns the store. It connects at the first call.
    ///
    /// # Errors
    /// [`Invalid`](crate::store::ErrorKind::Invalid) for a URL that is not one of Redis;
    /// [`Unsupported`](crate::store::ErrorKind::Unsupported) for TLS where it is not compiled in. Neither shows the URL.
    pub fn build(self) -> Result<RedisStore> {
        let client = url::client(&self.url)?;
        let connection = Connection::new(client, self.connect_timeout, self.timeout);
        Ok(RedisStore::new(
            Tcp::new(connection, self.max_value),
            self.settings,
        ))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has the password in it.
        f.debug_struct("RedisStoreBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("max_value", &self.max_value)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
