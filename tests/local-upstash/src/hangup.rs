//! Answers that end too early, and those that do not come at all.

use std::{convert::Infallible, error::Error, fmt, io};

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};

pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How a connection ends without a response.
#[derive(Debug)]
pub(crate) enum Hangup {
    Close,
    Reset,
    /// After these bytes.
    Write(Bytes),
}

impl fmt::Display for Hangup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hung up by a fault")
    }
}

impl Error for Hangup {}

pub(crate) fn full(body: Bytes) -> Body {
    Full::new(body)
        .map_err(|e: Infallible| match e {})
        .boxed_unsync()
}

async fn collect(body: Body) -> Bytes {
    body.collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default()
}

/// The head, with the true length, and half of the body.
pub(crate) async fn truncated(response: Response<Body>) -> Hangup {
    let (parts, body) = response.into_parts();
    let body = collect(body).await;
    let mut bytes = format!(
        "HTTP/1.1 {}\r\ncontent-length: {}\r\n",
        parts.status,
        body.len()
    )
    .into_bytes();
    for (name, value) in &parts.headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(&body[..body.len() / 2]);
    Hangup::Write(bytes.into())
}

pub(crate) async fn cut(response: Response<Body>) -> Response<Body> {
    let (parts, body) = response.into_parts();
    let body = collect(body).await;
    let half = body.len() / 2;
    Response::from_parts(parts, full(body.slice(..half)))
}
