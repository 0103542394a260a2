//! One who reads, and one who may make readers.

use std::{
    fmt,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    BoxError, Interrupted, KeepFilling, Recording,
    leave::Leaving,
    state::{Garbage, Step},
    work::Work,
};

/// How many frames are read at once where nobody waits for them.
const FRAMES_AT_ONCE: usize = 64;

/// Reads a recording from its beginning.
///
/// # Cancellation
///
/// When the last reader is dropped before the end, the body is dropped and nothing is stored, unless it is to be filled
/// on. A commit that has begun goes on in the executor.
pub(in crate::response_cache) struct Reader {
    recording: Arc<Recording>,
    slot: usize,
}

/// Makes readers of a recording, without being one: it keeps nothing from being dropped but what is complete.
pub(in crate::response_cache) struct Follow(Arc<Recording>);

impl Reader {
    pub(super) const fn first(recording: Arc<Recording>) -> Self {
        Self { recording, slot: 0 }
    }

    /// Returns what makes more readers.
    pub(in crate::response_cache) fn follow(&self) -> Follow {
        Follow::new(&self.recording)
    }

    #[cfg(test)]
    pub(super) const fn recording(&self) -> &Arc<Recording> {
        &self.recording
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let recording = &self.recording;
        loop {
            let round = recording.wakers.round();
            let step = recording.lock().step(self.slot);
            return Poll::Ready(match step {
                Step::Data(data, garbage) => {
                    if let Some(garbage) = garbage {
                        recording.clear(garbage);
                    }
                    Some(Ok(Frame::data(data)))
                }
                Step::Trailers(trailers) => Some(Ok(Frame::trailers(trailers))),
                Step::End => None,
                Step::Failed(error) => Some(Err(error.unwrap_or_else(|| Interrupted.into()))),
                Step::Wait => {
                    if !recording.wakers.register(self.slot, cx.waker(), round) {
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
                Step::Work(work) => match recording.turn(self.slot, work).take() {
                    Poll::Ready(Some(frame)) => Some(Ok(frame)),
                    Poll::Ready(None) => continue,
                    Poll::Pending => {
                        self.wait_for_work(cx, round);
                        return Poll::Pending;
                    }
                },
            });
        }
    }

    fn wait_for_work(&self, cx: &Context<'_>, round: u64) {
        let wakers = &self.recording.wakers;
        if !wakers.register(self.slot, cx.waker(), round) {
            // The work has called while it was here, and others may have found it away and wait again. Not polled at
            // once: what wakes itself means to let others run.
            wakers.wake_all();
            cx.waker().wake_by_ref();
        }
    }

    /// Reads to the end, or until nothing can be stored.
    async fn drain(self) {
        poll_fn(|cx| {
            for _ in 0..FRAMES_AT_ONCE {
                let is_closed = self.recording.lock().closed;
                if is_closed || !matches!(ready!(self.poll(cx)), Some(Ok(_))) {
                    return Poll::Ready(());
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Body for Reader {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.poll(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.recording.lock().is_end(self.slot)
    }

    fn size_hint(&self) -> SizeHint {
        self.recording.lock().size_hint(self.slot)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let recording = &self.recording;
        recording.wakers.remove(self.slot);
        let leaving = recording.lock().leave(self.slot, &recording.hold);
        match leaving {
            Leaving::Fill(filling) => {
                let reader = Self {
                    recording: Arc::clone(recording),
                    slot: self.slot,
                };
                filling.fill(reader);
            }
            Leaving::Gone(garbage, work) => {
                recording.clear(garbage);
                recording.go_on(work);
            }
        }
    }
}

impl KeepFilling {
    fn fill(self, reader: Reader) {
        let Self {
            executor,
            timer,
            limit,
        } = self;
        executor.spawn(async move {
            timer.within(limit, pin!(reader.drain())).await;
        });
    }
}

impl Recording {
    /// Clears up after the lock.
    fn clear(&self, garbage: Garbage) {
        if garbage.reopened {
            self.wakers.wake_all();
        }
        garbage.tell();
    }

    /// Does without readers what they have left.
    fn go_on(&self, work: Option<Box<Work>>) {
        let executor = self.hold.executor.as_ref();
        let executor = executor.filter(|executor| executor.is_here());
        // Without an executor, the commit may have one of its own.
        if let Some((executor, work)) = executor.zip(work) {
            work.commit_in(executor);
        }
    }
}

impl Follow {
    fn new(recording: &Arc<Recording>) -> Self {
        recording.lock().follows += 1;
        Self(Arc::clone(recording))
    }

    /// Returns how many bytes have come.
    pub(in crate::response_cache) fn received(&self) -> u64 {
        self.0.lock().received
    }

    /// Returns a reader that begins at the beginning, also after the end. None where that is not there any more: the
    /// response will not be stored, or all readers were gone before the end.
    pub(in crate::response_cache) fn reader(&self) -> Option<Reader> {
        let slot = self.0.lock().join()?;
        Some(Reader {
            recording: Arc::clone(&self.0),
            slot,
        })
    }
}

impl Clone for Follow {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.follows -= 1;
        let garbage = state.free();
        drop(state);
        self.0.clear(garbage);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").finish_non_exhaustive()
    }
}
