//! Locks: one holder at a time, for a time.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::{
    Condition, Error, ErrorKind, Key, Result, SharedStore, Store, Version, Write, Written,
};
use crate::time::Timer;

/// A lock with a time to live.
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::store::{Kind, MemoryStore, Scope, SharedStore};
///
/// # tokio_test::block_on(async {
/// let store = SharedStore::new(MemoryStore::new());
/// let lock = store.lock(Scope::new(Kind::Lock, "nightly-report").key(""), Duration::from_secs(30));
///
/// let guard = lock.try_lock().await?.expect("nobody else holds it");
/// assert!(lock.try_lock().await?.is_none());
/// // … work for less than 30 seconds, or call `guard.extend()` in between …
/// assert!(guard.release().await?);
/// # Ok::<_, tower_upstash::store::Error>(())
/// # }).unwrap();
/// ```
///
/// # What it promises, and what not
/// At one time, at most one guard that has neither expired nor been released; nobody releases or extends another's.
/// It saves work from being done twice. It does **not** make it impossible:
/// - a holder that sleeps longer than the time to live (a long pause, a slow disk) goes on working after somebody else
///   has taken over. What must never happen twice needs a check where it takes effect, such as
///   [`Condition::Unchanged`];
/// - a store that fails over to a replica which has not seen the lock yet hands it out again;
/// - waiting is not fair: whoever asks first after the release has it.
#[derive(Clone, Debug)]
pub struct Lock {
    store: SharedStore,
    key: Key,
    ttl: Duration,
}

impl Lock {
    const FIRST_PAUSE: Duration = Duration::from_millis(10);
    const LONGEST_PAUSE: Duration = Duration::from_millis(250);

    pub(super) const fn new(store: SharedStore, key: Key, ttl: Duration) -> Self {
        Self { store, key, ttl }
    }

    /// Takes the lock if it is free; `None` if somebody holds it. One trip.
    ///
    /// # Errors
    /// As [`Store::write`]. The lock may be held then, by nobody, until its time to live has passed.
    ///
    /// # Cancellation
    /// As with an error.
    pub async fn try_lock(&self) -> Result<Option<LockGuard>> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "no random numbers").with_source(error)
        })?;
        let token = Bytes::copy_from_slice(&random);
        let put = Write::put(self.key.clone(), token.clone(), self.ttl).when(Condition::Absent);
        Ok(match self.store.write(&put.into()).await? {
            Written::Done(versions) => {
                versions
                    .into_iter()
                    .next()
                    .flatten()
                    .map(|version| LockGuard {
                        lock: self.clone(),
                        token,
                        version: Some(version),
                    })
            }
            Written::Refused { .. } => None,
        })
    }

    /// Takes the lock, waiting for at most `at_most` until it is free; `None` if it was not.
    ///
    /// Asks after 10 ms, then less and less often, at last every 250 ms: each time one trip.
    ///
    /// # Errors
    /// As [`try_lock`](Self::try_lock).
    ///
    /// # Cancellation
    /// As [`try_lock`](Self::try_lock).
    pub async fn wait(&self, at_most: Duration, timer: &Timer) -> Result<Option<LockGuard>> {
        let waited = timer.stopwatch();
        let mut pause = Self::FIRST_PAUSE;
        loop {
            if let Some(guard) = self.try_lock().await? {
                return Ok(Some(guard));
            }
            let left = at_most.saturating_sub(waited());
            if left.is_zero() {
                return Ok(None);
            }
            timer.sleep(pause.min(left)).await;
            pause = (pause * 2).min(Self::LONGEST_PAUSE);
        }
    }
}

/// A lock that is held.
///
/// Release it with [`release`](Self::release). Dropping it releases it only in a store that answers at once, such as
/// the memory store; elsewhere the lock stays until its time to live has passed.
#[must_use = "dropping a guard gives the lock up"]
pub struct LockGuard {
    lock: Lock,
    token: Bytes,
    // None once released or lost.
    version: Option<Version>,
}

impl LockGuard {
    /// Holds the lock for its whole time to live from now on. `false`: it was lost before. One trip.
    ///
    /// # Errors
    /// As [`Store::write`]. The lock may have been extended or not.
    ///
    /// # Cancellation
    /// As with an error.
    pub async fn extend(&mut self) -> Result<bool> {
        let Some(version) = self.version.clone() else {
            return Ok(false);
        };
        let put = Write::put(self.lock.key.clone(), self.token.clone(), self.lock.ttl);
        let written = self
            .lock
            .store
            .write(&put.when(Condition::Unchanged(version)).into())
            .await?;
        self.version = written.version(0).cloned();
        Ok(written.is_done())
    }

    /// Gives the lock up. `false`: it was lost before, and somebody else may have held it meanwhile. One trip.
    ///
    /// # Errors
    /// As [`Store::write`]. The lock may be held then, by nobody, until its time to live has passed.
    ///
    /// # Cancellation
    /// As with an error.
    pub async fn release(mut self) -> Result<bool> {
        let Some(delete) = self.deletion() else {
            return Ok(false);
        };
        self.lock
            .store
            .write(&delete.into())
            .await
            .map(|written| written.is_done())
    }

    /// Returns the write that releases the lock: only if it is still ours. It is made once.
    fn deletion(&mut self) -> Option<Write> {
        let version = self.version.take()?;
        Some(Write::delete(self.lock.key.clone()).when(Condition::Unchanged(version)))
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if let Some(delete) = self.deletion() {
            // In a store that has to wait, this does nothing.
            let _ = self.lock.store.try_write(&delete.into());
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard")
            .field("lock", &self.lock)
            .finish_non_exhaustive()
    }
}
