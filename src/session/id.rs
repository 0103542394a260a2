//! The name of a session.

mod invalid;
mod serde;

use std::{fmt, str, str::FromStr};

pub use self::invalid::InvalidSessionId;
use super::{
    SessionErrorKind,
    error::{Result, SessionError},
    letters,
};

/// The name of a session in lists of devices, and on buttons that end it.
///
/// It is drawn at random, outlives new tokens, says nothing, and lets nobody in: whoever knows it can do no more than whoever
/// does not. As text it is 22 letters of base64url, for `Display` and `FromStr` as well as for serde, so that it can be a field
/// of a form or a part of a path.
///
/// # Examples
///
/// ```
/// use tower_upstash::session::SessionId;
///
/// let id: SessionId = "3q2-7wABAgMEBQYHCAkKCw".parse()?;
/// assert_eq!(id.to_string(), "3q2-7wABAgMEBQYHCAkKCw");
/// # Ok::<(), tower_upstash::session::InvalidSessionId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    const BYTES: usize = 16;
    /// The length of its text.
    pub(super) const TEXT: usize = 22;

    /// # Errors
    /// `Random`: the operating system has no random bytes.
    pub(super) fn generate() -> Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            SessionError::new(
                SessionErrorKind::Random,
                "the operating system has no random bytes",
            )
            .with_source(error)
        })?;
        Ok(Self(random))
    }

    #[cfg(test)]
    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    #[cfg(test)]
    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Returns its text, without an allocation.
    pub(super) fn text(&self) -> [u8; Self::TEXT] {
        let mut bytes = [0; Self::BYTES + 2];
        bytes[..Self::BYTES].copy_from_slice(&self.0);
        let mut padded = [0; Self::TEXT + 2];
        letters::encode(bytes.as_chunks().0, padded.as_chunks_mut().0);
        let [text @ .., _, _] = padded;
        text
    }

    /// Reads its text, in its only spelling.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; Self::TEXT] = text.try_into().ok()?;
        // Two more letters, which are zero bits, make whole groups of four.
        let mut padded = [b'A'; Self::TEXT + 2];
        padded[..Self::TEXT].copy_from_slice(text);
        let mut bytes = [0; Self::BYTES + 2];
        let are_letters = letters::decode(padded.as_chunks().0, bytes.as_chunks_mut().0);
        let (id, rest) = bytes.split_first_chunk()?;
        (are_letters && *rest == [0, 0]).then_some(Self(*id))
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    /// Reads what `Display` wrote, and no other spelling of it.
    fn from_str(text: &str) -> Result<Self, InvalidSessionId> {
        Self::parse(text.as_bytes()).ok_or(InvalidSessionId(()))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(str::from_utf8(&self.text()).expect("base64url is ASCII"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

#[cfg(test)]
mod tests;
