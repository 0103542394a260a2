//! Every order in which the calls of several tasks can reach a store: no thread, no clock, no luck.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use crate::store::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Members, MemoryStore, Position, Purge, Purges,
    Result, Scope, Store, Written,
};

type Before = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// A store that does something before each call, and fails with it.
pub(crate) struct Hooked {
    inner: MemoryStore,
    before: Arc<dyn Fn() -> Before + Send + Sync>,
}

impl Hooked {
    pub(crate) fn new(
        inner: MemoryStore,
        before: impl Fn() -> Before + Send + Sync + 'static,
    ) -> Self {
        Self {
            inner,
            before: Arc::new(before),
        }
    }
}

impl Store for Hooked {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        (self.before)().await?;
        self.inner.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        (self.before)().await?;
        self.inner.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        (self.before)().await?;
        self.inner.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        (self.before)().await?;
        self.inner.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        (self.before)().await?;
        self.inner.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        (self.before)().await?;
        self.inner.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        (self.before)().await?;
        self.inner.purges(log, since).await
    }
}

/// Where calls wait until it is their turn, also those that one task has joined.
#[derive(Clone, Default)]
pub(crate) struct Gates(Arc<Mutex<Turns>>);

#[derive(Default)]
struct Turns {
    next: usize,
    waiting: Vec<usize>,
    granted: Option<usize>,
}

impl Gates {
    pub(crate) fn over(&self, memory: MemoryStore) -> Hooked {
        let gates = self.clone();
        Hooked::new(memory, move || gates.enter())
    }

    fn enter(&self) -> Before {
        let turns = Arc::clone(&self.0);
        let mut ticket = None;
        Box::pin(poll_fn(move |_| {
            let mut turns = turns.lock().expect("no panic under it");
            match ticket {
                None => {
                    ticket = Some(turns.next);
                    let own = turns.next;
                    turns.next += 1;
                    turns.waiting.push(own);
                    Poll::Pending
                }
                Some(own) if turns.granted == Some(own) => {
                    turns.granted = None;
                    Poll::Ready(Ok(()))
                }
                Some(_) => Poll::Pending,
            }
        }))
    }

    fn waiting(&self) -> usize {
        self.0.lock().expect("no panic under it").waiting.len()
    }

    fn grant(&self, at: usize) {
        let mut turns = self.0.lock().expect("no panic under it");
        let own = turns.waiting.remove(at);
        assert!(turns.granted.replace(own).is_none(), "one at a time");
    }
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Tasks, and what must be true once all have ended.
pub(crate) struct Play {
    pub(crate) tasks: Vec<Task>,
    pub(crate) check: Box<dyn FnOnce()>,
}

/// Plays all orders, and returns how many there are.
pub(crate) fn every_order(mut begin: impl FnMut(&Gates) -> Play) -> usize {
    let mut path = Vec::new();
    for orders in 1..1_000_000 {
        play(&mut path, &mut begin);
        while path
            .pop_if(|(chosen, of): &mut (usize, usize)| *chosen + 1 == *of)
            .is_some()
        {}
        match path.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => return orders,
        }
    }
    panic!("too many orders to play them all");
}

/// Plays one order: what was chosen each time, of how many, and the first one beyond that.
fn play(path: &mut Vec<(usize, usize)>, begin: &mut impl FnMut(&Gates) -> Play) {
    let gates = Gates::default();
    let Play { mut tasks, check } = begin(&gates);
    let mut cx = Context::from_waker(Waker::noop());
    for step in 0.. {
        tasks.retain_mut(|task| task.as_mut().poll(&mut cx).is_pending());
        if tasks.is_empty() {
            break;
        }
        let waiting = gates.waiting();
        assert!(waiting > 0, "somebody waits for nothing");
        if step == path.len() {
            path.push((0, waiting));
        }
        gates.grant(path[step].0);
    }
    check();
}
