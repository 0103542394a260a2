//! One reader's turn at the work, on behalf of all.

use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use super::{
    BoxError, Discarded, Recording,
    state::{End, Garbage},
    work::{Event, Task, Work},
};

/// What a turn leads to: a frame for the reader whose turn it is, or something to be read like by all others.
type Turned = Option<Frame<Bytes>>;

/// The work, out of the state: nobody else polls it.
pub(super) struct Turn<'a> {
    recording: &'a Recording,
    slot: usize,
    /// Absent when it is put back, or done with. If this is dropped with it, it has panicked.
    work: Option<Box<Work>>,
}

impl Recording {
    pub(super) const fn turn(&self, slot: usize, work: Box<Work>) -> Turn<'_> {
        Turn {
            recording: self,
            slot,
            work: Some(work),
        }
    }
}

impl Turn<'_> {
    /// Polls the work until it leads to something. Pending: it is put back, and wakes all readers.
    pub(super) fn take(mut self) -> Poll<Turned> {
        let cx = &mut Context::from_waker(&self.recording.waker);
        while let Some(work) = &mut self.work {
            let Poll::Ready(event) = work.poll(cx) else {
                return self.pause(cx);
            };
            let turned = match event {
                Event::Data {
                    data,
                    is_last,
                    hint,
                } => self.data(data, is_last, hint),
                Event::Trailers(trailers) => self.trailers(trailers),
                Event::Failed(error) => self.fail(error),
                Event::Ended => self.ended(),
                Event::Committed => self.pass(),
            };
            if turned.is_some() {
                return Poll::Ready(turned);
            }
        }
        Poll::Ready(None)
    }

    /// Takes in a body that has nothing to say.
    pub(super) fn begin_at_end(mut self) {
        self.ended();
        if self.work.is_some() {
            self.put_back();
        }
    }

    #[inline]
    fn data(&mut self, data: Bytes, is_last: bool, hint: SizeHint) -> Turned {
        let mut state = self.recording.lock();
        let (passed, garbage) = state.data(self.slot, data, is_last);
        state.hint = hint;
        if state.last.is_none() && !is_last {
            state.work = self.work.take();
        }
        let has_others = state.live > 1;
        drop(state);
        if has_others {
            self.recording.wakers.wake_all();
        }
        if let Some(garbage) = garbage {
            garbage.tell();
        }
        if is_last {
            self.ended();
        }
        passed.map(Frame::data)
    }

    fn trailers(&mut self, trailers: HeaderMap) -> Turned {
        let mut state = self.recording.lock();
        let (is_direct, garbage) = state.trailers(self.slot, &trailers);
        state.work = self.work.take();
        drop(state);
        self.recording.wakers.wake_all();
        garbage.tell();
        is_direct.then(|| Frame::trailers(trailers))
    }

    fn fail(&mut self, error: BoxError) -> Turned {
        let mut state = self.recording.lock();
        let garbage = state.fail(Some(error), Discarded::Failed);
        drop(state);
        self.finish(garbage)
    }

    fn ended(&mut self) -> Turned {
        let mut state = self.recording.lock();
        let (complete, garbage) = state.ended();
        drop(state);
        let Some((on_end, recorded)) = complete else {
            return self.finish(garbage);
        };
        let commit = on_end.complete(recorded);
        match (commit, &mut self.work) {
            (Some(commit), Some(work)) => work.task = Task::Commit(commit),
            _ => return self.pass(),
        }
        None
    }

    fn pass(&mut self) -> Turned {
        self.recording.lock().pass();
        self.finish(Garbage::default())
    }

    /// Ends the work. First of all the others are woken: what is dropped is foreign, and might panic.
    fn finish(&mut self, garbage: Garbage) -> Turned {
        let work = self.work.take();
        self.recording.wakers.wake_all();
        drop(work);
        garbage.tell();
        None
    }

    /// Puts the work back that has nothing yet, unless something was held for long enough.
    fn pause(mut self, cx: &mut Context<'_>) -> Poll<Turned> {
        if let Some(Task::Commit(_)) = self.work.as_ref().map(|work| &work.task) {
            return self.pause_commit(cx);
        }
        let mut state = self.recording.lock();
        if state.last.is_none() {
            state.work = self.work.take();
            return Poll::Pending;
        }
        drop(state);
        let hold = &self.recording.hold;
        if !self
            .work
            .as_mut()
            .is_some_and(|work| work.is_late(hold, cx))
        {
            self.put_back();
            return Poll::Pending;
        }
        let mut state = self.recording.lock();
        state.release();
        state.work = self.work.take();
        drop(state);
        self.recording.wakers.wake_all();
        Poll::Ready(None)
    }

    fn pause_commit(mut self, cx: &mut Context<'_>) -> Poll<Turned> {
        let hold = &self.recording.hold;
        let executor = hold.executor.as_ref();
        let executor = executor.filter(|executor| executor.is_here());
        let is_late = |work: &mut Box<Work>| executor.is_some() && work.is_late(hold, cx);
        if !self.work.as_mut().is_some_and(is_late) {
            self.put_back();
            return Poll::Pending;
        }
        let work = self.work.take();
        self.pass();
        if let Some((executor, work)) = executor.zip(work) {
            work.commit_in(executor);
        }
        Poll::Ready(None)
    }

    fn put_back(&mut self) {
        self.recording.lock().work = self.work.take();
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.work.is_some() {
            self.break_off();
        }
    }
}

impl Turn<'_> {
    /// The work has panicked: nobody polls it again.
    #[cold]
    fn break_off(&mut self) {
        let mut state = self.recording.lock();
        let mut garbage = Garbage::default();
        match state.end {
            End::Ahead => garbage = state.fail(None, Discarded::Failed),
            // The body is complete, whatever became of the commit.
            End::Seen => state.pass(),
            End::Passed | End::Failed(_) => {}
        }
        drop(state);
        self.finish(garbage);
    }
}
