//! The adapter that counts: what a store is asked, and how it answers.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    Batch, Claim, Cursor, Decisions, Entries, ErrorKind, Key, Limits, Members, Position, Purge,
    Purges, Result, Scope, Store, Written,
};

/// A store whose calls are counted. Clones share their counts.
///
/// ```
/// use tower_upstash::store::{Kind, MemoryStore, MeteredStore, Scope, SharedStore};
///
/// # tokio_test::block_on(async {
/// let metered = MeteredStore::new(MemoryStore::new());
/// let store = SharedStore::new(metered.clone());
/// store.get(&Scope::new(Kind::Data, "answers").key("42")).await?;
/// assert_eq!(metered.usage().reads, 1);
/// # Ok::<_, tower_upstash::store::Error>(())
/// # }).unwrap();
/// ```
pub struct MeteredStore<S> {
    inner: Arc<S>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
    increments: AtomicU64,
    acquires: AtomicU64,
    members: AtomicU64,
    purges: AtomicU64,
    pings: AtomicU64,
    refused: AtomicU64,
    cancelled: AtomicU64,
    errors: [AtomicU64; ErrorKind::ALL.len()],
}

/// How often a store was asked for what, since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Calls of [`read`](Store::read).
    pub reads: u64,
    /// Calls of [`write`](Store::write).
    pub writes: u64,
    /// Calls of [`increment`](Store::increment).
    pub increments: u64,
    /// Calls of [`acquire`](Store::acquire).
    pub acquires: u64,
    /// Calls of [`members`](Store::members).
    pub members: u64,
    /// Calls of [`purge`](Store::purge) and [`purges`](Store::purges).
    pub purges: u64,
    /// Calls of [`ping`](Store::ping).
    pub pings: u64,
    /// Acquires and writes that were refused.
    pub refused: u64,
    /// Calls whose future was dropped before it had answered: their outcome is unknown.
    pub cancelled: u64,
    errors: [u64; ErrorKind::ALL.len()],
}

impl Usage {
    /// Returns how many calls failed with this kind of error.
    #[must_use]
    pub fn errors(&self, kind: ErrorKind) -> u64 {
        ErrorKind::ALL
            .iter()
            .zip(self.errors)
            .find(|(each, _)| **each == kind)
            .map_or(0, |(_, count)| count)
    }

    /// Returns how many calls were made.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.reads
            + self.writes
            + self.increments
            + self.acquires
            + self.members
            + self.purges
            + self.pings
    }
}

impl<S> MeteredStore<S> {
    /// Counts the calls of a store.
    pub fn new(inner: S) -> Self {
        Self {
            inner: Arc::new(inner),
            counts: Arc::default(),
        }
    }

    /// Returns the counts so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Usage {
            reads: load(&self.counts.reads),
            writes: load(&self.counts.writes),
            increments: load(&self.counts.increments),
            acquires: load(&self.counts.acquires),
            members: load(&self.counts.members),
            purges: load(&self.counts.purges),
            pings: load(&self.counts.pings),
            refused: load(&self.counts.refused),
            cancelled: load(&self.counts.cancelled),
            errors: self.counts.errors.each_ref().map(load),
        }
    }

    /// Counts a call, and how its future ends.
    async fn metered<T>(
        &self,
        count: &AtomicU64,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        increment(count);
        let mut cancelled = Cancelled(Some(&self.counts.cancelled));
        let result = call.await;
        cancelled.0 = None;
        self.outcome(result)
    }

    fn outcome<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(error) = &result {
            let place = ErrorKind::ALL.iter().position(|kind| *kind == error.kind());
            place
                .and_then(|place| self.counts.errors.get(place))
                .into_iter()
                .for_each(increment);
        }
        result
    }

    fn refused(&self, allowed: bool) {
        if !allowed {
            increment(&self.counts.refused);
        }
    }
}

impl<S: Store> Store for MeteredStore<S> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.metered(&self.counts.reads, self.inner.read(keys))
            .await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        let written = self
            .metered(&self.counts.writes, self.inner.write(batch))
            .await;
        written.inspect(|written| self.refused(written.is_done()))
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.metered(&self.counts.increments, self.inner.increment(key, by, ttl))
            .await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        let decisions = self
            .metered(&self.counts.acquires, self.inner.acquire(claims))
            .await;
        decisions.inspect(|decisions| self.refused(decisions.allowed()))
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.metered(&self.counts.members, self.inner.members(index, cursor))
            .await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.metered(&self.counts.purges, self.inner.purge(log, what))
            .await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.metered(&self.counts.purges, self.inner.purges(log, since))
            .await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn ping(&self) -> Result<()> {
        self.metered(&self.counts.pings, self.inner.ping()).await
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        let result = self.inner.try_read(keys, entries)?;
        increment(&self.counts.reads);
        Some(self.outcome(result))
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        let result = self.inner.try_write(batch)?;
        increment(&self.counts.writes);
        Some(
            self.outcome(result)
                .inspect(|written| self.refused(written.is_done())),
        )
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        let result = self.inner.try_acquire(claims, decisions)?;
        increment(&self.counts.acquires);
        Some(
            self.outcome(result)
                .inspect(|()| self.refused(decisions.allowed())),
        )
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        let result = self.inner.try_purges(log, since)?;
        increment(&self.counts.purges);
        Some(self.outcome(result))
    }
}

impl<S> Clone for MeteredStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            counts: Arc::clone(&self.counts),
        }
    }
}

impl<S> fmt::Debug for MeteredStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteredStore")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}

fn increment(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// Counts a call that is dropped before it has answered.
struct Cancelled<'a>(Option<&'a AtomicU64>);

impl Drop for Cancelled<'_> {
    fn drop(&mut self) {
        self.0.into_iter().for_each(increment);
    }
}
