//! Stores that fail or wait, processes, and requests.

pub(crate) mod process;
pub(crate) mod table;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::Request;
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower_upstash::store::{
    Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Members, MemoryStore,
    Position, Purge, Purges, Result, Scope, SharedStore, Store, Written,
};

/// A store that never answers at once, that can be held up, and that can be down.
#[derive(Clone)]
pub(crate) struct Remote {
    at_once: bool,
    memory: MemoryStore,
    turns: Arc<Semaphore>,
    down: Arc<AtomicBool>,
}

impl Remote {
    /// Answers every call, after a wait.
    pub(crate) fn open() -> Self {
        Self::with_turns(Semaphore::MAX_PERMITS)
    }

    /// Answers as many calls as it is given turns.
    pub(crate) fn with_turns(turns: usize) -> Self {
        Self {
            at_once: false,
            memory: MemoryStore::new(),
            turns: Arc::new(Semaphore::new(turns)),
            down: Arc::default(),
        }
    }

    /// Decides every call at once, and can be down all the same.
    pub(crate) fn at_once() -> Self {
        Self {
            at_once: true,
            ..Self::open()
        }
    }

    pub(crate) fn give_turn(&self) {
        self.turns.add_permits(1);
    }

    pub(crate) fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub(crate) fn shared(&self) -> SharedStore {
        SharedStore::new(self.clone())
    }

    async fn turn(&self) -> Result<&MemoryStore> {
        tokio::task::yield_now().await;
        self.turns.acquire().await.unwrap().forget();
        self.up()
    }

    fn up(&self) -> Result<&MemoryStore> {
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "down for a test"));
        }
        Ok(&self.memory)
    }
}

impl Store for Remote {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.turn().await?.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.turn().await?.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.turn().await?.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.turn().await?.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.turn().await?.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.turn().await?.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.turn().await?.purges(log, since).await
    }

    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        if !self.at_once {
            return None;
        }
        match self.up() {
            Ok(memory) => memory.try_acquire(claims, decisions),
            Err(error) => Some(Err(error)),
        }
    }
}

/// A request from an address, as a server makes it.
pub(crate) fn request_from(peer: &str) -> Request<Full<bytes::Bytes>> {
    let peer: SocketAddr = peer.parse().unwrap();
    Request::builder()
        .extension(peer)
        .body(Full::default())
        .unwrap()
}
