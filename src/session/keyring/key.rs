//! One key.

use chacha20poly1305::{AeadInOut as _, KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

use crate::session::error::{Result, SessionError, SessionErrorKind};

/// What a key is called in front of what it has sealed: the first bytes of its SHA-256.
pub(super) type KeyId = [u8; 8];

const NONCE: usize = 24;
const TAG: usize = 16;

/// A key. It is overwritten when it is dropped, and is not moved while it lives (see the `Arc`s of the keyring).
pub(super) struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

impl Key {
    pub(super) fn new(key: [u8; 32]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = Sha256::digest(key).0;
        Self {
            id: [a, b, c, d, e, f, g, h],
            cipher: XChaCha20Poly1305::new(&key.into()),
        }
    }

    pub(super) const fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the name of the key, a nonce, the sealed text and its tag, one after the other.
    pub(super) fn seal(&self, plain: &[u8], associated: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| {
            SessionError::new(SessionErrorKind::Random, "no random numbers").with_source(error)
        })?;
        let front = self.id.len() + NONCE;
        let mut sealed = Vec::with_capacity(front + plain.len() + TAG);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let (_, text) = sealed.split_at_mut(front);
        let tag = self
            .cipher
            .encrypt_inout_detached(&XNonce::from(nonce), associated, text.into())
            .map_err(|_| {
                SessionError::new(SessionErrorKind::TooLarge, "too large to be encrypted")
            })?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made, after the name of the key.
    pub(super) fn open(&self, sealed: &[u8], associated: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let (text, tag) = sealed.split_last_chunk::<TAG>()?;
        let mut plain = text.to_vec();
        self.cipher
            .decrypt_inout_detached(
                &XNonce::from(*nonce),
                associated,
                plain.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()?;
        Some(plain)
    }
}
