//! The answers to requests that do not pass.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};

/// 429 (RFC 6585 section 4). `Retry-After` is in whole seconds, rounded up; there is none where waiting is of no use.
pub(super) fn too_many_requests(retry_after: Option<Duration>) -> Response<Bytes> {
    let mut response = plain(StatusCode::TOO_MANY_REQUESTS, "too many requests\n".into());
    if let Some(wait) = retry_after {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

pub(super) fn unavailable() -> Response<Bytes> {
    let mut response = plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "rate limit unavailable\n".into(),
    );
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

pub(super) fn missing(limit: &str) -> Response<Bytes> {
    let text = format!("nothing in the request tells whose limit `{limit}` it is\n");
    plain(StatusCode::BAD_REQUEST, text.into())
}

fn plain(status: StatusCode, text: Bytes) -> Response<Bytes> {
    let mut response = Response::new(text);
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_and_at_least_one_second() {
        let ten_years = 10 * 365 * 24 * 60 * 60;
        for (micros, expected) in [
            (1, "1"),
            (1_000, "1"),
            (1_000_000, "1"),
            (1_000_001, "2"),
            (ten_years * 1_000_000, "315360000"),
        ] {
            let response = too_many_requests(Some(Duration::from_micros(micros)));
            assert_eq!(
                response
                    .headers()
                    .get(RETRY_AFTER)
                    .map(HeaderValue::as_bytes),
                Some(expected.as_bytes())
            );
        }
        assert!(!too_many_requests(None).headers().contains_key(RETRY_AFTER));
    }
}
