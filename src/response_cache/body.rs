//! The response body of the cache: the inner one, a stored one, or one that is recorded while it is read.

use std::{
    error::Error,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use pin_project_lite::pin_project;

use super::recording::Reader;

/// The error of any body.
pub type BoxError = Box<dyn Error + Send + Sync>;

pin_project! {
    /// The body of a response that has passed the cache.
    ///
    /// Its error is that of the inner body, boxed, or [`Interrupted`](super::Interrupted). Stored bodies are served
    /// without a copy. A body that is being recorded passes frames as they come; its last frame, or where nobody can know
    /// which one that is its end, waits for the response to be stored, at most 50 milliseconds.
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
        Recorded { reader: Reader },
    }
}

impl<B> ResponseBody<B> {
    /// Passes everything through.
    pub(super) const fn inner(body: B) -> Self {
        Self {
            kind: Kind::Inner { body },
        }
    }

    /// A stored body or a part of it.
    pub(super) fn own(bytes: Bytes) -> Self {
        Self {
            kind: Kind::Own {
                body: Full::new(bytes),
            },
        }
    }

    pub(super) const fn recorded(reader: Reader) -> Self {
        Self {
            kind: Kind::Recorded { reader },
        }
    }

    pub(super) const fn is_recorded(&self) -> bool {
        matches!(self.kind, Kind::Recorded { .. })
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.project().kind.project() {
            KindProjection::Inner { body } => body.poll_frame(cx).map_err(Into::into),
            KindProjection::Own { body } => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            KindProjection::Recorded { reader } => Pin::new(reader).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Own { body } => body.is_end_stream(),
            Kind::Recorded { reader } => reader.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Own { body } => body.size_hint(),
            Kind::Recorded { reader } => reader.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, marker::PhantomPinned};

    use http::HeaderMap;
    use http_body_util::BodyExt;
    use tokio_test::{assert_ready, task};

    use super::*;

    /// As little as a body can be: neither `Sync` nor `Unpin` nor `Default`, with an error of its own.
    struct Least {
        frames: Cell<u8>,
        _pinned: PhantomPinned,
    }

    impl Body for Least {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            let frames = self.frames.get();
            self.frames.set(frames + 1);
            Poll::Ready(match frames {
                0 => Some(Ok(Frame::data(Bytes::from_static(b"abc")))),
                1 => Some(Ok(Frame::trailers(HeaderMap::new()))),
                2 => Some(Err("broken")),
                _ => None,
            })
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(3)
        }
    }

    #[test]
    fn an_inner_body_passes_untouched_but_for_the_box_around_its_error() {
        let least = Least {
            frames: Cell::new(0),
            _pinned: PhantomPinned,
        };
        let mut body = Box::pin(ResponseBody::inner(least));
        assert_eq!(body.size_hint().exact(), Some(3));
        assert!(!body.is_end_stream());
        let mut next = || assert_ready!(task::spawn(body.frame()).poll());
        assert!(next().is_some_and(|frame| frame.is_ok_and(|frame| frame.is_data())));
        assert!(next().is_some_and(|frame| frame.is_ok_and(|frame| frame.is_trailers())));
        let error = next().and_then(Result::err).expect("the body is broken");
        assert_eq!(error.to_string(), "broken");
        assert!(next().is_none());
    }

    #[test]
    fn a_stored_body_is_not_copied() {
        let stored = Bytes::from(vec![7; 10]);
        let mut body = ResponseBody::<Least>::own(stored.slice(2..6));
        assert_eq!(body.size_hint().exact(), Some(4));
        let kind = match &mut body.kind {
            Kind::Own { body } => body,
            Kind::Inner { .. } | Kind::Recorded { .. } => unreachable!("it is our own"),
        };
        let frame = assert_ready!(task::spawn(kind.frame()).poll());
        let data = frame.and_then(Result::ok).map(Frame::into_data);
        let data = data.and_then(Result::ok).expect("there are data");
        assert_eq!((data.as_ptr(), data.len()), (stored[2..].as_ptr(), 4));
        assert!(body.is_end_stream());
    }

    #[test]
    fn a_body_is_small_and_may_be_shared_where_the_inner_one_may() {
        const fn is_send_and_sync<T: Send + Sync>() {}
        is_send_and_sync::<ResponseBody<Full<Bytes>>>();
        assert!(size_of::<ResponseBody<Full<Bytes>>>() <= 48);
    }
}
