//! How a store breaks a promise.

use std::{error, fmt};

use crate::store::Error;

/// A promise that a store does not keep, and how it showed.
#[derive(Debug)]
pub struct Violation {
    promise: &'static str,
    detail: String,
    source: Option<Error>,
}

impl Violation {
    pub(super) const fn new(promise: &'static str, detail: String) -> Self {
        Self {
            promise,
            detail,
            source: None,
        }
    }

    pub(super) fn with_source(mut self, source: Error) -> Self {
        self.source = Some(source);
        self
    }

    /// Returns the name of the promise.
    #[must_use]
    pub const fn promise(&self) -> &'static str {
        self.promise
    }

    /// Returns what was seen instead.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.detail)
    }
}

impl error::Error for Violation {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
