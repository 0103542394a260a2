//! The [`RedisStore`].

use std::{sync::Arc, time::Duration};

use super::wire::Tcp;
use crate::store::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge, Purges,
    Result, Scope, Store, Written, remote::RemoteStore,
};

/// A store over TCP.
#[derive(Clone, Debug)]
pub struct RedisStore(Arc<RemoteStore<Tcp>>);

impl RedisStore {
    /// Connects at the first call.
    pub fn open(url: &str) -> Result<Self> {
        Ok(Self(Arc::new(RemoteStore::new(Tcp::open(url)?))))
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
