//! A request that runs into a fault at each of its calls of the store.

use std::{
    future::pending,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use axum::response::IntoResponse;
use http::StatusCode;
use tower_upstash::{
    session::{Session, SessionLayer, SessionLimit},
    store::{Error, ErrorKind, MemoryStore, Result, SharedStore},
    time::{ManualClock, Timer},
};

use super::{
    site::{LIFETIME, MINUTE, Reply, Told, ask, lives},
    watched::{Around, Watched},
};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// An error is the answer.
    Error,
    /// There is no answer within the time limit.
    Silence,
    /// There is no answer, and the client does not wait for it.
    Cancelled,
}

/// A fault at one call, which may be executed all the same.
#[derive(Clone)]
struct Trap {
    fault: Fault,
    at: usize,
    is_executed: bool,
    calls: Arc<AtomicUsize>,
}

impl Around for Trap {
    async fn around<T: Send>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if self.calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return call.await;
        }
        if self.is_executed {
            drop(call.await);
        }
        match self.fault {
            Fault::Error => Err(Error::new(ErrorKind::Unavailable, "down for a test")),
            Fault::Silence | Fault::Cancelled => pending().await,
        }
    }
}

impl Trap {
    /// Plays a request to its end. `None`: it was dropped.
    fn play(&self, request: impl Future<Output = Reply>, hand: &Hand) -> Option<Reply> {
        let mut request = pin!(request);
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            match request.as_mut().poll(&mut cx) {
                Poll::Ready(reply) => return Some(reply),
                Poll::Pending if self.fault == Fault::Cancelled => return None,
                Poll::Pending => hand.0.store(true, Ordering::SeqCst),
            }
        }
        panic!("it waits beyond the time limit");
    }
}

/// A timer that is moved by hand, once.
#[derive(Clone, Default)]
struct Hand(Arc<AtomicBool>);

impl Future for Hand {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0.load(Ordering::SeqCst) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl hyper::rt::Sleep for Hand {}

impl hyper::rt::Timer for Hand {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.clone())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(self.clone())
    }
}

/// What is known after a request that ran into a fault, if it did.
pub(super) struct After {
    /// A layer over the same store, without any fault.
    pub(super) aside: SessionLayer,
    pub(super) tokens: Vec<String>,
    pub(super) reply: Option<Reply>,
    pub(super) what: String,
    /// The number of the call, of which the first one is often a read.
    pub(super) at: usize,
}

impl After {
    /// Returns whether the client was told that all is well.
    pub(super) fn is_well(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_ok)
    }

    /// Returns what the client was told. One who was told of an error was told nothing else.
    pub(super) fn told(&self) -> &Told {
        let Some(reply) = &self.reply else {
            return &Told::Nothing;
        };
        if !reply.is_ok() {
            assert_eq!(
                reply.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{}",
                self.what
            );
            assert_eq!(reply.told, Told::Nothing, "{}", self.what);
        }
        &reply.told
    }

    /// Returns the token that the client was told.
    pub(super) fn held(&self) -> Option<&str> {
        match self.told() {
            Told::Token(token) => Some(token),
            _ => None,
        }
    }

    pub(super) async fn lives(&self, at: usize) -> bool {
        lives(&self.aside, &self.tokens[at]).await
    }

    pub(super) async fn sessions_of(&self, subject: &str) -> usize {
        self.aside.handle().list(subject).await.unwrap().len()
    }
}

/// Plays a request with each fault at each of its calls, and without; returns how many calls it makes.
pub(super) async fn under_every_fault<F: Future<Output: IntoResponse>>(
    limit: Option<SessionLimit>,
    begin: impl AsyncFn(&SessionLayer) -> Vec<String>,
    handler: impl Fn(Session) -> F,
    check: impl AsyncFn(&After),
) -> usize {
    for at in 0..10 {
        for fault in [Fault::Error, Fault::Silence, Fault::Cancelled] {
            for is_executed in [false, true] {
                let clock = ManualClock::default();
                let store = MemoryStore::builder().clock(clock.clone()).build();
                let hand = Hand::default();
                let over = |store: SharedStore| {
                    let layer = SessionLayer::new(store).clock(clock.clone());
                    let layer = layer.lifetime(LIFETIME).timer(Timer::new(hand.clone()));
                    match limit {
                        Some(limit) => layer.per_subject(limit),
                        None => layer,
                    }
                };
                let aside = over(store.clone().into());
                let tokens = begin(&aside).await;
                clock.advance(2 * MINUTE);
                let trap = Trap {
                    fault,
                    at,
                    is_executed,
                    calls: Arc::default(),
                };
                let layer = over(SharedStore::new(Watched {
                    inner: store.into(),
                    around: trap.clone(),
                }));
                let token = tokens.first().map(String::as_str);
                let reply = trap.play(ask(&layer, token, &handler), &hand);
                let calls = trap.calls.load(Ordering::SeqCst);
                let after = After {
                    what: format!("{fault:?} at {at}, executed: {is_executed}: {reply:?}"),
                    at,
                    aside,
                    tokens,
                    reply,
                };
                check(&after).await;
                if calls <= at {
                    assert!(after.is_well(), "{}", after.what);
                    return calls;
                }
            }
        }
    }
    panic!("so many calls");
}
