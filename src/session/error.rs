//! Why a session could not be used.

use std::{error, fmt, sync::Arc};

use crate::store;

/// The result of a call of a session.
pub(crate) type Result<T, E = SessionError> = std::result::Result<T, E>;

/// Why a session could not be read, or what was queued could not be written.
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
    /// The store could not be asked, or has not answered in time. It is not known whether there is a session.
    Store,
    /// What is stored is not a session of a known format, or not under a known key.
    Corrupt,
    /// Others have written the session at the same time, again and again, until the time limit.
    Conflict,
    /// The subject has as many sessions as it may have.
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
    pub(super) const fn new(kind: SessionErrorKind, message: &'static str) -> Self {
        Self {
            kind,
            message,
            source: None,
        }
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
}

impl From<store::Error> for SessionError {
    fn from(error: store::Error) -> Self {
        Self::new(SessionErrorKind::Store, "the store could not be asked").with_source(error)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
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
