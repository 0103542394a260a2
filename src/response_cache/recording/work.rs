//! What is polled on behalf of all readers: the body, and then the commit.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, SizeHint};

use super::{BoxError, Hold};
use crate::executor::{Executor, Finish};

pub(super) struct Work {
    pub(super) task: Task,
    /// Runs while something is held.
    sleep: Option<Pin<Box<dyn hyper::rt::Sleep>>>,
    /// Whether anything was held for long enough.
    is_late: bool,
}

pub(super) enum Task {
    Body(Pin<Box<dyn Source>>),
    Commit(Finish<()>),
}

/// What comes out of the work.
pub(super) enum Event {
    Data {
        data: Bytes,
        is_last: bool,
        /// What is still to come.
        hint: SizeHint,
    },
    Trailers(HeaderMap),
    Failed(BoxError),
    Ended,
    Committed,
}

/// Any body, asked once for a frame and what it says of itself then.
pub(super) trait Source: Send {
    fn poll_event(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event>;
}

impl<B> Source for B
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    fn poll_event(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        let frame = match self.as_mut().poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(Event::Ended),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Event::Failed(error.into())),
            Poll::Ready(Some(Ok(frame))) => frame,
        };
        Poll::Ready(match frame.into_data() {
            Ok(data) => Event::Data {
                data,
                is_last: self.is_end_stream(),
                hint: self.size_hint(),
            },
            // A frame is one or the other.
            Err(frame) => Event::Trailers(frame.into_trailers().unwrap_or_default()),
        })
    }
}

impl Work {
    pub(super) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            task: Task::Body(Box::pin(body)),
            sleep: None,
            is_late: false,
        }
    }

    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match &mut self.task {
            Task::Body(body) => body.as_mut().poll_event(cx),
            Task::Commit(commit) => Pin::new(commit).poll(cx).map(|()| Event::Committed),
        }
    }

    /// Returns whether what is held has been held for long enough.
    pub(super) fn is_late(&mut self, hold: &Hold, cx: &mut Context<'_>) -> bool {
        if !self.is_late {
            self.is_late = match &hold.timer {
                Some(timer) => {
                    let sleep = self.sleep.get_or_insert_with(|| timer.sleep(hold.limit));
                    sleep.as_mut().poll(cx).is_ready()
                }
                // The body may never say that it has ended.
                None => matches!(self.task, Task::Body(_)),
            };
        }
        self.is_late
    }

    /// Leaves the commit to an executor. Other work is dropped.
    pub(super) fn commit_in(self, executor: &Executor) {
        if let Task::Commit(commit) = self.task {
            executor.spawn(commit);
        }
    }
}
