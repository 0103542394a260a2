//! The fields of responses that have to do with a session.

use std::time::Duration;

use http::HeaderMap;

use super::transport::Transport;

/// What a response tells its client.
pub(super) enum Tell<'a> {
    /// A new token, for the `Max-Age` of its cookie.
    Token(&'a str, Option<Duration>),
    /// That there is none any more.
    Removal,
}

/// Sets the fields of a transport, and that no cache keeps the response.
pub(super) fn tell(headers: &mut HeaderMap, transport: &Transport, tell: &Tell<'_>) {
    let _ = (headers, transport, tell);
    unimplemented!()
}

/// Says that the response depends on what carries tokens in requests.
pub(super) fn vary(headers: &mut HeaderMap, transports: &[Transport]) {
    let _ = (headers, transports);
    unimplemented!()
}
