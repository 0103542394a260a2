//! How a [`RedisStore`] is set up.

use std::{fmt, time::Duration};

use super::{RedisStore, connection::Connection, url, wire::Tcp};
use crate::store::Result;

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
}

impl RedisStoreBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_millis(50),
            max_value: RedisStore::MAX_VALUE,
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

    /// Returns the store. It connects at the first call.
    ///
    /// # Errors
    /// [`Invalid`](crate::store::ErrorKind::Invalid) for a URL that is not one of Redis;
    /// [`Unsupported`](crate::store::ErrorKind::Unsupported) for TLS where it is not compiled in. Neither shows the URL.
    pub fn build(self) -> Result<RedisStore> {
        let client = url::client(&self.url)?;
        let connection = Connection::new(client, self.connect_timeout, self.timeout);
        Ok(RedisStore::new(Tcp::new(connection, self.max_value)))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has the password in it.
        f.debug_struct("RedisStoreBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("max_value", &self.max_value)
            .finish_non_exhaustive()
    }
}
