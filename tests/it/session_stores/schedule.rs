//! Every order in which the calls of several requests can reach a store, and their answers come back: no thread, no clock,
//! no luck. And by chance, where there are too many, or a store that takes its time.

use std::{
    collections::HashSet,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tower_upstash::{
    session::SessionLayer,
    store::{MemoryStore, Result, SharedStore},
    time::{ManualClock, Timer},
};

use super::{
    site::{LIFETIME, PATIENCE},
    watched::{Around, Watched},
};

/// Where requests stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stops {
    Calls,
    CallsAndAnswers,
}

/// Where calls wait until it is their turn, and once more before they are answered.
#[derive(Clone)]
struct Gates {
    stops: Stops,
    turns: Arc<Mutex<Turns>>,
}

#[derive(Default)]
struct Turns {
    next: usize,
    waiting: Vec<usize>,
    granted: Option<usize>,
    /// Calls that the store has not answered yet.
    under_way: usize,
}

impl Gates {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap()
    }

    async fn enter(&self) {
        let mut ticket = None;
        // Whoever plays polls again, whoever is woken.
        poll_fn(|_| {
            let mut turns = self.turns();
            match ticket {
                None => {
                    let own = turns.next;
                    ticket = Some(own);
                    turns.next += 1;
                    turns.waiting.push(own);
                    Poll::Pending
                }
                Some(own) if turns.granted == Some(own) => {
                    turns.granted = None;
                    Poll::Ready(())
                }
                Some(_) => Poll::Pending,
            }
        })
        .await;
    }

    /// Plays until all tasks have ended; `choose` one of so many who wait.
    async fn play(&self, mut tasks: Vec<Task>, mut choose: impl FnMut(usize) -> usize) {
        poll_fn(|cx| {
            loop {
                tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
                if tasks.is_empty() {
                    return Poll::Ready(());
                }
                let mut turns = self.turns();
                if turns.under_way > 0 {
                    return Poll::Pending;
                }
                assert!(!turns.waiting.is_empty(), "somebody waits for nothing");
                let chosen = choose(turns.waiting.len());
                let own = turns.waiting.remove(chosen);
                assert!(turns.granted.replace(own).is_none(), "one at a time");
            }
        })
        .await;
    }
}

impl Around for Gates {
    async fn around<T: Send>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.enter().await;
        self.turns().under_way += 1;
        let answer = call.await;
        self.turns().under_way -= 1;
        if self.stops == Stops::CallsAndAnswers {
            self.enter().await;
        }
        answer
    }
}

pub(super) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Requests, and what must be true once all have ended.
pub(super) struct Play {
    pub(super) tasks: Vec<Task>,
    pub(super) check: Task,
}

/// Where a play is played.
pub(super) struct Stage {
    pub(super) clock: ManualClock,
    gates: Gates,
    store: SharedStore,
}

impl Stage {
    fn new(store: SharedStore, clock: &ManualClock, stops: Stops) -> Self {
        let turns = Arc::default();
        Self {
            clock: clock.clone(),
            gates: Gates { stops, turns },
            store,
        }
    }

    fn in_memory(stops: Stops) -> Self {
        let clock = ManualClock::default();
        let memory = MemoryStore::builder().clock(clock.clone()).build();
        Self::new(memory.into(), &clock, stops)
    }

    /// Makes a layer whose calls wait for their turn.
    pub(super) fn layer(&self) -> SessionLayer {
        self.over(Watched {
            inner: self.store.clone(),
            around: self.gates.clone(),
        })
    }

    /// Makes a layer whose calls do not: for what comes before and after.
    pub(super) fn aside(&self) -> SessionLayer {
        self.layer_over(self.store.clone())
    }

    fn over(&self, store: Watched<Gates>) -> SessionLayer {
        self.layer_over(SharedStore::new(store))
    }

    fn layer_over(&self, store: SharedStore) -> SessionLayer {
        SessionLayer::new(store)
            .clock(self.clock.clone())
            .lifetime(LIFETIME)
            .time_limit(PATIENCE)
            .timer(Timer::new(NoPause))
    }
}

/// A timer whose pauses are over at once, and whose time limits are never.
struct NoPause;

impl hyper::rt::Timer for NoPause {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(Slept {
            is_over: duration < PATIENCE,
        })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }
}

struct Slept {
    is_over: bool,
}

impl Future for Slept {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.is_over {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl hyper::rt::Sleep for Slept {}

/// Plays all orders over memory, and returns how many there are.
pub(super) async fn every_order(stops: Stops, begin: impl AsyncFn(&Stage) -> Play) -> usize {
    let mut path: Vec<(usize, usize)> = Vec::new();
    for orders in 1..100_000 {
        let stage = Stage::in_memory(stops);
        let Play { tasks, check } = begin(&stage).await;
        let mut step = 0;
        let choose = |waiting| {
            if step == path.len() {
                path.push((0, waiting));
            }
            let (chosen, of) = path[step];
            assert_eq!(of, waiting, "the same choices lead to the same");
            step += 1;
            chosen
        };
        stage.gates.play(tasks, choose).await;
        check.await;
        while path.pop_if(|(chosen, of)| *chosen + 1 == *of).is_some() {}
        match path.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => return orders,
        }
    }
    panic!("too many orders to play them all");
}

/// Plays so many orders by chance over memory, and returns how many of them are different ones.
pub(super) async fn many_orders(orders: usize, begin: impl AsyncFn(&Stage) -> Play) -> usize {
    let mut chance = Chance::new();
    let mut played = HashSet::new();
    for _ in 0..orders {
        let stage = Stage::in_memory(Stops::CallsAndAnswers);
        played.insert(chance.play(&stage, &begin).await);
    }
    played.len()
}

/// Plays so many orders by chance over a store.
pub(super) async fn some_orders(
    orders: usize,
    store: &SharedStore,
    clock: &ManualClock,
    begin: impl AsyncFn(&Stage) -> Play,
) {
    let mut chance = Chance::new();
    for _ in 0..orders {
        let stage = Stage::new(store.clone(), clock, Stops::CallsAndAnswers);
        chance.play(&stage, &begin).await;
    }
}

/// The same numbers each time.
struct Chance(u64);

impl Chance {
    const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// Returns what was chosen.
    async fn play(&mut self, stage: &Stage, begin: impl AsyncFn(&Stage) -> Play) -> Vec<usize> {
        let Play { tasks, check } = begin(stage).await;
        let mut path = Vec::new();
        let choose = |waiting| {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let chosen = (self.0 >> 33) as usize % waiting;
            path.push(chosen);
            chosen
        };
        stage.gates.play(tasks, choose).await;
        check.await;
        path
    }
}
