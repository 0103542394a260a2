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
