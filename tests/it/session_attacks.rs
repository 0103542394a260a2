//! Sessions under attack: by their users, by other tasks of the same request, and by a store that does not answer.

mod clients;
mod operator;
mod tasks;
mod users;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderMap, Request, Response, StatusCode, header};
use tokio::sync::watch;
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::{
    session::{Lifetime, Session, SessionError, SessionErrorKind, SessionLayer, SessionLimit},
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Members, MemoryStore,
        Position, Purge, Purges, Result, Scope, SharedStore, Store, Written,
    },
    time::{Clock as _, ManualClock},
};

/// A store whose reads and writes can be held up, and that can be down.
#[derive(Clone)]
struct Held {
    memory: MemoryStore,
    reads: watch::Sender<bool>,
    writes: watch::Sender<bool>,
    down: watch::Sender<bool>,
    /// The keys of each read.
    read: Arc<Mutex<Vec<usize>>>,
    /// How many calls have been held up.
    waiting: watch::Sender<usize>,
}

impl Held {
    fn new() -> Self {
        Self {
            memory: MemoryStore::new(),
            reads: watch::Sender::new(true),
            writes: watch::Sender::new(true),
            down: watch::Sender::new(false),
            read: Arc::default(),
            waiting: watch::Sender::new(0),
        }
    }

    async fn pass(&self, gate: &watch::Sender<bool>) -> Result<()> {
        if !*gate.borrow() {
            self.waiting.send_modify(|waiting| *waiting += 1);
        }
        gate.subscribe().wait_for(|open| *open).await.unwrap();
        if *self.down.borrow() {
            return Err(Error::new(ErrorKind::Unavailable, "down for a test"));
        }
        Ok(())
    }

    /// Waits until so many calls were held up.
    async fn held(&self, calls: usize) {
        let mut waiting = self.waiting.subscribe();
        waiting.wait_for(|waiting| *waiting >= calls).await.unwrap();
    }
}

impl Store for Held {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.read.lock().unwrap().push(keys.len());
        self.pass(&self.reads).await?;
        self.memory.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.pass(&self.writes).await?;
        self.memory.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.memory.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.memory.acquire(claims).await
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

/// A layer over such a store, by a clock that is moved by hand.
struct World {
    store: Held,
    clock: ManualClock,
    layer: SessionLayer,
}

/// What a client sees.
struct Seen {
    status: StatusCode,
    headers: HeaderMap,
}

/// Each use is activity.
const BUSY: Lifetime =
    Lifetime::new(Duration::from_secs(60), Duration::from_secs(600)).touch_every(Duration::ZERO);

impl World {
    fn new() -> Self {
        let store = Held::new();
        let clock = ManualClock::default();
        let layer = SessionLayer::new(SharedStore::new(store.clone())).clock(clock.clone());
        Self {
            store,
            clock,
            layer,
        }
    }

    fn with(mut self, set: impl FnOnce(SessionLayer) -> SessionLayer) -> Self {
        self.layer = set(self.layer);
        self
    }

    async fn ask<F>(&self, cookie: &str, handler: impl FnOnce(Session) -> F) -> Seen
    where
        F: Future<Output = StatusCode>,
    {
        let request = Request::builder().header(header::COOKIE, cookie);
        self.send(request.body(()).unwrap(), handler).await
    }

    async fn send<F>(&self, request: Request<()>, handler: impl FnOnce(Session) -> F) -> Seen
    where
        F: Future<Output = StatusCode>,
    {
        let mut handler = Some(handler);
        let service = service_fn(|request: Request<()>| {
            let session = Session::of(request.extensions()).unwrap();
            let answer = handler.take().unwrap()(session);
            async move {
                let mut response = Response::new(String::new());
                *response.status_mut() = answer.await;
                Ok::<_, Infallible>(response)
            }
        });
        let response = self.layer.layer(service).oneshot(request).await.unwrap();
        Seen {
            status: response.status(),
            headers: response.headers().clone(),
        }
    }

    /// Logs in, and returns the cookie.
    async fn login(&self, subject: &str) -> String {
        let seen = self.ask("", async |session| {
            session.set("secret", subject).unwrap();
            session.authenticate(subject).unwrap();
            StatusCode::OK
        });
        seen.await.cookie().unwrap()
    }

    /// Returns whom a cookie stands for.
    async fn who(&self, cookie: &str) -> Option<String> {
        let mut who = None;
        self.ask(cookie, async |session| {
            session.no_touch();
            who = session.subject().await.unwrap();
            StatusCode::OK
        })
        .await;
        who
    }
}

impl Seen {
    /// Returns the cookie that was set; `None` if none was, `Some("")` if it was taken away.
    fn cookie(&self) -> Option<String> {
        let line = self
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .next_back()?;
        let line = line.to_str().unwrap();
        let pair = line.split(';').next().unwrap();
        Some(if pair.ends_with('=') {
            String::new()
        } else {
            pair.into()
        })
    }
}

fn is<T: std::fmt::Debug>(
    result: &std::result::Result<T, SessionError>,
    kind: SessionErrorKind,
) -> bool {
    matches!(result, Err(error) if error.kind() == kind)
}
