//! The [`RedisStore`].

use std::{fmt, sync::Arc, time::Duration};

use super::{RedisStoreBuilder, wire::Tcp};
use crate::store::{
    Batch, Claim, ConfigError, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge,
    Purges, Result, Scope, Store, Written,
    remote::{RemoteStore, Settings},
};

/// A store over TCP: Redis 7 or later, or what speaks as it does. Cheap to clone; clones share everything.
///
/// All calls share one connection, made at the first of them, in a Tokio runtime. When it breaks, the calls under way
/// fail, and the next one connects again; no call is sent twice. Time limits: one second to connect, and 50 milliseconds
/// for a call, see [`builder`](Self::builder).
///
/// ```no_run
/// use tower_upstash::store::{RedisStore, SharedStore, Store};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SharedStore::new(RedisStore::new("redis://127.0.0.1/")?);
/// store.ping().await?; // a warm-up, and a check of the address
/// # Ok(())
/// # }
/// ```
///
/// # Servers that refuse
/// A server that refuses the connection, because of the password or since it is loading or full, is left alone for a
/// tenth of a second, and for up to five seconds where it goes on to; calls fail with what it said, and are not sent.
///
/// # Clusters
/// A Redis Cluster changes several keys all or nothing only within a slot, so its nodes are refused: every call, also
/// [`ping`](Store::ping), fails as [`Unsupported`](crate::store::ErrorKind::Unsupported), and nothing was done. The first
/// call on a connection asks what the server is, by `INFO`, which is not in the bill.
///
/// # Permissions
/// A user with fewer commands than these (beside those that open a connection: AUTH, HELLO, CLIENT, SELECT) meets
/// [`Unauthorized`](crate::store::ErrorKind::Unauthorized), in the worst case where a script has written already: DECRBY, DEL,
/// DELEX where the server has it, EVAL, EVALSHA, EXISTS, GET, HMGET, HSET, INCRBY, MGET, PEXPIRE, PEXPIREAT, PING, SET, TIME,
/// ZADD, ZCARD, ZCOUNT, ZMSCORE, ZRANGE, ZREM and ZREMRANGEBYSCORE.
///
/// # TLS
/// `rediss://` works where the application enables a TLS feature of the crate `redis`, such as `tokio-rustls-comp` beside
/// a provider of cryptography for rustls.
#[derive(Clone)]
pub struct RedisStore(Arc<RemoteStore<Tcp>>);

impl RedisStore {
    /// Returns a store with default settings: `redis://user:password@host:port/database`. It connects at the first call.
    ///
    /// # Errors
    /// As [`RedisStoreBuilder::build`].
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        Self::builder(url).build()
    }

    /// Returns the settings of a store, to be changed.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    pub(super) fn over(wire: Tcp, settings: Settings) -> Self {
        Self(Arc::new(RemoteStore::new(wire, settings)))
    }

    /// Returns how many commands were run for this store and its clones, those inside scripts included: what Upstash
    /// would bill.
    ///
    /// A call that fails may count less than it ran.
    #[must_use]
    pub fn billed(&self) -> u64 {
        self.0.wire().billed()
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

impl Store for RedisStore {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.0.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.0.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.0.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.0.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.0.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.0.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.0.purges(log, since).await
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn ping(&self) -> Result<()> {
        self.0.ping().await
    }
}
