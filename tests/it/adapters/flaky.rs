//! A store that answers at once, and fails as it is told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tower_upstash::store::{
    Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Members, MemoryStore,
    Position, Purge, Purges, Result, Scope, Store, Written,
};

#[derive(Clone, Default)]
pub(super) struct Flaky(Arc<State>);

#[derive(Default)]
struct State {
    memory: MemoryStore,
    mood: Mutex<Mood>,
    asked: AtomicU64,
}

#[derive(Clone, Copy, Default)]
pub(super) enum Mood {
    #[default]
    Answers,
    Fails(ErrorKind),
    Panics,
}

impl Flaky {
    pub(super) fn that(mood: Mood) -> Self {
        let store = Self::default();
        store.set(mood);
        store
    }

    pub(super) fn set(&self, mood: Mood) {
        *self.0.mood.lock().unwrap() = mood;
    }

    /// Returns how many calls have come through.
    pub(super) fn asked(&self) -> u64 {
        self.0.asked.load(Ordering::SeqCst)
    }

    fn ask(&self) -> Result<&MemoryStore> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let mood = *self.0.mood.lock().unwrap();
        match mood {
            Mood::Answers => Ok(&self.0.memory),
            Mood::Fails(kind) => Err(Error::new(kind, "told to fail")),
            Mood::Panics => panic!("told to panic"),
        }
    }
}

impl Store for Flaky {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.ask()?.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.ask()?.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.ask()?.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.ask()?.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.ask()?.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.ask()?.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.ask()?.purges(log, since).await
    }

    async fn ping(&self) -> Result<()> {
        self.ask()?.ping().await
    }

    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        match self.ask() {
            Ok(memory) => memory.try_read(keys, entries),
            Err(error) => Some(Err(error)),
        }
    }

    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        match self.ask() {
            Ok(memory) => memory.try_write(batch),
            Err(error) => Some(Err(error)),
        }
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        match self.ask() {
            Ok(memory) => memory.try_acquire(claims, decisions),
            Err(error) => Some(Err(error)),
        }
    }

    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        match self.ask() {
            Ok(memory) => memory.try_purges(log, since),
            Err(error) => Some(Err(error)),
        }
    }
}
