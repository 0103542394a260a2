//! The adapter that stops asking a store which fails.

mod builder;
mod circuit;
mod switch;
#[cfg(test)]
mod tests;

use std::{fmt, future::poll_fn, pin::pin, sync::Arc, time::Duration};

pub use self::{builder::BreakerStoreBuilder, circuit::Circuit};
use self::{circuit::Access, switch::Switch};
use super::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge, Purges,
    Result, Scope, Store, Written,
};

/// A store that is not asked while it fails. Clones share their circuit.
///
/// ```
/// use tower_upstash::store::{BreakerStore, Circuit, MemoryStore, SharedStore};
///
/// # let remote = MemoryStore::new();
/// let breaker = BreakerStore::new(remote);
/// let store = SharedStore::from(breaker.clone());
/// assert_eq!(breaker.circuit(), Circuit::Closed);
/// ```
///
/// With a time limit, which belongs inside, and other settings:
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::{
///     store::{BreakerStore, MemoryStore, TimeLimitedStore},
///     time::Timer,
/// };
///
/// # let remote = MemoryStore::new();
/// let limited = TimeLimitedStore::new(remote, Duration::from_millis(250), Timer::tokio());
/// let store = BreakerStore::builder(limited)
///     .failures(3)
///     .cool_down(Duration::from_millis(500))
///     .on_change(|circuit| eprintln!("store: {circuit:?}"))
///     .build();
/// ```
///
/// # The circuit
/// Five failures in a row **open** it, each of a call that began after the failure before: calls that fail together are
/// one failure. Then every call fails at once, with
/// [`Unavailable`](super::ErrorKind::Unavailable), and nothing is sent. After a cool-down of a second it is **half-open**: one call
/// goes through as a probe. If that is answered, the circuit **closes**; if it fails, the circuit opens again, for
/// twice as long, up to 30 seconds. There is no background task: the probe is the first call after the cool-down, such as
/// the [`ping`](Store::ping) of a health check. Results count only for the circuit as it was when their call began.
///
/// A probe that takes longer than the cool-down before it, because nothing limits its time, is followed by another: a
/// circuit is never half-open for ever.
///
/// # What is a failure
/// | | |
/// |---|---|
/// | `Unavailable`, `Timeout` | a failure: the next call would fail too |
/// | `Unauthorized` of `read`, `members` or `ping` | a failure: the credentials are wrong |
/// | `Unauthorized` of a call that writes | says nothing: the credentials may be for reading only |
/// | `QuotaExceeded` of `read`, `members` or `ping` | a failure: the budget of requests is used up, since reading needs no room |
/// | `QuotaExceeded` of a call that writes | says nothing: a store that is full must not become one that cannot be read |
/// | `Invalid`, `TooLarge`, `Unsupported` | say nothing: they are found before anything is sent, and clients can cause them |
/// | an answer, also a refusal, or `Corrupt` | a success |
///
/// # Cancellation
/// A call that is dropped says nothing, and a dropped probe makes the next call a probe; unless it still had no answer
/// when it was polled after the [patience](BreakerStoreBuilder::patience), a second. So a time limit *outside* of the breaker opens it too, if
/// it is at least that long; one inside, a [`TimeLimitedStore`](super::TimeLimitedStore), always does. Without any, a
/// store that hangs is waited for.
pub struct BreakerStore<S> {
    inner: Arc<S>,
    switch: Arc<Switch>,
}

/// What a [`BreakerStore`] has done since it was made, and does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerUsage {
    /// The circuit as the last call has left it.
    pub circuit: Circuit,
    /// How often the circuit has opened, also after a probe.
    pub opened: u64,
    /// Calls that failed at once.
    pub rejected: u64,
}

impl<S> BreakerStore<S> {
    /// Puts a circuit before a store.
    pub fn new(inner: S) -> Self {
        Self::builder(inner).build()
    }

    /// Returns the settings of a circuit before a store.
    pub fn builder(inner: S) -> BreakerStoreBuilder<S> {
        BreakerStoreBuilder::new(inner)
    }

    /// Returns the circuit as the last call has left it.
    #[must_use]
    pub fn circuit(&self) -> Circuit {
        self.switch.circuit()
    }

    /// Returns the counts so far, and the circuit.
    #[must_use]
    pub fn usage(&self) -> BreakerUsage {
        BreakerUsage {
            circuit: self.circuit(),
            opened: self.switch.opened(),
            rejected: self.switch.rejected(),
        }
    }

    /// Makes a call if the circuit lets it through, and takes note of its end.
    async fn guarded<T, F>(&self, access: Access, call: impl FnOnce() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut pass = self.switch.enter()?;
        let mut call = pin!(call());
        let result = poll_fn(|cx| {
            let poll = call.as_mut().poll(cx);
            if poll.is_pending() {
                pass.waits();
            }
            poll
        })
        .await;
        pass.ends(&result, access);
        result
    }

    /// As [`guarded`](Self::guarded). A store that has to wait gives its probe to the call that follows.
    fn at_once<T>(
        &self,
        access: Access,
        call: impl FnOnce() -> Option<Result<T>>,
    ) -> Option<Result<T>> {
        let pass = match self.switch.enter() {
            Ok(pass) => pass,
            Err(error) => return Some(Err(error)),
        };
        let result = call()?;
        pass.ends(&result, access);
        Some(result)
    }
}

impl<S: Store> Store for BreakerStore<S> {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.guarded(Access::Reads, || self.inner.read(keys)).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.guarded(Access::Writes, || self.inner.write(batch))
            .await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.guarded(Access::Writes, || self.inner.increment(key, by, ttl))
            .await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.guarded(Access::Writes, || self.inner.acquire(claims))
            .await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.guarded(Access::Reads, || self.inner.members(index, cursor))
            .await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.guarded(Access::Writes, || self.inner.purge(log, what))
            .await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        // It may begin a log.
        self.guarded(Access::Writes, || self.inner.purges(log, since))
            .await
    }

    fn limits(&self) -> Limits {
        self.inner.limits()
    }

    async fn ping(&self) -> Result<()> {
        self.guarded(Access::Reads, || self.inner.ping()).await
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        self.at_once(Access::Reads, || self.inner.try_read(keys, entries))
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        self.at_once(Access::Writes, || self.inner.try_write(batch))
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        self.at_once(Access::Writes, || self.inner.try_acquire(claims, decisions))
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        // It may begin a log.
        self.at_once(Access::Writes, || self.inner.try_purges(log, since))
    }
}

impl<S> Clone for BreakerStore<S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            switch: Arc::clone(&self.switch),
        }
    }
}

impl<S> fmt::Debug for BreakerStore<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BreakerStore")
            .field("usage", &self.usage())
            .finish_non_exhaustive()
    }
}
