//! A failure that several callers share.

use std::{error, fmt, sync::Arc};

use crate::store::{Error, ErrorKind};

/// What an [`Error`] is made of, for each caller of a request that failed.
#[derive(Clone)]
pub(super) struct Failure {
    pub(super) kind: ErrorKind,
    message: &'static str,
    cause: Option<Arc<dyn error::Error + Send + Sync>>,
}

impl Failure {
    pub(super) const fn new(kind: ErrorKind, message: &'static str) -> Self {
        Self {
            kind,
            message,
            cause: None,
        }
    }

    pub(super) const fn unavailable(message: &'static str) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    pub(super) fn because(mut self, cause: impl error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.kind, failure.message);
        match failure.cause {
            Some(cause) => error.with_source(Cause(cause)),
            None => error,
        }
    }
}

/// The cause, as each of the callers has it.
struct Cause(Arc<dyn error::Error + Send + Sync>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for Cause {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source()
    }
}
