//! What the client holds: two slot bytes and 256 bits from the operating system.
//!
//! Its text is base64url without padding (RFC 4648, section 5) in one spelling: whatever else a client sends is no token,
//! and never reaches the store.

use std::{array, fmt, ops::Deref, str};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::error::{Result, SessionError, SessionErrorKind};
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

    /// Reads what [`text`](Self::text) wrote, and nothing else. Every request with a token pays for it, and the general
    /// decoder takes twice as long.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; Self::TEXT] = text.try_into().ok()?;
        // Two more letters, which are zero bits, make whole groups of four.
        let mut letters = [b'A'; Self::TEXT + 2];
        letters[..Self::TEXT].copy_from_slice(text);
        let mut bytes = [0; Self::BYTES + 2];
        let mut all = 0;
        let (groups, _) = letters.as_chunks::<4>();
        let (places, _) = bytes.as_chunks_mut::<3>();
        for (group, place) in groups.iter().zip(places) {
            let [a, b, c, d] = group.map(|letter| VALUES[usize::from(letter)]);
            all |= a | b | c | d;
            *place = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
        }
        let (token, rest) = bytes.split_first_chunk()?;
        // What no byte has of the last letter is zero.
        (all < NONE && rest == [0, 0]).then_some(Self(*token))
    }

    pub(super) fn text(&self) -> TokenText {
        let mut text = [0; Self::TEXT];
        URL_SAFE_NO_PAD
            .encode_slice(self.0, &mut text)
            .expect("34 bytes are 46 letters");
        TokenText(text)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Returns what is stored of it: the slot bytes and the first 30 bytes of the SHA-256 of the token.
    pub(super) fn identifier(&self) -> Identifier {
        let (slot, _) = self.0.split_at(Self::SLOT);
        let digest = Sha256::digest(self.0);
        let mut stored = slot.iter().chain(&digest).copied();
        Identifier::digest(array::from_fn(|_| stored.next().unwrap_or_default()))
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

/// More than any letter has.
const NONE: u8 = 64;

/// What letters stand for.
const VALUES: [u8; 256] = {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < NONE {
        values[LETTERS[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        SessionError::new(SessionErrorKind::Random, "no random numbers").with_source(error)
    })
}

#[cfg(test)]
mod tests;
