//! What an index answers: a page of its members.

use super::Identifier;

/// Where the next page of [`members`](super::Store::members) begins. The default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor(u64);

impl Cursor {
    /// The beginning.
    pub const START: Self = Self(0);

    /// Creates a cursor from what [`as_u64`](Self::as_u64) returned. For authors of stores.
    #[must_use]
    pub const fn from_u64(cursor: u64) -> Self {
        Self(cursor)
    }

    /// Returns the cursor as a number, whose meaning is the store's.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A page of members.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Members {
    /// The identifiers of the entries; their scope is known to whoever put them in. They may be gone already.
    pub identifiers: Vec<Identifier>,
    /// Where the next page begins. `None` on the last one.
    pub next: Option<Cursor>,
}

impl Members {
    /// Creates a page. For authors of stores.
    #[must_use]
    pub const fn new(identifiers: Vec<Identifier>, next: Option<Cursor>) -> Self {
        Self { identifiers, next }
    }
}
