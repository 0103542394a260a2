//! What a client is told of an error: generic words ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)), nothing of the store
//! and nothing of what is stored.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};

use super::{SessionError, SessionErrorKind};
use crate::grpc;

impl SessionError {
    /// Returns a response that tells a client: a problem document
    /// ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) that no cache keeps, with the [`status`](Self::status).
    ///
    /// - 503, and the 409 of a conflict, have a `Retry-After` of one second. After a 503, what was to be written may have been.
    /// - 401 has a challenge, as [RFC 9110 section 15.5.2](https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2) demands:
    ///   `Session`, for which no browser prompts, and for [`Stale`](SessionErrorKind::Stale) with the error
    ///   `insufficient_user_authentication` of [RFC 9470](https://www.rfc-editor.org/rfc/rfc9470).
    ///
    /// The body is the same whatever the store or the service did wrong. For logs, the error itself is in the extensions
    /// of the response.
    #[must_use]
    pub fn to_response(&self) -> Response<Bytes> {
        const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
        const SOON: HeaderValue = HeaderValue::from_static("1");
        const NOBODY: HeaderValue = HeaderValue::from_static("Session");
        const AGAIN: HeaderValue =
            HeaderValue::from_static(r#"Session error="insufficient_user_authentication""#);

        let mut response = self.answer(self.kind.document());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM);
        match self.kind {
            SessionErrorKind::Store | SessionErrorKind::Conflict => {
                headers.insert(RETRY_AFTER, SOON);
            }
            SessionErrorKind::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, NOBODY);
            }
            SessionErrorKind::Stale => {
                headers.insert(WWW_AUTHENTICATE, AGAIN);
            }
            _ => {}
        }
        response
    }

    /// Returns the response to a gRPC call: a status in the headers, and no body ("Trailers-Only"). `like` is the head of
    /// the request, or of the response in whose place this comes: its content type is kept, that of gRPC-Web too.
    pub(in crate::session) fn to_grpc_response(&self, like: &HeaderMap) -> Response<Bytes> {
        let mut response = self.answer(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, grpc::answer_type(like));
        headers.insert(grpc::STATUS, self.kind.grpc_code().into());
        // Percent-encoding would change nothing of it: all of them are printable ASCII without a percent sign.
        let detail = HeaderValue::from_static(self.kind.detail());
        headers.insert(grpc::MESSAGE, detail);
        response
    }

    fn answer(&self, body: Bytes) -> Response<Bytes> {
        const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

        let mut response = Response::new(body);
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl SessionErrorKind {
    /// Returns the number of the code of `google.rpc.Code`.
    pub(in crate::session) const fn grpc_code(self) -> u16 {
        match self {
            Self::CrossOrigin | Self::CsrfToken => 7, // PERMISSION_DENIED
            Self::LimitReached | Self::TooLarge => 8, // RESOURCE_EXHAUSTED
            Self::Conflict | Self::Gone => 10,        // ABORTED
            Self::Store => 14,                        // UNAVAILABLE
            Self::Unauthenticated | Self::Stale => 16, // UNAUTHENTICATED
            Self::Corrupt
            | Self::InvalidKey
            | Self::Value
            | Self::Committed
            | Self::MissingLayer
            | Self::Random => 13, // INTERNAL
        }
    }

    /// Returns what a client should know: printable ASCII that needs no escapes in JSON, nor in a `grpc-message`.
    pub(in crate::session) const fn detail(self) -> &'static str {
        match self {
            Self::Store => "The session cannot be read or written now: try again later.",
            Self::Conflict => "Others were changing the session at the same time: try again.",
            Self::Gone => "The session has ended meanwhile.",
            Self::LimitReached => "There are too many sessions: end another one first.",
            Self::TooLarge => "The session would become too large.",
            Self::Unauthenticated => "This needs a login.",
            Self::Stale => "The last login was too long ago: log in again.",
            Self::CrossOrigin => "The request comes from another origin.",
            Self::CsrfToken => {
                "The CSRF token is missing, or not valid any more: load the page again."
            }
            Self::Corrupt
            | Self::InvalidKey
            | Self::Value
            | Self::Committed
            | Self::MissingLayer
            | Self::Random => "The session could not be used.",
        }
    }

    /// The type says no more than the status, whose words are the title (RFC 9457 section 4.2.1).
    fn document(self) -> Bytes {
        let status = self.status();
        let title = status.canonical_reason().unwrap_or_default();
        let (status, detail) = (status.as_u16(), self.detail());
        format!(
            r#"{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail}"}}"#
        )
        .into()
    }
}
