//! The broken store: a memory store behind one fault.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use tower_upstash::{
    quota::Algorithm,
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Identifier, Key, Kind, Limits,
        Members, MemoryStore, Position, Purge, Purges, Result, Scope, Store, Written,
    },
    time::{Clock, ManualClock, Timestamp},
};

use super::Fault;

pub(super) struct Broken {
    pub(super) fault: Fault,
    pub(super) inner: MemoryStore,
    pub(super) clock: ManualClock,
    notes: Mutex<Notes>,
}

/// What the faults that need a memory of their own remember, by the text of a key.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) ends: HashMap<String, Timestamp>,
    pub(super) joined: HashMap<String, Vec<Identifier>>,
    pub(super) algorithms: HashMap<String, Algorithm>,
    pub(super) reads: u64,
}

impl Broken {
    const LARGEST: usize = 1 << 14;

    pub(super) fn by(fault: Fault) -> Self {
        let clock = ManualClock::default();
        let largest = match fault {
            Fault::TakesAnySize => 2 * Self::LARGEST,
            _ => Self::LARGEST,
        };
        let inner = MemoryStore::builder()
            .clock(clock.clone())
            .max_value(largest)
            .build();
        Self {
            fault,
            inner,
            clock,
            notes: Mutex::default(),
        }
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the key that the store takes this one for.
    pub(super) fn key(&self, key: &Key) -> Key {
        let kind = key.scope().kind();
        match self.fault {
            Fault::ForgetsNames => Scope::new(kind, "").key(key.identifier().clone()),
            Fault::CutsLongKeys => {
                let text: String = key.to_text().chars().take(100).collect();
                Scope::new(kind, "").key(text)
            }
            Fault::JoinsKeysUnescaped => {
                let text = key.to_text().replace('@', "").replace("%3A", ":");
                Scope::new(kind, "").key(text.replace("%25", "%").replace("%3A", ":"))
            }
            _ => key.clone(),
        }
    }

    fn log(&self, log: &Scope) -> Scope {
        match self.fault {
            Fault::ForgetsNames => Scope::new(log.kind(), ""),
            Fault::TakesAnyKind => Scope::new(Kind::Purge, log.name()),
            _ => log.clone(),
        }
    }

    pub(super) fn takes_anyway(&self, key: &Key) -> bool {
        let own = [Kind::Limit, Kind::Index, Kind::Purge].contains(&key.scope().kind());
        self.fault == Fault::TakesAnyKind && own
    }
}

impl Store for Broken {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        let keys: Vec<_> = keys.iter().map(|key| self.key(key)).collect();
        self.faulty_read(&keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.faulty_write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.faulty_increment(&self.key(key), by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        let claims: Vec<_> = claims
            .iter()
            .map(|claim| Claim::new(self.key(claim.key()), *claim.quota()).spend(claim.spending()))
            .collect();
        self.faulty_acquire(&claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.faulty_members(&self.key(index), cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.faulty_purge(&self.log(log), what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.faulty_purges(&self.log(log), since).await
    }

    fn limits(&self) -> Limits {
        Limits::new(Self::LARGEST)
    }

    async fn ping(&self) -> Result<()> {
        match self.fault {
            Fault::FailsPings => Err(Error::new(ErrorKind::Unavailable, "no answer")),
            _ => self.inner.ping().await,
        }
    }
}

/// The same key, in a part of the store of its own.
pub(super) fn moved(key: &Key, prefix: &str) -> Key {
    key.scope().within(prefix).key(key.identifier().clone())
}
