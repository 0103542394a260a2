//! Byte budgets: apart for each group of kinds, so that a flood of one never empties another.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Kind;

/// How many bytes a [`MemoryStore`](super::MemoryStore) may keep of what, overhead included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budgets {
    /// The states of limits: some 52 bytes each, or 100 under a strict quota; at least 64 for each of the 64 shards are
    /// kept. When full, the least used up of eight is evicted, or else the one that ends first: a flood of keys never
    /// lets a used-up limit begin anew while there are fresher ones. Default: 64 MiB.
    pub limits: u64,
    /// Sessions and their indexes. When full, a write is [`QuotaExceeded`](crate::store::ErrorKind::QuotaExceeded):
    /// nobody is logged out to make room. Default: 64 MiB.
    pub sessions: u64,
    /// Stored responses. When full, the one of eight that was not read for longest is evicted. Default: 128 MiB.
    pub cache: u64,
    /// Counters, locks, and entries of the application's own. When full, a write is
    /// [`QuotaExceeded`](crate::store::ErrorKind::QuotaExceeded). Default: 64 MiB.
    pub data: u64,
}

impl Budgets {
    /// Sets the bytes for limits.
    #[must_use]
    pub const fn limits(mut self, bytes: u64) -> Self {
        self.limits = bytes;
        self
    }

    /// Sets the bytes for sessions.
    #[must_use]
    pub const fn sessions(mut self, bytes: u64) -> Self {
        self.sessions = bytes;
        self
    }

    /// Sets the bytes for stored responses.
    #[must_use]
    pub const fn cache(mut self, bytes: u64) -> Self {
        self.cache = bytes;
        self
    }

    /// Sets the bytes for counters, locks, and entries of the application's own.
    #[must_use]
    pub const fn data(mut self, bytes: u64) -> Self {
        self.data = bytes;
        self
    }
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            limits: 64 << 20,
            sessions: 64 << 20,
            cache: 128 << 20,
            data: 64 << 20,
        }
    }
}

/// What a [`MemoryStore`](super::MemoryStore) does to stay within its [`Budgets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryEvent {
    /// The state of a limit was evicted before its time: its key begins anew.
    LimitEvicted,
    /// A stored response was evicted before its time.
    CacheEvicted,
    /// A write was refused, because the budget of its kind is used up.
    Full(Kind),
}

/// The groups of kinds that have a budget in bytes of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Sessions,
    Cache,
    Data,
}

impl Class {
    pub(super) const ALL: [Self; 3] = [Self::Sessions, Self::Cache, Self::Data];

    pub(super) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Session | Kind::Index => Self::Sessions,
            Kind::Cache => Self::Cache,
            Kind::Limit | Kind::Purge | Kind::Counter | Kind::Lock | Kind::Data => Self::Data,
        }
    }
}

/// The bytes of one class in use.
pub(super) struct Account {
    budget: u64,
    pub(super) used: AtomicU64,
}

impl Account {
    pub(super) const fn new(budget: u64) -> Self {
        Self {
            budget,
            used: AtomicU64::new(0),
        }
    }

    /// Takes bytes, or none if that many are not left.
    pub(super) fn reserve(&self, bytes: u64) -> bool {
        let within = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= self.budget);
        bytes == 0
            || self
                .used
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
                .is_ok()
    }

    pub(super) fn release(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns whether that many bytes are left.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.budget
    }

    pub(super) const fn budget(&self) -> u64 {
        self.budget
    }
}
