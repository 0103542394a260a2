//! What the client holds: two slot bytes and 256 bits from the operating system.
//!
//! Its text is base64url without padding (RFC 4648, section 5) in one spelling: whatever else a client sends is no token,
//! and never reaches the store.

use std::{fmt, ops::Deref, str};

use sha2::{Digest as _, Sha256};

use super::{
    error::{Result, SessionError, SessionErrorKind},
    letters,
};
use crate::store::Identifier;

/// A token. It is never stored, logged or shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token([u8; 34]);

/// The text of a token, which is as secret.
#[derive(Clone, Copy)]
pub(super) struct TokenText([u8; Token::TEXT]);

impl Token {
    pub(super) const BYTES: usize = Self::SLOT + 32;
    /// The length of its text.
    pub(super) const TEXT: usize = 46;
    /// Kept by rotation, so that the old record and the new one can lie in one slot of a Redis Cluster.
    const SLOT: usize = 2;

    pub(super) fn generate() -> Result<Self> {
        let mut bytes = [0; Self::BYTES];
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Returns a new token with the same slot bytes.
    pub(super) fn rotated(&self) -> Result<Self> {
        let mut rotated = self.clone();
        let (_, secret) = rotated.0.split_at_mut(Self::SLOT);
        fill(secret)?;
        Ok(rotated)
    }

    /// Reads what [`text`](Self::text) wrote, and nothing else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; Self::TEXT] = text.try_into().ok()?;
        // Two more letters, which are zero bits, make whole groups of four.
        let mut padded = [b'A'; Self::TEXT + 2];
        padded[..Self::TEXT].copy_from_slice(text);
        let mut bytes = [0; Self::BYTES + 2];
        let are_letters = letters::decode(padded.as_chunks().0, bytes.as_chunks_mut().0);
        let (token, rest) = bytes.split_first_chunk()?;
        // What no byte has of the last letter is zero.
        (are_letters && *rest == [0, 0]).then_some(Self(*token))
    }

    pub(super) fn text(&self) -> TokenText {
        let mut bytes = [0; Self::BYTES + 2];
        bytes[..Self::BYTES].copy_from_slice(&self.0);
        let mut padded = [0; Self::TEXT + 2];
        letters::encode(bytes.as_chunks().0, padded.as_chunks_mut().0);
        let [text @ .., _, _] = padded;
        TokenText(text)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Returns what is stored of it: the slot bytes and the first 30 bytes of the SHA-256 of the token.
    pub(super) fn identifier(&self) -> Identifier {
        let (slot, _) = self.0.split_at(Self::SLOT);
        let digest = Sha256::digest(self.0);
        let mut stored = [0; 32];
        let (start, rest) = stored.split_at_mut(Self::SLOT);
        start.copy_from_slice(slot);
        rest.copy_from_slice(&digest[..30]);
        Identifier::digest(stored)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

impl Deref for TokenText {
    type Target = str;

    fn deref(&self) -> &str {
        str::from_utf8(&self.0).expect("base64url is ASCII")
    }
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        SessionError::new(SessionErrorKind::Random, "no random numbers").with_source(error)
    })
}

#[cfg(test)]
mod tests;
