//! A store that is held up: a look is made at once and told later, a value is written later; what is deleted is gone at once.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tower_upstash::store::{
    Batch, Change, Claim, Cursor, Decisions, Entries, Key, Members, Position, Purge, Purges,
    Result, Written,
};

use super::*;

#[derive(Clone)]
pub(super) struct Held {
    memory: MemoryStore,
    looks: Arc<Semaphore>,
    writes: Arc<Semaphore>,
}

impl Held {
    /// Tells as many looks, and makes as many writes.
    pub(super) fn new(looks: usize, writes: usize) -> Self {
        Self {
            memory: MemoryStore::new(),
            looks: Arc::new(Semaphore::new(looks)),
            writes: Arc::new(Semaphore::new(writes)),
        }
    }

    pub(super) fn shared(&self) -> SharedStore {
        SharedStore::new(self.clone())
    }

    pub(super) fn tell_looks(&self, looks: usize) {
        self.looks.add_permits(looks);
    }

    pub(super) fn make_writes(&self, writes: usize) {
        self.writes.add_permits(writes);
    }
}

impl tower_upstash::store::Store for Held {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        let entries = self.memory.read(keys).await;
        self.looks.acquire().await.unwrap().forget();
        entries
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        if batch
            .writes()
            .iter()
            .any(|write| matches!(write.change(), Change::Put { .. }))
        {
            self.writes.acquire().await.unwrap().forget();
        }
        self.memory.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.memory.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.memory.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.memory.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.memory.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.memory.purges(log, since).await
    }
}
