//! Counters: numbers that several servers add to.

use std::time::Duration;

use super::{Error, ErrorKind, Key, Result, SharedStore, Store};

/// A counter that begins at zero and ends its time to live after the first increment.
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::store::{Kind, MemoryStore, Scope, SharedStore};
///
/// # tokio_test::block_on(async {
/// let store = SharedStore::new(MemoryStore::new());
/// let today = Scope::new(Kind::Counter, "visits").key("2026-11-23");
/// let visits = store.counter(today, Duration::from_secs(25 * 60 * 60));
/// assert_eq!(visits.increment(1).await?, 1);
/// assert_eq!(visits.increment(41).await?, 42);
/// assert_eq!(visits.get().await?, 42);
/// # Ok::<_, tower_upstash::store::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Counter {
    store: SharedStore,
    key: Key,
    ttl: Duration,
}

impl Counter {
    pub(super) const fn new(store: SharedStore, key: Key, ttl: Duration) -> Self {
        Self { store, key, ttl }
    }

    /// Adds a number, also a negative one, and returns the sum. One trip.
    ///
    /// # Errors
    /// As [`Store::increment`].
    ///
    /// # Cancellation
    /// Dropping the future leaves the number added or not.
    pub async fn increment(&self, by: i64) -> Result<i64> {
        self.store.increment(&self.key, by, self.ttl).await
    }

    /// Returns the sum; zero if nothing was added yet, or all has expired. One trip.
    ///
    /// # Errors
    /// As [`Store::read`]; [`Corrupt`](ErrorKind::Corrupt) where the key holds something else.
    pub async fn get(&self) -> Result<i64> {
        let Some(entry) = self.store.get(&self.key).await? else {
            return Ok(0);
        };
        let number = std::str::from_utf8(entry.value())
            .ok()
            .and_then(|text| text.parse().ok());
        number.ok_or(Error::new(ErrorKind::Corrupt, "the entry is not a counter"))
    }
}
