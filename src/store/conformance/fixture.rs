//! What a promise is checked on: a store, and a way to let time pass.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::trial::Trial;
use crate::store::{Kind, Scope, SharedStore};

type Advance = dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A store to be checked, and a way to let time pass for it.
///
/// Every check uses scopes with new random names, so the database behind the store may be in use, and be checked
/// again. What the checks write ends by itself, most of it within a minute; the states of limits and the purge logs
/// stay as long as the store keeps such things.
pub struct Fixture {
    store: SharedStore,
    advance: Box<Advance>,
    run: u64,
    scopes: AtomicU64,
}

impl Fixture {
    /// Takes a store, and what lets time pass for it.
    ///
    /// A store whose clock is set by hand moves it in `advance`, and answers at once. Any other one sleeps, and a few
    /// milliseconds longer than asked if its clock is coarse. All checks together ask for less than ten seconds.
    pub fn new<F>(
        store: impl Into<SharedStore>,
        advance: impl Fn(Duration) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self {
            store: store.into(),
            advance: Box::new(move |by| Box::pin(advance(by))),
            run: getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)),
            scopes: AtomicU64::new(0),
        }
    }

    /// Returns the store.
    #[must_use]
    pub const fn store(&self) -> &SharedStore {
        &self.store
    }

    /// Lets time pass.
    pub async fn advance(&self, by: Duration) {
        (self.advance)(by).await;
    }

    /// Returns a scope that nobody has used yet.
    #[must_use]
    pub fn scope(&self, kind: Kind) -> Scope {
        let number = self.scopes.fetch_add(1, Ordering::Relaxed);
        Scope::new(kind, &format!("conformance-{:016x}-{number}", self.run))
    }

    pub(super) const fn trial(&self, promise: &'static str) -> Trial<'_> {
        Trial::new(promise, self)
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
