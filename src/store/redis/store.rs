//! The [`RedisStore`].

use std::{sync::Arc, time::Duration};

use super::wire::Tcp;
use crate::store::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge, Purges,
    Result, Scope, Store, Written,
    remote::{RemoteStore, Settings},
};
use crate::time::Clock;

/// A store over TCP.
#[derive(Clone, Debug)]
pub struct RedisStore(Arc<RemoteStore<Tcp>>);

impl RedisStore {
    /// Connects at the first call.
    pub fn open(url: &str) -> Result<Self> {
        Self::with(url, Settings::default())
    }

    /// Opens a store that decides by the clock of the client.
    #[doc(hidden)]
    pub fn open_with_clock(url: &str, clock: impl Clock, shared: &[(&str, &str)]) -> Result<Self> {
        Self::with(
            url,
            shared.iter().fold(
                Settings::default().clock(clock).client_clock(),
                |settings, (name, prefix)| settings.shared_limit(name, prefix),
            ),
        )
    }

    fn with(url: &str, settings: Settings) -> Result<Self> {
        Ok(Self(Arc::new(RemoteStore::new(Tcp::open(url)?, settings))))
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
