//! Failures that are told apart by more than their kind.

use std::error::Error as _;

use super::{SessionError, SessionErrorKind};
use crate::store::{self, ErrorKind};

impl SessionError {
    /// A commit was dropped before it had an answer.
    pub(super) const fn abandoned() -> Self {
        let why = "a commit was given up half way: its outcome is unknown";
        Self::new(SessionErrorKind::Store, why)
    }

    /// Returns whether the time was up.
    pub(super) fn is_late(&self) -> bool {
        let source = self.source().and_then(|source| source.downcast_ref());
        source.is_some_and(|error: &store::Error| error.kind() == ErrorKind::Timeout)
    }
}
