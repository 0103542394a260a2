//! The [`MemoryStore`] itself: its settings, its locks, and the room in it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use smallvec::SmallVec;

use super::{
    budget::{Account, Class, MemoryEvent},
    builder::{Hook, MemoryStoreBuilder},
    log::{Log, Logs},
    shard::Shard,
    table::Digest,
};
use crate::{
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Epoch, Error, ErrorKind, Key, Kind, Limits,
        MAX_TTL, Members, Position, Purge, Purges, Result, Scope, Store, Written,
    },
    time::{Clock, Timestamp, micros},
};

/// The embedded store: the default, for tests, and for one machine. Cheap to clone; clones share everything.
///
/// It answers every call at once, without an allocation on the way of a limit. It has no background task: expired
/// entries are never returned, and two slots are swept with each new entry. What it keeps is bounded by [`Budgets`](super::Budgets).
///
/// ```
/// use tower_upstash::{store::MemoryStore, time::ManualClock};
///
/// let clock = ManualClock::default();
/// let store = MemoryStore::builder().clock(clock.clone()).build();
/// ```
#[derive(Clone)]
pub struct MemoryStore(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) shards: Box<[Mutex<Shard>; SHARDS]>,
    sessions: Account,
    cache: Account,
    data: Account,
    logs: Mutex<Logs>,
    // Where the search for room begins next.
    turn: AtomicUsize,
    pub(super) max_value: usize,
    clock: Arc<dyn Clock>,
    on_event: Option<Hook>,
}

/// As many as a mask has bits.
const SHARDS: usize = 64;

impl MemoryStore {
    /// Creates an empty store with default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Returns the settings of a store, to be changed.
    #[must_use]
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::new()
    }
}

impl From<MemoryStoreBuilder> for MemoryStore {
    fn from(settings: MemoryStoreBuilder) -> Self {
        Self(Arc::new(Inner::new(settings)))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    fn new(settings: MemoryStoreBuilder) -> Self {
        let limits = settings.budgets.limits / SHARDS as u64;
        Self {
            shards: Box::new(std::array::from_fn(|_| Mutex::new(Shard::new(limits)))),
            sessions: Account::new(settings.budgets.sessions),
            cache: Account::new(settings.budgets.cache),
            data: Account::new(settings.budgets.data),
            logs: Mutex::default(),
            turn: AtomicUsize::new(0),
            max_value: settings.max_value,
            clock: settings.clock,
            on_event: settings.on_event,
        }
    }

    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) const fn account(&self, class: Class) -> &Account {
        match class {
            Class::Sessions => &self.sessions,
            Class::Cache => &self.cache,
            Class::Data => &self.data,
        }
    }

    pub(super) fn report(&self, event: MemoryEvent) {
        if let Some(hook) = &self.on_event {
            hook(event);
        }
    }

