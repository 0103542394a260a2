//! What the readers share, under one lock. Nothing foreign is called here.

use bytes::Bytes;
use http::HeaderMap;
use http_body::SizeHint;
use smallvec::SmallVec;

use super::{
    BoxError, Discarded, KeepFilling, OnEnd, Options, WINDOW, Work,
    kept::{Freed, Kept, Position},
};
use crate::response_cache::budget::Held;

pub(super) struct State {
    pub(super) kept: Kept,
    pub(super) readers: SmallVec<[Option<Place>; 1]>,
    pub(super) live: usize,
    /// How many can still make readers.
    pub(super) follows: usize,
    /// Absent while somebody polls it, and when nothing is left to do.
    /// Boxed: it is taken out and put back for each frame.
    pub(super) work: Option<Box<Work>>,
    /// Present as long as there may be something to store.
    pub(super) on_end: Option<Box<dyn OnEnd>>,
    /// The last frame, while it is held.
    pub(super) last: Option<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) received: u64,
    pub(super) expected: Option<u64>,
    pub(super) most: u64,
    /// What is still to come.
    pub(super) hint: SizeHint,
    pub(super) end: End,
    /// Nobody can join any more, and what all have read is freed.
    pub(super) closed: bool,
    pub(super) held: Held,
    /// Taken when it is used: a body is filled on once.
    pub(super) keep_filling: Option<KeepFilling>,
    pub(super) is_filled: bool,
}

/// How far one reader is.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) position: Position,
    pub(super) read: u64,
    pub(super) has_trailers: bool,
    is_at_end: bool,
}

pub(super) enum End {
    Ahead,
    /// The body has ended; its commit has not.
    Seen,
    /// The readers may be told.
    Passed,
    /// The first to come gets the error.
    Failed(Option<BoxError>),
}

/// What a reader does next.
pub(super) enum Step {
    Data(Bytes, Option<Garbage>),
    Trailers(HeaderMap),
    End,
    Failed(Option<BoxError>),
    /// Poll this, and put it back.
    Work(Box<Work>),
    Wait,
}

/// What is left over when the lock is released.
#[derive(Default)]
#[must_use]
pub(super) struct Garbage {
    pub(super) freed: Freed,
    pub(super) discarded: Option<(Box<dyn OnEnd>, Discarded)>,
    /// Whether the slowest reader has held up others until now.
    pub(super) reopened: bool,
}

impl Garbage {
    /// Tells and drops. Not under the lock.
    pub(super) fn tell(self) {
        drop(self.freed);
        if let Some((on_end, why)) = self.discarded {
            on_end.discard(why);
        }
    }
}

impl State {
    /// Returns a state with one reader, in slot 0.
    pub(super) fn new(
        on_end: Box<dyn OnEnd>,
        expected: Option<u64>,
        options: &Options<'_>,
    ) -> Self {
        Self {
            kept: Kept::default(),
            readers: SmallVec::from([Some(Place::default())]),
            live: 1,
            follows: 0,
            work: None,
            on_end: Some(on_end),
            last: None,
            trailers: None,
            received: 0,
            expected,
            most: options.most,
            hint: SizeHint::default(),
            end: End::Ahead,
            closed: false,
            held: Held::nothing(options.budget.clone()),
            keep_filling: options.keep_filling.clone(),
            is_filled: false,
        }
    }

    /// Gives up at once what is announced as too large.
    pub(super) fn begin(&mut self) -> Garbage {
        if self.expected.is_some_and(|bytes| bytes > self.most) {
            return self.discard(Discarded::TooLarge);
        }
        Garbage::default()
    }

    /// Returns what the reader in a slot does next.
    #[inline]
    pub(super) fn step(&mut self, slot: usize) -> Step {
        let Some(place) = self.readers.get_mut(slot).and_then(Option::as_mut) else {
            return Step::End;
        };
        if place.is_at_end {
            return Step::End;
        }
        if let Some(bytes) = self.kept.read(&mut place.position) {
            place.read += bytes.len() as u64;
            return Step::Data(bytes, self.tidy());
        }
        if let Some(trailers) = self.trailers.as_ref().filter(|_| !place.has_trailers) {
            place.has_trailers = true;
            return Step::Trailers(trailers.clone());
        }
        match &mut self.end {
            End::Passed => {
                place.is_at_end = true;
                Step::End
            }
            End::Failed(error) => {
                place.is_at_end = true;
                Step::Failed(error.take())
            }
            End::Ahead if self.closed && self.kept.bytes() >= WINDOW => Step::Wait,
            End::Ahead | End::Seen => self.work.take().map_or(Step::Wait, Step::Work),
        }
    }

    /// As [`free`](Self::free), which has nothing to do as long as all is kept.
    #[inline]
    pub(super) fn tidy(&mut self) -> Option<Garbage> {
        let is_kept = !self.closed && (self.on_end.is_some() || self.follows > 0);
        (!is_kept).then(|| self.free())
    }

    /// Frees what all have read, where it is not needed for anything else.
    pub(super) fn free(&mut self) -> Garbage {
        if !self.closed && self.on_end.is_none() && self.follows == 0 {
            self.close();
        }
        let mut garbage = Garbage::default();
        if self.closed {
            let kept = self.kept.bytes();
            let places = self.readers.iter().flatten();
            let slowest = places.map(|place| place.position).min();
            garbage.freed = self.kept.free(slowest.unwrap_or_else(|| self.kept.end()));
            self.held.give_back(kept - self.kept.bytes());
            garbage.reopened = kept >= WINDOW && self.kept.bytes() < WINDOW;
        }
        garbage
    }

    /// Returns what is still to come for the reader in a slot.
    pub(super) fn size_hint(&self, slot: usize) -> SizeHint {
        let Some(place) = self.readers.get(slot).and_then(Option::as_ref) else {
            return SizeHint::with_exact(0);
        };
        let unread = self.received.saturating_sub(place.read);
        let mut hint = SizeHint::new();
        // Upper first: the lower one may not pass it.
        if let Some(upper) = self.hint.upper() {
            hint.set_upper(upper.saturating_add(unread));
        }
        hint.set_lower(self.hint.lower().saturating_add(unread));
        hint
    }

    /// Returns whether the reader in a slot has had everything.
    pub(super) fn is_end(&self, slot: usize) -> bool {
        let place = self.readers.get(slot).and_then(Option::as_ref);
        place.is_none_or(|place| {
            let is_read = place.read >= self.received;
            let is_passed = matches!(self.end, End::Passed);
            let has_trailers = self.trailers.is_none() || place.has_trailers;
            place.is_at_end || (is_passed && is_read && has_trailers)
        })
    }
}
