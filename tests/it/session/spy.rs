//! A store that counts, remembers all that it was given, and fails where it is told to.

use std::{
    fmt::Write as _,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use tower_upstash::store::{
    Batch, Change, Claim, Cursor, Decisions, Entries, Entry, Error, ErrorKind, Key, Members,
    Position, Purge, Purges, Refusal, Result, Scope, SharedStore, Store, Written,
};

/// What was asked, and of how many keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Read(usize),
    Write(usize),
    Members,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trouble {
    #[default]
    None,
    Reads,
    Writes,
    /// Writes are done, and the answer is lost.
    Answers,
    HangingReads,
    HangingWrites,
    /// Somebody else is always faster.
    Rivals,
    /// Reads find what nobody understands.
    Garbage,
}

/// Never answers at once.
#[derive(Clone)]
pub(super) struct Spy {
    store: SharedStore,
    calls: Arc<Mutex<Vec<Call>>>,
    given: Arc<Mutex<String>>,
    trouble: Arc<Mutex<Trouble>>,
}

impl Spy {
    pub(super) fn new(store: impl Into<SharedStore>) -> Self {
        Self {
            store: store.into(),
            calls: Arc::default(),
            given: Arc::default(),
            trouble: Arc::default(),
        }
    }

    /// Returns what was asked since the last time.
    pub(super) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Returns all that was ever given to it: keys, values, and indexes.
    pub(super) fn given(&self) -> String {
        self.given.lock().unwrap().clone()
    }

    pub(super) fn set(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
    }

    async fn meets(&self, call: Call, [fails, hangs]: [Trouble; 2]) -> Result<()> {
        self.calls.lock().unwrap().push(call);
        tokio::task::yield_now().await;
        let trouble = *self.trouble.lock().unwrap();
        if trouble == hangs {
            pending::<()>().await;
        }
        if trouble == fails {
            return Err(down());
        }
        Ok(())
    }

    fn keep(&self, batch: &Batch) {
        let mut given = self.given.lock().unwrap();
        for write in batch.writes() {
            let index = write
                .membership()
                .map(|membership| membership.index().to_text());
            let value = match write.change() {
                Change::Put { value, .. } => String::from_utf8_lossy(value).replace('\n', " "),
                _ => String::new(),
            };
            writeln!(given, "{} {value} {index:?}", write.key().to_text()).unwrap();
        }
    }
}

fn down() -> Error {
    Error::new(ErrorKind::Unavailable, "down for a test at 10.0.0.7")
}

impl Store for Spy {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        let troubles = [Trouble::Reads, Trouble::HangingReads];
        self.meets(Call::Read(keys.len()), troubles).await?;
        if *self.trouble.lock().unwrap() == Trouble::Garbage {
            let mut entries = Entries::new();
            let garbage = || Some(Entry::new("garbage".into()));
            keys.iter().for_each(|_| entries.push(garbage()));
            return Ok(entries);
        }
        self.store.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        let troubles = [Trouble::Writes, Trouble::HangingWrites];
        self.meets(Call::Write(batch.writes().len()), troubles)
            .await?;
        if *self.trouble.lock().unwrap() == Trouble::Rivals {
            let key = batch.writes()[0].key().clone();
            let current = self.store.read(&[key]).await?.into_first().unwrap();
            let why = Refusal::Conflict(current);
            return Ok(Written::Refused { at: 0, why });
        }
        self.keep(batch);
        let written = self.store.write(batch).await;
        if *self.trouble.lock().unwrap() == Trouble::Answers {
            return Err(down());
        }
        written
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        let troubles = [Trouble::Reads, Trouble::HangingReads];
        self.meets(Call::Members, troubles).await?;
        self.store.members(index, cursor).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.store.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.store.acquire(claims).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.store.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.store.purges(log, since).await
    }
}
