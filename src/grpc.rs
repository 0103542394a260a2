//! What is common to all that answers [gRPC](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) calls.

use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

pub(crate) const STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Returns the content type of a head that is one of gRPC or gRPC-Web: `application/grpc`, alone or followed by `+…`, `;…`,
/// `-web…` and `-web-text…`.
#[inline]
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&HeaderValue> {
    const COMMON: &[u8] = b"application/grpc";
    let value = headers.get(CONTENT_TYPE)?;
    let (start, rest) = value.as_bytes().split_at_checked(COMMON.len())?;
    if !start.eq_ignore_ascii_case(COMMON) {
        return None;
    }
    let rest = [&b"-web-text"[..], b"-web"]
        .into_iter()
        .find_map(|web| {
            let (start, rest) = rest.split_at_checked(web.len())?;
            start.eq_ignore_ascii_case(web).then_some(rest)
        })
        .unwrap_or(rest);
    matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t')).then_some(value)
}

/// Returns the content type of an answer: that of `like` where it is one of gRPC.
pub(crate) fn answer_type(like: &HeaderMap) -> HeaderValue {
    const PLAIN: HeaderValue = HeaderValue::from_static("application/grpc");
    // No client needs more to know its own; what it sends beyond that is not sent back.
    const LONGEST: usize = 64;

    content_type(like)
        .filter(|value| value.len() <= LONGEST)
        .cloned()
        .unwrap_or(PLAIN)
}
