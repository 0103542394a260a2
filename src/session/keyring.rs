//! The keys that data are sealed with at rest.
//!
//! XChaCha20-Poly1305 (RFC 8439, with nonces of 24 bytes), so that nonces can be drawn at random for as long as a key lives.
//! Sealed data name their key: none is ever opened by trial, and what its key does not open stays shut.

mod invalid;
mod key;

use std::{fmt, str::FromStr, sync::Arc};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use smallvec::SmallVec;

pub use self::invalid::InvalidKeyring;
use self::key::{Key, KeyId};
use super::error::Result;

/// The keys that the data of sessions are sealed with at rest, for
/// [`SessionLayer::encrypt`](super::SessionLayer::encrypt) (feature `session-encryption`).
///
/// One key seals; others may still open what was sealed before. Sealed data are bound to their session: they open nowhere
/// else, and not after any change. What does not open is an error to the handler that asks, never an empty session.
///
/// # Examples
///
/// From the environment, where `openssl rand -base64 32` has made the text:
///
/// ```
/// use tower_upstash::session::Keyring;
///
/// # let text = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
/// let keyring = Keyring::from_base64(text)?; // `text` is env::var("SESSION_KEYS")?
/// # Ok::<(), tower_upstash::session::InvalidKeyring>(())
/// ```
///
/// A new key is introduced in two steps, so that no server meets data that it cannot open: first every server learns to open
/// it (`old,new`), then it seals (`new,old`). The old key can go once sessions have reached the end of their lifetime.
///
/// # Security
///
/// Who reads or writes the store learns how many bytes a session has and which key sealed it, and can delete sessions or put
/// an earlier state of one back, but cannot read or make any. Keys are overwritten when the last clone of a keyring is dropped;
/// the text or array that they came from is the caller's.
#[derive(Clone)]
pub struct Keyring {
    seals: Arc<Key>,
    opens: Vec<Arc<Key>>,
    also_opens_plain: bool,
}

impl Keyring {
    /// Returns a keyring of one key, which seals and opens: 32 random bytes, and not a password.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            seals: Arc::new(Key::new(key)),
            opens: Vec::new(),
            also_opens_plain: false,
        }
    }

    /// Reads keys in base64, each of 32 bytes, separated by commas: the first one seals, the others only open.
    ///
    /// Both alphabets are understood, with and without padding, and white space around a key is left out.
    ///
    /// # Errors
    /// There is no key, or one that is not base64 or does not have 32 bytes. The error does not quote any of the text.
    pub fn from_base64(text: &str) -> Result<Self, InvalidKeyring> {
        let mut keys = (1..).zip(text.split(',')).map(|(n, key)| read(n, key));
        let first = keys.next().unwrap_or(Err(InvalidKeyring::empty(1)))?;
        keys.try_fold(
            Self::new(first),
            |keyring, key| Ok(keyring.also_opens(key?)),
        )
    }

    /// Adds a key that opens, but never seals: one that was in use, or that will be.
    #[must_use]
    pub fn also_opens(mut self, key: [u8; 32]) -> Self {
        self.opens.push(Arc::new(Key::new(key)));
        self
    }

    /// Also opens sessions that were written before there was a keyring. By default they are refused.
    ///
    /// They are sealed with their next write. Take this out again once the longest lifetime of a session has passed.
    ///
    /// # Security
    /// As long as this is set, who can write to the store can make a session for anybody, since what is not sealed is not
    /// authentic either.
    #[must_use]
    pub const fn also_opens_plain(mut self) -> Self {
        self.also_opens_plain = true;
        self
    }

    /// Returns whether data that are not sealed are accepted, too.
    pub(super) const fn accepts_plain(&self) -> bool {
        self.also_opens_plain
    }

    /// Seals `plain`; what it is bound to must be the same where it is opened.
    ///
    /// # Errors
    /// `Random`: there are no random numbers. `TooLarge`: it has more than 256 GiB.
    pub(super) fn seal(&self, plain: &[u8], bound_to: &[&[u8]]) -> Result<Vec<u8>> {
        self.seals.seal(plain, &associated(bound_to))
    }

    /// Opens what [`seal`](Self::seal) made. `None`: nobody of us made this, or it was changed.
    pub(super) fn open(&self, sealed: &[u8], bound_to: &[&[u8]]) -> Option<Vec<u8>> {
        let (id, sealed) = sealed.split_first_chunk()?;
        self.key(*id)?.open(sealed, &associated(bound_to))
    }

    fn key(&self, id: KeyId) -> Option<&Key> {
        let mut keys = [&self.seals].into_iter().chain(&self.opens);
        keys.find(|key| key.id() == id).map(Arc::as_ref)
    }
}

impl FromStr for Keyring {
    type Err = InvalidKeyring;

    /// Does what [`from_base64`](Self::from_base64) does.
    fn from_str(text: &str) -> Result<Self, InvalidKeyring> {
        Self::from_base64(text)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// Reads the `n`th key.
fn read(n: usize, text: &str) -> Result<[u8; 32], InvalidKeyring> {
    let text = text.trim();
    if text.is_empty() {
        return Err(InvalidKeyring::empty(n));
    }
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
    // What base64 says about its error quotes a byte of the key.
    let bytes = bytes.map_err(|_| InvalidKeyring::not_base64(n))?;
    <[u8; 32]>::try_from(bytes).map_err(|bytes| InvalidKeyring::length(n, bytes.len()))
}

/// Joins the parts so that no other parts give the same bytes: each has its length in front.
fn associated(parts: &[&[u8]]) -> SmallVec<[u8; 128]> {
    let mut joined = SmallVec::new();
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_le_bytes());
        joined.extend_from_slice(part);
    }
    joined
}

#[cfg(test)]
mod tests;
