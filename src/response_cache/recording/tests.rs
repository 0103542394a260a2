//! Bodies that are fed by hand, readers that are polled by hand, commits and timers that end when told to.

#![expect(clippy::unwrap_used, reason = "tests")]

mod ends;
mod fills;
mod holds;
mod random;
mod sharing;
mod threads;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio_test::task::Spawn;

use super::*;
use crate::executor::Task as Background;

/// What a body gives.
#[derive(Clone, Debug)]
enum Item {
    Data(Bytes),
    Trailers,
    Error,
    Panic,
    End,
}

/// The hand that feeds a body.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Fed>>);

#[derive(Default)]
struct Fed {
    items: VecDeque<Item>,
    waker: Option<Waker>,
    /// How many bytes the body says are still to come.
    remaining: Option<u64>,
    /// Whether it says that it is at its end.
    says_end: bool,
    is_over: bool,
    is_dropped: bool,
}

struct Hands {
    feed: Feed,
    is_polled: AtomicBool,
}

impl Feed {
    fn give(&self, items: impl IntoIterator<Item = Item>) {
        let mut fed = self.0.lock().unwrap();
        fed.items.extend(items);
        let waker = fed.waker.take();
        drop(fed);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_dropped(&self) -> bool {
        self.0.lock().unwrap().is_dropped
    }

    fn body(&self) -> Hands {
        Hands {
            feed: self.clone(),
            is_polled: AtomicBool::new(false),
        }
    }
}

impl Body for Hands {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        assert!(!self.is_polled.swap(true, Ordering::SeqCst));
        let mut fed = self.feed.0.lock().unwrap();
        assert!(!fed.is_over, "polled after its end");
        let item = fed.items.pop_front();
        if let Some(Item::Data(data)) = &item {
            fed.remaining = fed
                .remaining
                .map(|left| left.saturating_sub(data.len() as u64));
        }
        fed.is_over = matches!(item, Some(Item::End | Item::Error | Item::Panic));
        let old = match item {
            None => fed.waker.replace(cx.waker().clone()),
            Some(_) => fed.waker.take(),
        };
        drop(fed);
        drop(old);
        self.is_polled.store(false, Ordering::SeqCst);
        match item {
            None => Poll::Pending,
            Some(Item::Data(data)) => Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Item::Trailers) => Poll::Ready(Some(Ok(Frame::trailers(trailers())))),
            Some(Item::Error) => Poll::Ready(Some(Err("broken".into()))),
            Some(Item::Panic) => panic!("the body panics"),
            Some(Item::End) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        let fed = self.feed.0.lock().unwrap();
        fed.says_end && matches!(fed.items.front(), Some(Item::End))
    }

    fn size_hint(&self) -> SizeHint {
        let fed = self.feed.0.lock().unwrap();
        fed.remaining.map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Drop for Hands {
    fn drop(&mut self) {
        let mut fed = self.feed.0.lock().unwrap();
        fed.is_dropped = true;
        let waker = fed.waker.take();
        drop(fed);
        drop(waker);
    }
}

fn trailers() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
    trailers
}

fn data(text: &'static str) -> Item {
    Item::Data(Bytes::from_static(text.as_bytes()))
}

/// What became of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    Stored(Vec<u8>),
    Committed,
    Discarded(Discarded),
    /// Without a call.
    Dropped,
}

/// Where it is stored.
#[derive(Clone, Default)]
struct Site {
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    gate: Arc<Mutex<Gate>>,
    feed: Feed,
    budget: Option<Arc<Budget>>,
    hourglass: Hourglass,
    shelf: Shelf,
}

#[derive(Default)]
struct Gate {
    is_shut: bool,
    panics: bool,
    waiting: Option<Waker>,
}

struct Storing {
    site: Site,
    is_told: bool,
}

impl OnEnd for Storing {
    fn complete(mut self: Box<Self>, recorded: Recorded) -> Option<Finish<()>> {
        self.is_told = true;
        let whole = recorded.to_bytes();
        assert_eq!(whole.len() as u64, recorded.len);
        self.site.log(Outcome::Stored(whole.to_vec()));
        if !self.site.gate.lock().unwrap().is_shut {
            return None;
        }
        let site = self.site.clone();
        let work = Box::pin(async move {
            std::future::poll_fn(|cx| site.pass_gate(cx)).await;
            drop(recorded);
            site.log(Outcome::Committed);
        });
        Some(Finish::new(work, None))
    }

    fn discard(mut self: Box<Self>, why: Discarded) {
        self.is_told = true;
        self.site.log(Outcome::Discarded(why));
    }
}

