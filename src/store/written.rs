//! What became of a batch.

use super::{Entry, Version};

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a batch can be refused without an error"]
pub enum Written {
    /// Everything was written.
    Done(Vec<Option<Version>>),
    /// Nothing was written.
    Refused {
        /// The place in the batch of the first write whose condition failed.
        at: usize,
        /// Why it failed.
        why: Refusal,
    },
}

/// Why the condition of a write failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no entry (any more), where one was demanded.
    Gone,
    /// There is an entry, where none was demanded.
    Exists,
    /// The entry has another version: this one.
    Conflict(Entry),
    /// The index has as many members as it may have.
    IndexFull,
}

impl Written {
    /// Returns whether the batch was written.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// Returns the new version of the entry at a place of the batch; `None` for a delete or a refused batch.
    #[must_use]
    pub fn version(&self, at: usize) -> Option<&Version> {
        match self {
            Self::Done(versions) => versions.get(at)?.as_ref(),
            Self::Refused { .. } => None,
        }
    }
}
