//! The erased handle that users and layers hold.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{
    Batch, BreakerStore, Claim, Condition, Counter, Cursor, Decisions, Entries, Entry, Key, Limits,
    Lock, Members, MemoryStore, MeteredStore, Position, PrefixedStore, Purge, Purges, Result,
    Scope, Store, TimeLimitedStore, Version, Write, Written,
    erased::{DynStore, Shared},
    registry::Registration,
};
use crate::quota::Quota;

/// Any [`Store`], behind one pointer. Cheap to clone.
///
/// Where a store answers at once, reads, writes, acquires and looks at a purge log need no boxed future; any
/// other call boxes one.
#[derive(Clone)]
pub struct SharedStore(Arc<dyn DynStore>);

impl SharedStore {
    /// Shares a store.
    pub fn new(store: impl Store) -> Self {
        Self(Arc::new(Shared::new(store)))
    }

    /// Takes the name of a limit for as long as the registration lives, over all clones of this handle. Two handles
    /// that were made of one store apart know nothing of each other.
    ///
    /// # Errors
    /// Another quota, if the name is taken by that: the two would undo each other on one counter.
    pub(crate) fn register(&self, name: &'static str, quota: Quota) -> Result<Registration, Quota> {
        self.0.registry().register(name, quota)
    }

    /// Returns the one value of a type that lies beside the store, over all clones of this handle: made where it is first
    /// asked for, when a layer is built, and kept as long as any of them. It must hold no such handle, which would keep
    /// itself alive.
    pub(crate) fn beside<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        self.0.slots().get()
    }

    /// Returns what no other handle has while this one or a clone of it lives.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Returns the entry under `key`. One trip.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn get(&self, key: &Key) -> Result<Option<Entry>> {
        self.read(std::slice::from_ref(key))
            .await
            .map(Entries::into_first)
    }

    /// Stores a value, whatever is there, and returns its version. One trip.
    ///
    /// # Errors
    /// As [`Store::write`].
    ///
    /// # Cancellation
    /// Dropping the future leaves the value written or not.
    pub async fn put(
        &self,
        key: &Key,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Option<Version>> {
        let value = value.into();
        let written = self
            .write(&Write::put(key.clone(), value, ttl).into())
            .await?;
        Ok(written.version(0).cloned())
    }

    /// Removes an entry, if it is there. One trip.
    ///
    /// # Errors
    /// As [`Store::write`].
    ///
    /// # Cancellation
    /// Dropping the future leaves the entry removed or not.
    pub async fn delete(&self, key: &Key) -> Result<()> {
        self.write(&Write::delete(key.clone()).into())
            .await
            .map(|_| ())
    }

    /// Moves an entry to a new key, with a new value: the old one must be unchanged, the new key free. One trip.
    ///
    /// [`Written::Refused`] at 0: the new key is taken. At 1: the old entry is gone or has changed.
    ///
    /// # Errors
    /// As [`Store::write`].
    ///
    /// # Cancellation
    /// Dropping the future leaves either the old entry or the new one, never both and never none.
    pub async fn rotate(
        &self,
        old: (&Key, Version),
        new: &Key,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Written> {
        let put = Write::put(new.clone(), value, ttl).when(Condition::Absent);
        let delete = Write::delete(old.0.clone()).when(Condition::Unchanged(old.1));
        self.write(&Batch::from([put, delete])).await
    }

    /// Asks a store that has just said that it has to wait.
    pub(crate) async fn acquire_later(&self, claims: &[Claim]) -> Result<Decisions> {
        self.0.erased_acquire(claims).await
    }

    // Apart from the futures that call them, which would keep the answer while they wait.
    #[inline]
    fn read_at_once(&self, keys: &[Key]) -> Option<Result<Entries>> {
        let mut entries = Entries::new();
        let answer = self.0.erased_try_read(keys, &mut entries)?;
        Some(answer.map(|()| entries))
    }

    #[inline]
    fn acquire_at_once(&self, claims: &[Claim]) -> Option<Result<Decisions>> {
        let mut decisions = Decisions::new();
        let answer = self.0.erased_try_acquire(claims, &mut decisions)?;
        Some(answer.map(|()| decisions))
    }

    /// Returns a handle to the counter under `key`, which lives for `ttl` from its first increment.
    #[must_use]
    pub fn counter(&self, key: Key, ttl: Duration) -> Counter {
        Counter::new(self.clone(), key, ttl)
    }

    /// Returns a handle to the lock under `key`, of the kind [`Lock`](super::Kind::Lock) (what is of the kind
    /// [`Cache`](super::Kind::Cache) may be evicted, and would be handed out twice), held for at most `ttl` unless extended. See [`Lock`] for what it
    /// promises, and what not.
    #[must_use]
    pub fn lock(&self, key: Key, ttl: Duration) -> Lock {
        Lock::new(self.clone(), key, ttl)
    }
}

impl From<MemoryStore> for SharedStore {
    fn from(store: MemoryStore) -> Self {
        Self::new(store)
    }
}

impl<S: Store> From<PrefixedStore<S>> for SharedStore {
    fn from(store: PrefixedStore<S>) -> Self {
        Self::new(store)
    }
}

impl<S: Store> From<MeteredStore<S>> for SharedStore {
    fn from(store: MeteredStore<S>) -> Self {
        Self::new(store)
    }
}

#[cfg(feature = "redis")]
impl From<super::RedisStore> for SharedStore {
    fn from(store: super::RedisStore) -> Self {
        Self::new(store)
    }
}

impl<S: Store> From<TimeLimitedStore<S>> for SharedStore {
    fn from(store: TimeLimitedStore<S>) -> Self {
        Self::new(store)
    }
}

impl<S: Store> From<BreakerStore<S>> for SharedStore {
    fn from(store: BreakerStore<S>) -> Self {
        Self::new(store)
    }
}

#[cfg(feature = "upstash")]
impl From<super::UpstashStore> for SharedStore {
    fn from(store: super::UpstashStore) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").finish_non_exhaustive()
    }
}

impl Store for SharedStore {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        match self.read_at_once(keys) {
            Some(result) => result,
            None => self.0.erased_read(keys).await,
        }
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        match self.0.erased_try_write(batch) {
            Some(result) => result,
            None => self.0.erased_write(batch).await,
        }
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.0.erased_increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        match self.acquire_at_once(claims) {
            Some(result) => result,
            None => self.0.erased_acquire(claims).await,
        }
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.0.erased_members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.0.erased_purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        match self.try_purges(log, since) {
            Some(result) => result,
            None => self.0.erased_purges(log, since).await,
        }
    }

    fn limits(&self) -> Limits {
        self.0.erased_limits()
    }

    async fn ping(&self) -> Result<()> {
        self.0.erased_ping().await
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        self.0.erased_try_read(keys, entries)
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        self.0.erased_try_write(batch)
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        self.0.erased_try_acquire(claims, decisions)
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        self.0.erased_try_purges(log, since)
    }
}
