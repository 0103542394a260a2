//! The name of a session.

mod invalid;
mod serde;

use std::{fmt, str, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

pub use self::invalid::InvalidSessionId;
use super::{
    SessionErrorKind,
    error::{Result, SessionError},
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
        let mut text = [0; Self::TEXT];
        URL_SAFE_NO_PAD
            .encode_slice(self.0, &mut text)
            .expect("16 bytes are 22 letters");
        text
    }

    /// Reads its text, in its only spelling.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; Self::TEXT] = text.try_into().ok()?;
        // Room for what 22 letters could be; their last four bits are none.
        let mut bytes = [0; 18];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let bytes = bytes.get(..length)?.try_into().ok()?;
        Some(Self(bytes))
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
