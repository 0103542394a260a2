//! What a session can say by itself that is wrong.

use std::error::Error as _;

use super::{SessionError, SessionErrorKind};
use crate::store::{self, ErrorKind};

impl SessionError {
    pub(super) const fn missing_layer() -> Self {
        Self::new(
            SessionErrorKind::MissingLayer,
            "no session in the request: put a `SessionLayer` (with this marker) around the service",
        )
    }

    pub(super) const fn unauthenticated() -> Self {
        Self::new(SessionErrorKind::Unauthenticated, "nobody is authenticated")
    }

    pub(super) const fn stale() -> Self {
        Self::new(
            SessionErrorKind::Stale,
            "the subject was authenticated too long ago",
        )
    }

    pub(super) const fn csrf() -> Self {
        Self::new(
            SessionErrorKind::CsrfToken,
            "the CSRF token is missing, or not that of the session",
        )
    }

    pub(super) const fn committed() -> Self {
        Self::new(
            SessionErrorKind::Committed,
            "the response has left: nothing more is written",
        )
    }

    pub(super) const fn cross_origin() -> Self {
        Self::new(
            SessionErrorKind::CrossOrigin,
            "a request from another origin: `SessionLayer::trusted_origins` lets it use sessions",
        )
    }

    pub(super) const fn abandoned() -> Self {
        Self::new(
            SessionErrorKind::Store,
            "a commit was given up half way: its outcome is unknown",
        )
    }

    /// Returns whether the time was up.
    pub(super) fn is_late(&self) -> bool {
        let source = self.source().and_then(|source| source.downcast_ref());
        source.is_some_and(|error: &store::Error| error.kind() == ErrorKind::Timeout)
    }
}
