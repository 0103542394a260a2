//! A store that can be held up before and after it acts, and that keeps a log.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Members, MemoryStore,
        Position, Purge, Purges, Result, Scope, Spend, Store, Written,
    },
    time::ManualClock,
};

#[derive(Clone)]
pub(super) struct Gate {
    memory: MemoryStore,
    turns: Arc<Semaphore>,
    down: Arc<Mutex<Option<ErrorKind>>>,
    calls: Arc<Mutex<Vec<Vec<Spend>>>>,
    debited: Arc<AtomicI64>,
}

impl Gate {
    /// Open at first.
    pub(super) fn new(clock: &ManualClock) -> Self {
        Self {
            memory: MemoryStore::builder().clock(clock.clone()).build(),
            turns: Arc::new(Semaphore::new(1 << 20)),
            down: Arc::default(),
            calls: Arc::default(),
            debited: Arc::default(),
        }
    }

    /// From now on a call needs a turn to act, and another one to answer.
    pub(super) fn shut(&self) {
        self.turns.forget_permits(usize::MAX >> 4);
    }

    pub(super) fn turns(&self, turns: usize) {
        self.turns.add_permits(turns);
    }

    pub(super) fn set_down(&self, down: bool) {
        self.fail(down.then_some(ErrorKind::Unavailable));
    }

    pub(super) fn fail(&self, kind: Option<ErrorKind>) {
        *self.down.lock().unwrap() = kind;
    }

    /// Returns what was asked since the last time.
    pub(super) fn calls(&self) -> Vec<Vec<Spend>> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Returns how many units were taken and not given back, by all calls that were allowed.
    pub(super) fn debited(&self) -> i64 {
        self.debited.load(Ordering::SeqCst)
    }

    pub(super) fn memory(&self) -> &MemoryStore {
        &self.memory
    }
}

impl Store for Gate {
    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        let spends: Vec<_> = claims.iter().map(Claim::spending).collect();
        self.calls.lock().unwrap().push(spends.clone());
        self.turns.acquire().await.unwrap().forget();
        let down = *self.down.lock().unwrap();
        if let Some(kind) = down {
            return Err(Error::new(kind, "down for a test"));
        }
        let decisions = self.memory.acquire(claims).await?;
        if decisions.allowed() {
            let units = spends.iter().map(|spend| match spend {
                Spend::Take(cost) => i64::from(*cost),
                Spend::Refund { cost, .. } => -i64::from(*cost),
                _ => 0,
            });
            self.debited.fetch_add(units.sum(), Ordering::SeqCst);
        }
        self.turns.acquire().await.unwrap().forget();
        Ok(decisions)
    }

    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.memory.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.memory.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.memory.increment(key, by, ttl).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.memory.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.memory.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.memory.purges(log, since).await
    }
}
