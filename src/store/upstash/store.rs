//! The [`UpstashStore`].

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use super::{UpstashStoreBuilder, UpstashUsage, link::Link, wire::Rest};
use crate::store::{
    Batch, Claim, ConfigError, Cursor, Decisions, Entries, Error, ErrorKind, Key, Kind, Limits,
    Members, Position, Purge, Purges, Result, Scope, Store, Written,
    remote::{RemoteStore, Settings},
};

/// A store over HTTPS: Upstash, or what speaks its REST interface.
///
/// Cheap to clone: clones share connections, queue and [`usage`](Self::usage).
///
/// **Calls made at the same time share a request**, without being asked to; see [`together`](crate::store::together)
/// for calls of one task. Nothing is ever sent twice, and no call waits longer than its
/// [time limit](UpstashStoreBuilder::time_limit).
///
/// ```no_run
/// use tower_upstash::store::{SharedStore, Store, UpstashStore};
///
/// # tokio_test::block_on(async {
/// let upstash = UpstashStore::from_env()?;
/// upstash.ping().await?; // connects, and checks the token
///
/// let store = SharedStore::from(upstash.clone());
/// // … the layers, and at times:
/// let usage = upstash.usage();
/// println!("{} commands in {} requests: ${:.2}", usage.commands, usage.requests, usage.dollars());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// A global database, and more patience:
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::store::UpstashStore;
///
/// let store = UpstashStore::builder("https://eu1-example.upstash.io", "token")
///     .global(2)
///     .time_limit(Duration::from_secs(1))
///     .build()?;
/// # Ok::<_, tower_upstash::store::ConfigError>(())
/// ```
///
/// On `wasm32-unknown-unknown`, requests are the host's `fetch`, which cannot be told not to follow redirects: a server that
/// answers a write with one (307, 308) has it sent twice. An answer that does not say how long it is is read whole.
///
/// # Cancellation
/// A call that is dropped before its command leaves has no effect; after that, the command runs as a whole.
#[derive(Clone)]
pub struct UpstashStore(Arc<RemoteStore<Rest>>);

impl UpstashStore {
    /// Opens a database by the URL of its REST endpoint, and its token. Connects at the first call.
    ///
    /// # Errors
    /// [`ConfigError`] where one of them cannot be used.
    pub fn new(url: &str, token: &str) -> Result<Self, ConfigError> {
        Self::builder(url, token).build()
    }

    /// Opens a database with settings.
    pub fn builder(url: &str, token: &str) -> UpstashStoreBuilder {
        UpstashStoreBuilder::named(("the URL", url), ("the token", token))
    }

    /// Returns what the store has done and cost so far.
    #[must_use]
    pub fn usage(&self) -> UpstashUsage {
        self.link().meter.usage()
    }

    pub(super) fn over(wire: Rest, settings: Settings) -> Self {
        Self(Arc::new(RemoteStore::new(wire, settings)))
    }

    fn link(&self) -> &Link {
        self.0.wire().link()
    }

    /// Reads, and on a global database once more, on the primary, where a session is missing: the replica may lag behind the
    /// login. All keys are asked for again, since what a read answers is of one instant.
    async fn read_confirmed(&self, keys: &[Key]) -> Result<Entries> {
        let entries = self.0.read(keys).await?;
        let is_missing = || {
            let mut read = keys.iter().zip(entries.iter());
            read.any(|(key, entry)| entry.is_none() && key.scope().kind() == Kind::Session)
        };
        if self.link().sync.is_some() && is_missing() {
            self.0.read_on_primary(keys).await
        } else {
            Ok(entries)
        }
    }

    /// Makes a call within the time limit.
    async fn call<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.call_within(self.link().time_limit, call).await
    }

    async fn call_within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let link = self.link();
        let result = if link.executor.is_here() {
            let answer = link.timer.within(limit, pin!(call)).await;
            answer.unwrap_or_else(|| {
                Err(Error::new(
                    ErrorKind::Timeout,
                    "no answer within the time limit",
                ))
            })
        } else {
            Err(Error::invalid("a call from outside of a tokio runtime"))
        };
        result.inspect_err(|error| link.meter.failed(error))
    }
}

impl Store for UpstashStore {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.call(self.read_confirmed(keys)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.call(self.0.write(batch)).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.call(self.0.increment(key, by, ttl)).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.call(self.0.acquire(claims)).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.call(self.0.members(index, cursor)).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.call(self.0.purge(log, what)).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.call(self.0.purges(log, since)).await
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    /// Connects, where no connection is open: that may take longer than other calls.
    async fn ping(&self) -> Result<()> {
        let link = self.link();
        let limit = link.time_limit.saturating_add(link.connect_time_limit);
        self.call_within(limit, self.0.ping()).await
    }
}

impl fmt::Debug for UpstashStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstashStore")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
