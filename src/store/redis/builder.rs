//! How a [`RedisStore`] is set up.

use std::{fmt, time::Duration};

use redis::aio::ConnectionManager;

use super::{RedisStore, connection::Connection, url, wire::Tcp};
use crate::{
    store::{ConfigError, Limits, remote::Settings},
    time::Clock,
};

/// The settings of a [`RedisStore`]. Made by [`RedisStore::builder`].
///
/// ```no_run
/// use std::time::Duration;
/// use tower_upstash::store::RedisStore;
///
/// let store = RedisStore::builder("redis://127.0.0.1/")
///     .connect_time_limit(Duration::from_secs(3))
///     .time_limit(Duration::from_millis(200))
///     .build()?;
/// # Ok::<_, tower_upstash::store::ConfigError>(())
/// ```
#[must_use]
pub struct RedisStoreBuilder {
    source: Source,
    connect_time_limit: Duration,
    time_limit: Duration,
    max_value: usize,
    settings: Settings,
}

enum Source {
    Url(String),
    Client(ConnectionManager),
}

impl RedisStoreBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self::with(Source::Url(url.to_owned()))
    }

    /// Takes a connection that was set up elsewhere, with its own time limits; it may be shared with others. For Sentinel,
    /// certificates, and whatever else a URL does not say.
    ///
    /// Set its number of retries to zero, or a call waits for seconds where the server is away.
    ///
    /// ```no_run
    /// use redis::aio::{ConnectionManager, ConnectionManagerConfig};
    /// use tower_upstash::store::RedisStoreBuilder;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let config = ConnectionManagerConfig::new().set_number_of_retries(0);
    /// let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let client = ConnectionManager::new_with_config(client, config).await?;
    /// let store = RedisStoreBuilder::from_client(client).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_client(client: ConnectionManager) -> Self {
        Self::with(Source::Client(client))
    }

    fn with(source: Source) -> Self {
        Self {
            source,
            connect_time_limit: Duration::from_secs(1),
            time_limit: Duration::from_millis(50),
            max_value: Limits::default().max_value,
            settings: Settings::default(),
        }
    }

    /// Sets how long connecting may take. Default: one second. A call that finds no connection waits for one.
    pub const fn connect_time_limit(mut self, limit: Duration) -> Self {
        self.connect_time_limit = limit;
        self
    }

    /// Sets how long the server may take to answer a command. Default: 50 milliseconds.
    ///
    /// A call is one command, or two where the server does not know a script yet. With connecting, it takes no longer than
    /// both limits together, whatever becomes of the runtime that began to connect. Afterwards it fails as a [`Timeout`](crate::store::ErrorKind::Timeout), and whether it was done is unknown.
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Sets the largest value, in bytes. Default: 1 MiB. Redis itself takes up to 512.
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
    /// Their keys are not injective: an identifier from outside that contains `:` can name the key of another one. Two
    /// claims of a call that meet on a key in two layouts fail as [`Invalid`](crate::store::ErrorKind::Invalid). Of names
    /// whose bucket would lie where a dynamic limit, analytics or a deny list does (`dynamic:…`, `events:…`, `denyList:…`,
    /// `ipDenyListStatus`), the key has the SHA-256, and theirs does not count on it. A name that begins as our own hashes do (`~`, `!`, `*`) is
    /// percent-encoded, so that it is none: theirs does not count on that key, and a name that spells the encoded one does.
    pub fn upstash_ratelimit(mut self, name: &str, prefix: &str) -> Self {
        self.settings = self.settings.upstash_ratelimit(name, prefix);
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
    /// [`ConfigError`] for a URL that is not one of Redis, and for TLS where it is not compiled in.
    pub fn build(self) -> Result<RedisStore, ConfigError> {
        let connection = match self.source {
            Source::Url(url) => {
                Connection::new(url::client(&url)?, self.connect_time_limit, self.time_limit)
            }
            Source::Client(manager) => manager.into(),
        };
        Ok(RedisStore::over(
            Tcp::new(connection, self.max_value),
            self.settings,
        ))
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has the password in it.
        f.debug_struct("RedisStoreBuilder")
            .field("connect_time_limit", &self.connect_time_limit)
            .field("time_limit", &self.time_limit)
            .field("max_value", &self.max_value)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