    #[inline]
    pub(super) fn shard(&self, digest: Digest) -> MutexGuard<'_, Shard> {
        lock(&self.shards[number(digest)])
    }

    /// Locks the shards of all digests, in ascending order: two calls never wait for each other.
    pub(super) fn shards(&self, digests: &[Digest]) -> Shards<'_> {
        let mut shards = Shards {
            places: [0; SHARDS],
            guards: SmallVec::new(),
        };
        // A bit for each shard.
        let mut rest: u64 = digests
            .iter()
            .fold(0, |mask, digest| mask | 1 << number(*digest));
        while rest != 0 {
            let number = rest.trailing_zeros() as usize;
            shards.places[number] = shards.guards.len() as u8;
            shards.guards.push(lock(&self.shards[number]));
            rest &= rest - 1;
        }
        shards
    }

    /// Calls `attempt` until it finds room, and makes room in between: a few times, since another call may take it.
    pub(super) fn with_room<T>(
        &self,
        now: u64,
        mut attempt: impl FnMut() -> Result<Result<T>, Full>,
    ) -> Result<T> {
        const ATTEMPTS: usize = 4;
        for _ in 0..ATTEMPTS {
            match attempt() {
                Ok(result) => return result,
                Err(full) => self.make_room(&full, now),
            }
        }
        attempt().unwrap_or_else(|full| {
            self.report(MemoryEvent::Full(full.kind));
            Err(Error::new(
                ErrorKind::QuotaExceeded,
                "the memory budget is used up",
            ))
        })
    }

    /// Makes room, one lock at a time: in the cache by eviction, elsewhere by a look at a bounded number of records, of
    /// which the expired are swept. Each write that finds the store full goes on where the last one ended.
    fn make_room(&self, full: &Full, now: u64) {
        let account = self.account(full.class);
        if full.bytes > account.budget() {
            return;
        }
        if full.class == Class::Cache {
            return self.evict_cached(account, full.bytes, now);
        }
        let mut looks = 256_usize;
        for _ in 0..SHARDS {
            if looks == 0 || account.has_room(full.bytes) {
                return;
            }
            let (_, mut shard) = self.next_shard();
            looks -= shard.records.sweep(full.class, account, now, looks.min(64));
        }
    }

    /// Evicts up to a number of stored responses. The last one of a shard goes only where no shard has two: it may be the
    /// one that everybody asks for.
    fn evict_cached(&self, account: &Account, bytes: u64, now: u64) {
        let (mut evictions, mut vain) = (0, 0);
        while evictions < 4096 && vain < 2 * SHARDS && !account.has_room(bytes) {
            let (turn, mut shard) = self.next_shard();
            let random = (turn as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            let evicted = shard
                .records
                .evict_cached(account, random, now, vain >= SHARDS);
            drop(shard);
            evictions += 1;
            vain = if evicted.is_some() { 0 } else { vain + 1 };
            evicted.into_iter().for_each(|event| self.report(event));
        }
    }

    fn next_shard(&self) -> (usize, MutexGuard<'_, Shard>) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (turn, lock(&self.shards[turn % SHARDS]))
    }

    fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        log.validate_log(&[])?;
        self.with_log(log, |log| log.since(since))
    }

    fn with_log<T>(&self, log: &Scope, call: impl FnOnce(&mut Log) -> T) -> Result<T> {
        let mut logs = lock(&self.logs);
        logs.of(log.digest()).map(call)
    }
}

/// What a write found no room for.
pub(super) struct Full {
    pub(super) class: Class,
    pub(super) kind: Kind,
    pub(super) bytes: u64,
}

/// The locked shards of a call.
pub(super) struct Shards<'a> {
    // For the number of a locked shard, the place of its guard.
    places: [u8; SHARDS],
    guards: SmallVec<[MutexGuard<'a, Shard>; 4]>,
}

impl Shards<'_> {
    /// Returns the shard of one of the digests that were locked.
    #[inline]
    pub(super) fn of(&mut self, digest: Digest) -> &mut Shard {
        &mut self.guards[usize::from(self.places[number(digest)])]
    }
}

impl Store for MemoryStore {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        let mut entries = Entries::new();
        self.0.read(keys, &mut entries).map(|()| entries)
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.0.write(batch)
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.0.increment(key, by, ttl)
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        let mut decisions = Decisions::new();
        self.0.acquire(claims, &mut decisions).map(|()| decisions)
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.0.members(index, cursor)
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        log.validate_log(match what {
            Purge::Tags(tags) => tags,
            Purge::Everything => &[],
        })?;
        let next = Epoch::random()?;
        self.0.with_log(log, |log| log.purge(what, next))
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.0.purges(log, since)
    }

    fn limits(&self) -> Limits {
        Limits::new(self.0.max_value)
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        Some(self.0.read(keys, entries))
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        Some(self.0.write(batch))
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        Some(self.0.acquire(claims, decisions))
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        Some(self.0.purges(log, since))
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

/// Returns when an entry ends: its time to live is rounded up to a millisecond, and cut to [`MAX_TTL`].
pub(super) fn end(now: u64, ttl: Duration) -> u64 {
    let millis = ttl.min(MAX_TTL).as_nanos().div_ceil(1_000_000);
    now.saturating_add(micros(Duration::from_millis(millis as u64)))
}

// The low bits of the first word choose the bucket in a shard.
fn number(digest: Digest) -> usize {
    digest.1 as usize % SHARDS
}

/// Locks, also after a panic elsewhere: every change is made by code that does not panic half way.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
