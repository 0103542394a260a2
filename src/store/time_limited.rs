//! The adapter that bounds how long a call may take.

use std::{fmt, pin::pin, time::Duration};

use super::{
    Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Limits, Members, Position,
    Purge, Purges, Result, Scope, Store, Written,
};
use crate::time::Timer;

/// A store whose calls fail with [`Timeout`](ErrorKind::Timeout) when they take longer than a limit.
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::{store::{MemoryStore, TimeLimitedStore}, time::Timer};
///
/// let store = TimeLimitedStore::new(MemoryStore::new(), Duration::from_millis(250), Timer::tokio());
/// ```
///
/// Under a [`BreakerStore`](super::BreakerStore), a store that hangs is soon not waited for at all. The breaker belongs
/// outside, where it sees the timeouts:
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::{
///     store::{BreakerStore, MemoryStore, SharedStore, TimeLimitedStore},
///     time::Timer,
/// };
///
/// # let remote = MemoryStore::new();
/// let limited = TimeLimitedStore::new(remote, Duration::from_millis(250), Timer::tokio());
/// let store = SharedStore::from(BreakerStore::new(limited));
/// ```
///
/// The time of a call begins when its future is first polled. A call that is ready by then does not touch the timer, and
/// what is [answered at once](Store::try_read) has no limit.
///
/// # Cancellation
/// A call that takes too long is dropped: its outcome is unknown, as if the caller had dropped it.
#[derive(Clone)]
pub struct TimeLimitedStore<S> {
    inner: S,
    limit: Duration,
    timer: Timer,
}

impl<S> TimeLimitedStore<S> {
    /// Limits the time of each call. A limit of zero allows only what is ready at once.
    pub const fn new(inner: S, limit: Duration, timer: Timer) -> Self {
        Self {
            inner,
            limit,
            timer,
        }
    }

    /// Waits for a call, but not for longer than the limit.
    async fn limited<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = self.timer.within(self.limit, pin!(call)).await;
        answer.unwrap_or_else(|| {
            Err(Error::new(
                ErrorKind::Timeout,
                "no answer within the time limit, the outcome is unknown",
            ))
        })
    }
}

impl<S: Store> Store for TimeLimitedStore<S> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.limited(self.inner.read(keys)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.limited(self.inner.write(batch)).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.limited(self.inner.increment(key, by, ttl)).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.limited(self.inner.acquire(claims)).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.limited(self.inner.members(index, cursor)).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.limited(self.inner.purge(log, what)).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.limited(self.inner.purges(log, since)).await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn ping(&self) -> Result<()> {
        self.limited(self.inner.ping()).await
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        self.inner.try_read(keys, entries)
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        self.inner.try_write(batch)
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        self.inner.try_acquire(claims, decisions)
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        self.inner.try_purges(log, since)
    }
}

impl<S> fmt::Debug for TimeLimitedStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeLimitedStore")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
