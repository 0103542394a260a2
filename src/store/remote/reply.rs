//! Replies: what a server answers to a command.

use std::fmt;

use bytes::Bytes;

use super::Refusal;
use crate::store::{Error, ErrorKind, Result};

/// The answer to a command.
///
/// `Debug` shows its shape only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Nil,
    Integer(i64),
    Text(Bytes),
    Array(Vec<Self>),
    /// The server ran nothing, or not all of it.
    Refused(Refusal),
}

impl Reply {
    /// Returns the reply if the server did what it was told to.
    pub(crate) fn ok(self) -> Result<Self> {
        match self {
            Self::Refused(refusal) => Err(refusal.into()),
            reply => Ok(reply),
        }
    }

    pub(crate) fn integer(self) -> Result<i64> {
        // What does not fit a double is answered as text.
        self.ok()?.number().ok_or_else(unexpected)
    }

    /// Returns the number, if it is one.
    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// Returns the count at a place of an array; zero for anything else.
    pub(super) fn count_at(&self, place: usize) -> u64 {
        match self {
            Self::Array(items) => items.get(place).and_then(Self::number),
            _ => None,
        }
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(0)
    }

    /// Returns the text, or `None` for nil.
    pub(crate) fn text(self) -> Result<Option<Bytes>> {
        match self.ok()? {
            Self::Text(text) => Ok(Some(text)),
            Self::Nil => Ok(None),
            _ => Err(unexpected()),
        }
    }

    pub(crate) fn array(self) -> Result<Vec<Self>> {
        match self.ok()? {
            Self::Array(items) => Ok(items),
            _ => Err(unexpected()),
        }
    }
}

/// A reply of another shape than the command has.
pub(crate) fn unexpected() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "the server answered in a shape that this command does not have",
    )
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("Nil"),
            Self::Integer(_) => f.write_str("Integer"),
            Self::Text(text) => f.debug_tuple("Text").field(&text.len()).finish(),
            Self::Array(items) => f.debug_list().entries(items).finish(),
            Self::Refused(refusal) => refusal.fmt(f),
        }
    }
}
