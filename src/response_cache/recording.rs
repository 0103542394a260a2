//! A response body that is read by one or more while it is recorded.
//!
//! Whoever needs a frame that is not there yet polls the body itself: nobody depends on the task of another, and no
//! executor is needed. A recording is complete only at the clean end of the body, with as many bytes as were announced
//! (RFC 9111, section 3.3); whatever else happens, nothing is stored, and the readers get what the body gives.
//!
//! - The body, the commit and every waker are foreign: none is called or dropped under the lock. Whoever polls takes the
//!   [`Work`] out of the state and puts it back.
//! - As long as it may be stored, all is kept, within `most` bytes and the [`Budget`] of all recordings, and the fastest
//!   reader sets the pace. After that only what the slowest reader has yet to read is kept, and the body is not polled
//!   while that is [`WINDOW`] bytes or more: readers go at the pace of the slowest, and no more can join.
//! - The last frame is held until the commit has ended, where it is known to be the last; otherwise only the end is.
//!   After [`HOLD`] it is not held any longer.

mod accept;
mod interrupted;
mod kept;
mod leave;
mod reader;
mod state;
mod turn;
mod wakers;
mod work;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
    time::Duration,
};

use bytes::Bytes;
use http_body::Body;

pub use self::interrupted::Interrupted;
pub(super) use self::reader::{Follow, Reader};
use self::{state::State, wakers::Wakers, work::Work};
use super::{
    body::BoxError,
    budget::{Budget, Held},
};
use crate::{
    executor::{Executor, Finish},
    time::Timer,
};

/// How long the last frame waits for the commit by default.
pub(super) const HOLD: Duration = Duration::from_millis(50);
/// How many bytes the fastest reader may be ahead of the slowest, where the response is not stored.
pub(super) const WINDOW: u64 = 256 << 10;

/// How a body is recorded.
#[derive(Debug)]
pub(super) struct Options<'a> {
    /// How many bytes `Content-Length` announces. Without it, what the body itself says.
    pub(super) expected: Option<u64>,
    /// The most bytes of one recording.
    pub(super) most: u64,
    pub(super) budget: &'a Arc<Budget>,
    pub(super) hold: Hold,
    /// What goes on when all readers are gone before the end. Without it, the body is dropped then.
    pub(super) keep_filling: Option<KeepFilling>,
}

/// How long the readers wait for the commit at the end.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Without a timer the commit is awaited, and a last frame whose body has not said that it has ended is not held.
    pub(super) timer: Option<Timer>,
    /// Where the commit goes on after that. Without an executor it is awaited.
    pub(super) executor: Option<Executor>,
    /// See [`HOLD`].
    pub(super) limit: Duration,
}

/// Reads a body to its end that nobody else reads any more.
#[derive(Clone, Debug)]
pub(super) struct KeepFilling {
    pub(super) executor: Executor,
    pub(super) timer: Timer,
    pub(super) limit: Duration,
}

/// What happens at the end of a recording: exactly one of these calls is made, outside of all locks, by whoever reads
/// or drops then.
pub(super) trait OnEnd: Send {
    /// Stores what was recorded, and returns what takes time.
    fn complete(self: Box<Self>, recorded: Recorded) -> Option<Finish<()>>;

    /// Is told that nothing is to be stored, as soon as that is known. The body may go on.
    fn discard(self: Box<Self>, _why: Discarded) {}
}

/// A complete body.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) chunks: Vec<Bytes>,
    pub(super) len: u64,
    /// Its share of the budget: kept until the commit has ended.
    pub(super) _held: Held,
}

impl Recorded {
    /// Returns the whole body. It is copied if it came in more than one chunk.
    #[cfg(test)]
    pub(super) fn to_bytes(&self) -> Bytes {
        if let [chunk] = self.chunks.as_slice() {
            return chunk.clone();
        }
        let mut whole = bytes::BytesMut::with_capacity(self.chunks.iter().map(Bytes::len).sum());
        for chunk in &self.chunks {
            whole.extend_from_slice(chunk);
        }
        whole.freeze()
    }
}

/// Why nothing is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discarded {
    /// More bytes than one recording may have, or than there is room for in the budget.
    TooLarge,
    /// More or fewer bytes than were announced.
    Incomplete,
    /// The body has trailers.
    Trailers,
    /// The body has failed or panicked.
    Failed,
    /// All readers are gone.
    Abandoned,
}

/// What the readers share.
pub(super) struct Recording {
    state: Mutex<State>,
    wakers: Arc<Wakers>,
    /// Wakes all of them.
    waker: Waker,
    hold: Hold,
}

impl Recording {
    /// Begins to record a body.
    pub(super) fn start<B>(body: B, options: Options<'_>, on_end: Box<dyn OnEnd>) -> Reader
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let expected = options.expected.or_else(|| body.size_hint().exact());
        let is_at_end = body.is_end_stream();
        let mut state = State::new(on_end, expected, &options);
        state.hint = body.size_hint();
        let garbage = state.begin();
        let wakers = Arc::new(Wakers::default());
        let recording = Arc::new(Self {
            state: Mutex::new(state),
            waker: Waker::from(Arc::clone(&wakers)),
            wakers,
            hold: options.hold,
        });
        garbage.tell();
        let work = Box::new(Work::new(body));
        if is_at_end {
            // A server does not poll a body that has nothing to say.
            recording.turn(0, work).begin_at_end();
        } else {
            recording.lock().work = Some(work);
        }
        Reader::first(recording)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
