//! What comes of the body, and what becomes of it. Nothing foreign is called here.

use bytes::Bytes;
use http::HeaderMap;
use http_body::SizeHint;

use super::{
    BoxError, Discarded, OnEnd, Recorded,
    state::{End, Garbage, Place, State},
};

/// A complete body, and where it goes.
type Storable = (Box<dyn OnEnd>, Recorded);

impl State {
    /// Takes in what the body has given to the reader in a slot. Returns what that reader passes on at once; the rest it
    /// reads like all others.
    #[inline]
    pub(super) fn data(
        &mut self,
        slot: usize,
        data: Bytes,
        is_last: bool,
    ) -> (Option<Bytes>, Option<Garbage>) {
        let bytes = data.len() as u64;
        if bytes == 0 {
            if self.last.is_none() && !is_last {
                return (Some(data), None);
            }
            let mut garbage = Garbage::default();
            garbage.freed.push(data);
            return (None, Some(garbage));
        }
        self.received = self.received.saturating_add(bytes);
        let mut garbage = self.objection(bytes).map(|why| self.discard(why));
        let is_complete = is_last || self.expected == Some(self.received);
        if self.on_end.is_some() && is_complete {
            self.last = Some(data);
            return (None, garbage);
        }
        let is_direct = self.last.is_none();
        self.release();
        if self.on_end.is_some() || self.live > 1 || !is_direct {
            self.keep(&data);
        }
        if !is_direct {
            return (None, garbage);
        }
        self.move_to_end(slot, bytes);
        if let Some(more) = self.tidy() {
            garbage.get_or_insert_default().freed.extend(more.freed);
        }
        (Some(data), garbage)
    }

    #[inline]
    fn keep(&mut self, data: &Bytes) {
        if self.on_end.is_some() {
            return self.kept.push_together(data);
        }
        // Not for long: until the slowest has read it.
        self.held.take(data.len() as u64);
        self.kept.push(data.clone());
    }

    /// Takes in trailers. Returns whether the reader in a slot passes them on at once.
    pub(super) fn trailers(&mut self, slot: usize, trailers: &HeaderMap) -> (bool, Garbage) {
        let garbage = self.discard(Discarded::Trailers);
        let is_direct = self.last.is_none();
        self.release();
        if self.trailers.is_none() {
            self.trailers = Some(trailers.clone());
            if let Some(place) = self.place(slot) {
                place.has_trailers = is_direct;
            }
        }
        (is_direct, garbage)
    }

    /// Takes in the end of the body. Returns what is to be stored now.
    pub(super) fn ended(&mut self) -> (Option<Storable>, Garbage) {
        self.hint = SizeHint::with_exact(0);
        let is_incomplete = self.expected.is_some_and(|bytes| bytes != self.received);
        if self.on_end.is_none() || is_incomplete {
            let garbage = self.discard(Discarded::Incomplete);
            self.pass();
            return (None, garbage);
        }
        self.end = End::Seen;
        let recorded = Recorded {
            chunks: self.kept.chunks().chain(self.last.clone()).collect(),
            len: self.received,
            _held: self.held.hand_over(),
        };
        (self.on_end.take().zip(Some(recorded)), Garbage::default())
    }

    /// Takes in that there will be no end.
    pub(super) fn fail(&mut self, error: Option<BoxError>, why: Discarded) -> Garbage {
        self.release();
        self.end = End::Failed(error);
        self.discard(why)
    }

    /// Lets the readers have all there is, the end included.
    pub(super) fn pass(&mut self) {
        self.release();
        self.end = End::Passed;
    }

    /// Lets the readers have the last frame.
    pub(super) fn release(&mut self) {
        if let Some(last) = self.last.take() {
            self.kept.push(last);
        }
    }

    /// Gives up what will not be stored, if it was not given up before.
    pub(super) fn discard(&mut self, why: Discarded) -> Garbage {
        self.close();
        Garbage {
            discarded: self.on_end.take().map(|on_end| (on_end, why)),
            ..self.free()
        }
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.kept.seal();
    }

    /// Returns why so many more bytes are not to be stored, or takes them from the budget.
    fn objection(&mut self, bytes: u64) -> Option<Discarded> {
        self.on_end.as_ref()?;
        if self.expected.is_some_and(|most| self.received > most) {
            Some(Discarded::Incomplete)
        } else if self.received > self.most || !self.held.try_take(bytes) {
            Some(Discarded::TooLarge)
        } else {
            None
        }
    }

    fn place(&mut self, slot: usize) -> Option<&mut Place> {
        self.readers.get_mut(slot).and_then(Option::as_mut)
    }

    /// Moves a reader past what it is given directly.
    fn move_to_end(&mut self, slot: usize, bytes: u64) {
        let end = self.kept.end();
        if let Some(place) = self.place(slot) {
            place.position = end;
            place.read += bytes;
        }
    }
}