impl Drop for Storing {
    fn drop(&mut self) {
        if !self.is_told {
            self.site.log(Outcome::Dropped);
        }
    }
}

impl Site {
    fn new() -> Self {
        Self {
            budget: Some(Arc::new(Budget::new(1 << 20))),
            ..Self::default()
        }
    }

    fn budget(&self) -> &Arc<Budget> {
        self.budget.as_ref().unwrap()
    }

    fn options(&self) -> Options<'_> {
        Options {
            expected: None,
            most: 1 << 19,
            budget: self.budget(),
            hold: Hold {
                timer: Some(Timer::new(self.hourglass.clone())),
                executor: Some(Executor::new(self.shelf.clone())),
                limit: HOLD,
            },
            keep_filling: None,
        }
    }

    fn start(&self) -> Spawn<Reader> {
        self.start_with(self.options())
    }

    fn start_with(&self, options: Options<'_>) -> Spawn<Reader> {
        let on_end = Storing {
            site: self.clone(),
            is_told: false,
        };
        let reader = Recording::start(self.feed.body(), options, Box::new(on_end));
        tokio_test::task::spawn(reader)
    }

    fn log(&self, outcome: Outcome) {
        self.outcomes.lock().unwrap().push(outcome);
    }

    fn outcomes(&self) -> Vec<Outcome> {
        std::mem::take(&mut self.outcomes.lock().unwrap())
    }

    fn shut(&self) {
        self.gate.lock().unwrap().is_shut = true;
    }

    fn open(&self) {
        let mut gate = self.gate.lock().unwrap();
        gate.is_shut = false;
        let waiting = gate.waiting.take();
        drop(gate);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn pass_gate(&self, cx: &Context<'_>) -> Poll<()> {
        let mut gate = self.gate.lock().unwrap();
        assert!(!gate.panics);
        if !gate.is_shut {
            return Poll::Ready(());
        }
        gate.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// A timer that is turned by hand.
#[derive(Clone, Default)]
struct Hourglass(Arc<Mutex<Sand>>);

#[derive(Default)]
struct Sand {
    passed: Duration,
    sleeps: usize,
    waiting: Vec<Waker>,
}

struct Nap(Hourglass, Duration);

impl Hourglass {
    fn turn(&self, by: Duration) {
        let mut sand = self.0.lock().unwrap();
        sand.passed += by;
        let waiting = std::mem::take(&mut sand.waiting);
        drop(sand);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn sleeps(&self) -> usize {
        self.0.lock().unwrap().sleeps
    }
}

impl hyper::rt::Timer for Hourglass {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let mut sand = self.0.lock().unwrap();
        sand.sleeps += 1;
        Box::pin(Nap(self.clone(), sand.passed + duration))
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        unreachable!("durations only")
    }
}

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sand = self.0.0.lock().unwrap();
        if sand.passed >= self.1 {
            return Poll::Ready(());
        }
        sand.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

impl hyper::rt::Sleep for Nap {}

/// An executor whose tasks run when told to.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<Spawn<Background>>>>);

impl hyper::rt::Executor<Background> for Shelf {
    fn execute(&self, task: Background) {
        self.0.lock().unwrap().push(tokio_test::task::spawn(task));
    }
}

impl Shelf {
    /// Polls all tasks once, and returns how many are left.
    fn run(&self) -> usize {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.retain_mut(|task| task.poll().is_pending());
        let mut shelf = self.0.lock().unwrap();
        shelf.extend(tasks);
        shelf.len()
    }

    fn clear(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap());
        drop(tasks);
    }
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Data(Bytes),
    Trailers,
    Error,
    Interrupted,
    End,
    Nothing,
}

fn got(reader: &mut Spawn<Reader>) -> Got {
    match reader.enter(|cx, reader| reader.poll_frame(cx)) {
        Poll::Pending => Got::Nothing,
        Poll::Ready(None) => Got::End,
        Poll::Ready(Some(Err(error))) if error.is::<Interrupted>() => Got::Interrupted,
        Poll::Ready(Some(Err(_))) => Got::Error,
        Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
            Ok(data) => Got::Data(data),
            Err(_) => Got::Trailers,
        },
    }
}

fn bytes(text: &'static str) -> Got {
    Got::Data(Bytes::from_static(text.as_bytes()))
}

fn follower(follow: &Follow) -> Spawn<Reader> {
    tokio_test::task::spawn(follow.reader().unwrap())
}

fn stored(text: &str) -> Outcome {
    Outcome::Stored(text.as_bytes().to_vec())
}
