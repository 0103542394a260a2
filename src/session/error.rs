//! Why a session could not be used.

mod answer;

use std::{error, fmt, sync::Arc};

use http::StatusCode;

use crate::store;

/// The result of a call of a session.
pub(crate) type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Why a session could not be read, or what was queued could not be written.
///
/// It is an answer, too: [`to_response`](Self::to_response) for HTTP, with the feature `axum` by returning it from a handler;
/// with the feature `tonic` it becomes a `tonic::Status`. `Display`, `Debug` and the source are for logs. No key, value,
/// subject or token is part of them.
///
/// | [kind](Self::kind) | [HTTP](Self::status) | gRPC |
/// |---|---|---|
/// | [`Store`](SessionErrorKind::Store) | 503 | 14 `UNAVAILABLE` |
/// | [`Corrupt`](SessionErrorKind::Corrupt) | 500 | 13 `INTERNAL` |
/// | [`Conflict`](SessionErrorKind::Conflict) | 409 | 10 `ABORTED` |
/// | [`Gone`](SessionErrorKind::Gone) | 409 | 10 `ABORTED` |
/// | [`LimitReached`](SessionErrorKind::LimitReached) | 403 | 8 `RESOURCE_EXHAUSTED` |
/// | [`TooLarge`](SessionErrorKind::TooLarge) | 413 | 8 `RESOURCE_EXHAUSTED` |
/// | [`InvalidKey`](SessionErrorKind::InvalidKey), [`Value`](SessionErrorKind::Value) | 500 | 13 `INTERNAL` |
/// | [`Committed`](SessionErrorKind::Committed), [`MissingLayer`](SessionErrorKind::MissingLayer) | 500 | 13 `INTERNAL` |
/// | [`Random`](SessionErrorKind::Random) | 500 | 13 `INTERNAL` |
/// | [`Unauthenticated`](SessionErrorKind::Unauthenticated), [`Stale`](SessionErrorKind::Stale) | 401 | 16 `UNAUTHENTICATED` |
/// | [`CrossOrigin`](SessionErrorKind::CrossOrigin), [`CsrfToken`](SessionErrorKind::CsrfToken) | 403 | 7 `PERMISSION_DENIED` |
#[derive(Clone)]
pub struct SessionError {
    kind: SessionErrorKind,
    message: &'static str,
    source: Option<Arc<dyn error::Error + Send + Sync>>,
}

/// The kinds of [`SessionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The store could not be asked, or has not answered in time. It is not known whether there is a session, nor, where it
    /// was to be written, whether it was.
    Store,
    /// What is stored is not a session of a known format, or not under a known key. It is left as it is.
    Corrupt,
    /// Others have written the session at the same time, again and again, for half of the time limit. Nothing was written.
    Conflict,
    /// The session was ended, or got another token, while the request was under way. Nothing was written; the client's token is
    /// left alone, as it may be a newer one.
    Gone,
    /// The subject has as many sessions as it may have. Nothing was written.
    LimitReached,
    /// The session would be larger than it may be, or have more keys. Nothing was written.
    TooLarge,
    /// A key that is none, see [`Session::set`](super::Session::set).
    InvalidKey,
    /// A value is not what was expected under this key, or cannot be written as JSON.
    Value,
    /// The response has left, or is about to: nothing more is written.
    Committed,
    /// There is no session layer around the service.
    MissingLayer,
    /// Nobody is [authenticated](super::Session::authenticate).
    Unauthenticated,
    /// The subject was authenticated too long ago, see [`Session::require_fresh`](super::Session::require_fresh).
    Stale,
    /// The request comes from another origin.
    CrossOrigin,
    /// The CSRF token is missing or not that of the session.
    CsrfToken,
    /// The operating system has no random bytes.
    Random,
}

impl SessionError {
    /// Creates an error. `message` says what happened here in lower case, beyond what the kind says.
    pub(super) const fn new(kind: SessionErrorKind, message: &'static str) -> Self {
        Self {
            kind,
            message,
            source: None,
        }
    }

    /// Creates an error that says what to do about its kind.
    pub(super) const fn of(kind: SessionErrorKind) -> Self {
        Self::new(kind, kind.advice())
    }

    pub(super) fn with_source(mut self, source: impl error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Returns the kind.
    #[must_use]
    pub const fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// Returns the status of a response that tells a client: the table is in the docs of the [type](Self).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.kind.status()
    }
}

impl SessionErrorKind {
    const fn status(self) -> StatusCode {
        match self {
            Self::Store => StatusCode::SERVICE_UNAVAILABLE,
            Self::Conflict | Self::Gone => StatusCode::CONFLICT,
            // Not 429: waiting is of no use, ending another session is.
            Self::LimitReached | Self::CrossOrigin | Self::CsrfToken => StatusCode::FORBIDDEN,
            // What a client has sent makes a session too large, rarely what the service keeps there of its own.
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthenticated | Self::Stale => StatusCode::UNAUTHORIZED,
            Self::Corrupt
            | Self::InvalidKey
            | Self::Value
            | Self::Committed
            | Self::MissingLayer
            | Self::Random => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Store => "session store failed",
            Self::Corrupt => "session is corrupt",
            Self::Conflict => "session conflict",
            Self::Gone => "session gone",
            Self::LimitReached => "session limit reached",
            Self::TooLarge => "session too large",
            Self::InvalidKey => "invalid session key",
            Self::Value => "unexpected session value",
            Self::Committed => "session already written",
            Self::MissingLayer => "no session layer around this service",
            Self::Unauthenticated => "not authenticated",
            Self::Stale => "authenticated too long ago",
            Self::CrossOrigin => "request of another origin",
            Self::CsrfToken => "no valid CSRF token",
            Self::Random => "no random bytes",
        }
    }

    /// What happened in most cases, and what to do then.
    const fn advice(self) -> &'static str {
        match self {
            Self::Store => "it is not known whether there is a session: try again later",
            Self::Corrupt => {
                "another version or another key has written it: keep the old keys in the keyring, or destroy the session"
            }
            Self::Conflict => {
                "others write it all the time: write less in parallel, or raise the time limit"
            }
            Self::Gone => {
                "it has ended, or got another token, since it was read: nothing was written"
            }
            Self::LimitReached => {
                "the subject has as many as it may have: end one, or let the limit evict the oldest"
            }
            Self::TooLarge => "keep less in it, or raise the limits of the layer",
            Self::InvalidKey => "keys are short and not empty",
            Self::Value => {
                "what is stored under the key has another type, or the value cannot be written as JSON"
            }
            Self::Committed => {
                "the response has left: write before it is returned, or detach the session"
            }
            Self::MissingLayer => {
                "add `SessionLayer`, with the marker type of this `Session`, outside of the service that uses it"
            }
            Self::Unauthenticated => "the client has to log in first",
            Self::Stale => "the client has to log in again",
            Self::CrossOrigin => "trust its origin at the layer if it is one of yours",
            Self::CsrfToken => "send the token that this session has made since its last rotation",
            Self::Random => "the operating system refuses them",
        }
    }
}

impl From<store::Error> for SessionError {
    fn from(error: store::Error) -> Self {
        Self::of(SessionErrorKind::Store).with_source(error)
    }
}

impl fmt::Display for SessionErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SessionError");
        debug
            .field("kind", &self.kind)
            .field("message", &self.message);
        if let Some(source) = &self.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl error::Error for SessionError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests;
