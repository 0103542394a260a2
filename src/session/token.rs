//! What the client holds: two slot bytes and 256 bits from the operating system.

use super::error::Result;
use crate::store::Identifier;

/// A token. It is never stored, logged or shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Token([u8; Token::BYTES]);

impl Token {
    pub(super) const BYTES: usize = 34;
    /// The length of its text.
    pub(super) const TEXT: usize = 46;

    pub(super) fn generate() -> Result<Self> {
        unimplemented!()
    }

    /// Returns a new token with the same slot bytes.
    pub(super) fn rotated(&self) -> Result<Self> {
        unimplemented!()
    }

    /// Reads what [`text`](Self::text) wrote, and nothing else.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let _ = text;
        unimplemented!()
    }

    pub(super) fn text(&self) -> String {
        unimplemented!()
    }

    pub(super) const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Returns what is stored of it: the slot bytes and the first 30 bytes of the SHA-256 of the token.
    pub(super) fn identifier(&self) -> Identifier {
        unimplemented!()
    }
}
