//! A store with something around each call.

use std::time::Duration;

use tower_upstash::store::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Members, Position, Purge, Purges, Result, Scope,
    SharedStore, Store, Written,
};

/// What is done around each call of a store.
pub(super) trait Around: Send + Sync + 'static {
    fn around<T: Send>(
        &self,
        call: impl Future<Output = Result<T>> + Send,
    ) -> impl Future<Output = Result<T>> + Send;
}

pub(super) struct Watched<A> {
    pub(super) inner: SharedStore,
    pub(super) around: A,
}

impl<A: Around> Store for Watched<A> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.around.around(self.inner.read(keys)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.around.around(self.inner.write(batch)).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.around.around(self.inner.increment(key, by, ttl)).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.around.around(self.inner.acquire(claims)).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.around.around(self.inner.members(index, cursor)).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.around.around(self.inner.purge(log, what)).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.around.around(self.inner.purges(log, since)).await
    }
}
