//! Bodies that are fed by hand, readers that are polled by hand, commits and timers that end when told to.

#![expect(clippy::unwrap_used, reason = "tests")]

mod ends;
mod feed;
mod fills;
mod holds;
mod meanwhile;
mod random;
mod runtime;
mod sharing;
mod threads;

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio_test::task::Spawn;

use self::{
    feed::{Feed, Item},
    runtime::{Hourglass, Shelf},
};
use super::*;
use crate::executor::Task as Background;

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
