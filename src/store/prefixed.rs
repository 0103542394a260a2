//! The adapter that keeps environments or tenants apart in one store.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use smallvec::SmallVec;

use super::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge, Purges,
    Result, Scope, Store, Write, Written,
};

/// A store under a prefix: nothing in it can be seen or changed from under another one.
///
/// ```
/// use tower_upstash::store::{MemoryStore, PrefixedStore};
///
/// let staging = PrefixedStore::new(MemoryStore::new(), "staging");
/// ```
///
/// The trips and commands are the same. A scope is put under the prefix once, and remembered.
#[derive(Clone)]
pub struct PrefixedStore<S> {
    inner: S,
    prefix: Arc<Prefix>,
}

struct Prefix {
    text: Box<str>,
    // By the address of a scope, which it keeps alive: the scope, and the same under the prefix.
    scopes: RwLock<HashMap<usize, (Scope, Scope)>>,
}

impl Prefix {
    /// Scopes are made once. Whoever makes them as they go pays for it here, not in memory.
    const MOST: usize = 256;

    fn scope(&self, scope: &Scope) -> Scope {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, within)) = scopes.get(&scope.address()) {
            return within.clone();
        }
        drop(scopes);
        let within = scope.within(&self.text);
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        if scopes.len() < Self::MOST {
            scopes.insert(scope.address(), (scope.clone(), within.clone()));
        }
        within
    }
}

impl<S> PrefixedStore<S> {
    /// Puts `prefix` and a colon before all keys. Any prefix is allowed: it is escaped where a key becomes text.
    pub fn new(inner: S, prefix: &str) -> Self {
        Self {
            inner,
            prefix: Arc::new(Prefix {
                text: prefix.into(),
                scopes: RwLock::default(),
            }),
        }
    }

    fn scope(&self, scope: &Scope) -> Scope {
        self.prefix.scope(scope)
    }

    fn key(&self, key: &Key) -> Key {
        self.scope(key.scope()).key(key.identifier().clone())
    }

    fn keys(&self, keys: &[Key]) -> SmallVec<[Key; 2]> {
        keys.iter().map(|key| self.key(key)).collect()
    }

    fn claims(&self, claims: &[Claim]) -> SmallVec<[Claim; 4]> {
        claims
            .iter()
            .map(|claim| claim.map_key(|key| self.key(key)))
            .collect()
    }

    fn batch(&self, batch: &Batch) -> Batch {
        batch
            .writes()
            .iter()
            .map(|write: &Write| write.map_keys(|key| self.key(key)))
            .collect()
    }
}

impl<S: Store> Store for PrefixedStore<S> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.inner.read(&self.keys(keys)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.inner.write(&self.batch(batch)).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.inner.increment(&self.key(key), by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.inner.acquire(&self.claims(claims)).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.inner.members(&self.key(index), cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.inner.purge(&self.scope(log), what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.inner.purges(&self.scope(log), since).await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        self.inner.try_read(&self.keys(keys), entries)
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        self.inner.try_write(&self.batch(batch))
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        self.inner.try_acquire(&self.claims(claims), decisions)
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        self.inner.try_purges(&self.scope(log), since)
    }
}

impl<S> fmt::Debug for PrefixedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefixedStore")
            .field("prefix", &self.prefix.text)
            .finish_non_exhaustive()
    }
}
