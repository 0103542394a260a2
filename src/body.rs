//! The response body of our layers: the inner one, untouched, or a short one of our own.

mod end;

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

pub(crate) use self::end::AtEnd;
use self::end::End;

pin_project! {
    /// The body of an inner service, or of an answer in its place.
    ///
    /// Asks nothing of the inner body but `Data = Bytes`, and has its error type.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProjection]
    #[derive(Debug)]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Own { body: Full<Bytes> },
        // The last frame waits for what happens at the end.
        // Boxed: a frame is larger than all the rest, and every response is moved with room for it.
        Watched { #[pin] body: B, end: End, last: Option<Box<Frame<Bytes>>> },
    }
}

impl<B> ResponseBody<B> {
    pub(crate) const fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    pub(crate) fn own(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Own {
                body: Full::new(bytes),
            },
        }
    }

    /// The inner body, and what happens when it has ended or is dropped.
    pub(crate) fn watched(body: B, at_end: Box<dyn AtEnd>) -> Self {
        Self {
            kind: Kind::Watched {
                body,
                end: End::new(at_end),
                last: None,
            },
        }
    }
}

impl<B: Body<Data = Bytes>> Body for ResponseBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner { body } => body.poll_frame(cx),
            KindProjection::Own { body } => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            KindProjection::Watched { body, end, last } => poll_watched(body, end, last, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Own { body } => body.is_end_stream(),
            Kind::Watched { end, last, .. } => end.is_done() && last.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Own { body } => body.size_hint(),
            Kind::Watched { body, last, .. } => match last.as_deref().and_then(Frame::data_ref) {
                None => body.size_hint(),
                // The inner body has given it away, and is at its end.
                Some(data) => SizeHint::with_exact(data.len() as u64),
            },
        }
    }
}

/// Polls a body whose last frame waits for the work at its end.
fn poll_watched<B: Body<Data = Bytes>>(
    mut body: Pin<&mut B>,
    end: &mut End,
    last: &mut Option<Box<Frame<Bytes>>>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
    if !end.has_begun() {
        match ready!(body.as_mut().poll_frame(cx)) {
            // Trailers are the last frame; data are if the body says so.
            Some(Ok(frame)) if frame.is_data() && !body.is_end_stream() => {
                return Poll::Ready(Some(Ok(frame)));
            }
            Some(Ok(frame)) => *last = Some(Box::new(frame)),
            // Cut off: what happens at the end happens all the same.
            Some(Err(error)) => {
                end.abandon();
                return Poll::Ready(Some(Err(error)));
            }
            None => {}
        }
    }
    ready!(end.poll(cx));
    // The inner body has ended: many must not be polled again.
    Poll::Ready(last.take().map(|frame| Ok(*frame)))
}
