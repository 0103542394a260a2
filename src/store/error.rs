//! The one error of the crate: what kind of failure, and its source.

use std::{error, fmt};

/// The result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a store call failed.
///
/// Unless the kind is [`Invalid`](ErrorKind::Invalid), [`TooLarge`](ErrorKind::TooLarge) or
/// [`Unsupported`](ErrorKind::Unsupported), **the outcome of a write is unknown**: it may have happened, so it is
/// never retried silently (contract, promise 5). No key, value or token is ever part of an error.
pub struct Error {
    kind: ErrorKind,
    message: &'static str,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// The kinds of failure a store reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store cannot be reached, or broke off.
    Unavailable,
    /// The store did not answer within the time limit.
    Timeout,
    /// The store refused the credentials, or they lack the permission.
    Unauthorized,
    /// A budget is used up: memory, requests, or commands of a plan.
    QuotaExceeded,
    /// A value, batch or call is larger than the store takes. Nothing was written.
    TooLarge,
    /// What is stored under the key is not what the call expects, or not of a known format.
    Corrupt,
    /// The store cannot do this. Nothing was written.
    Unsupported,
    /// The call breaks the contract, as its documentation says. Nothing was written; it fails whenever it is made.
    Invalid,
}

impl Error {
    /// Creates an error. `message` says what happened in lower case, and names no key, value or token.
    #[must_use]
    pub const fn new(kind: ErrorKind, message: &'static str) -> Self {
        Self {
            kind,
            message,
            source: None,
        }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the kind of failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) const fn invalid(message: &'static str) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }
}

impl ErrorKind {
    /// Every kind, in the order of their declaration.
    pub(crate) const ALL: [Self; 8] = [
        Self::Unavailable,
        Self::Timeout,
        Self::Unauthorized,
        Self::QuotaExceeded,
        Self::TooLarge,
        Self::Corrupt,
        Self::Unsupported,
        Self::Invalid,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "store unavailable",
            Self::Timeout => "store timed out",
            Self::Unauthorized => "store refused the credentials",
            Self::QuotaExceeded => "store quota exceeded",
            Self::TooLarge => "too large for the store",
            Self::Corrupt => "stored value is corrupt",
            Self::Unsupported => "not supported by the store",
            Self::Invalid => "invalid store call",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug
            .field("kind", &self.kind)
            .field("message", &self.message);
        if let Some(source) = &self.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
