//! What is polled on behalf of all readers: the body, and then the commit.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

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
    Body(Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>),
    Commit(Finish<()>),
}

/// What comes out of the work.
pub(super) enum Event {
    Data { data: Bytes, is_last: bool },
    Trailers(HeaderMap),
    Failed(BoxError),
    Ended,
    Committed,
}

impl Work {
    pub(super) fn new<B>(body: B) -> Self
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        Self {
            task: Task::Body(Box::pin(body.map_err(Into::into))),
            sleep: None,
            is_late: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        match &mut self.task {
            Task::Body(body) => body.as_mut().poll_frame(cx).map(|frame| match frame {
                None => Event::Ended,
                Some(Err(error)) => Event::Failed(error),
                Some(Ok(frame)) => Event::of_frame(frame, body.is_end_stream()),
            }),
            Task::Commit(commit) => Pin::new(commit).poll(cx).map(|()| Event::Committed),
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.task {
            Task::Body(body) => body.size_hint(),
            Task::Commit(_) => SizeHint::with_exact(0),
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

impl Event {
    fn of_frame(frame: Frame<Bytes>, is_last: bool) -> Self {
        match frame.into_data() {
            Ok(data) => Self::Data { data, is_last },
            // A frame is one or the other.
            Err(frame) => Self::Trailers(frame.into_trailers().unwrap_or_default()),
        }
    }
}
