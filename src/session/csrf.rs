//! CSRF tokens: bound to the token of a session, and new with each new one.
//!
//! Nothing of them is stored. A text is `base64url(pad ‖ pad ⊕ secret)`, where the secret is a hash of the token: what a page
//! says of it is another text each time, so that a compressed response does not give it away bit by bit
//! ([BREACH](https://www.breachattack.com)), and it does not lead back to the token.

use std::hint::black_box;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use super::{
    error::{Result, SessionError, SessionErrorKind},
    token::Token,
};

const HALF: usize = 32;
/// The length of a text.
const TEXT: usize = 86;

/// Makes a CSRF token, another text each time.
///
/// # Errors
/// [`Random`](SessionErrorKind::Random).
pub(super) fn make(token: &Token) -> Result<String> {
    let mut pad = [0; HALF];
    getrandom::fill(&mut pad)
        .map_err(|error| SessionError::of(SessionErrorKind::Random).with_source(error))?;
    Ok(padded(&pad, &secret(token.as_bytes())))
}

/// Returns whether a text is a CSRF token of this session.
pub(super) fn is_of(text: &str, token: &Token) -> bool {
    read(text).is_some_and(|told| same(&told, &secret(token.as_bytes())))
}

fn secret(token: &[u8]) -> [u8; HALF] {
    // With its label, what is hashed fits into one block. No other hash of a token begins like this.
    Sha256::new()
        .chain_update(b"tower-upstash csrf\0")
        .chain_update(token)
        .finalize()
        .into()
}

fn padded(pad: &[u8; HALF], secret: &[u8; HALF]) -> String {
    let masked = xor(pad, secret);
    URL_SAFE_NO_PAD.encode([*pad, masked].as_flattened())
}

/// Reads the secret that a text tells. One of another length or alphabet, or with bits that mean nothing, is none of ours.
fn read(text: &str) -> Option<[u8; HALF]> {
    if text.len() != TEXT {
        return None;
    }
    let mut bytes = [0; 2 * HALF + 2]; // The decoder wants room for whole groups.
    let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    let (pad, masked) = bytes.get(..len)?.split_at_checked(HALF)?;
    Some(xor(pad.try_into().ok()?, masked.try_into().ok()?))
}

fn xor(one: &[u8; HALF], other: &[u8; HALF]) -> [u8; HALF] {
    let mut mixed = *one;
    mixed
        .iter_mut()
        .zip(other)
        .for_each(|(byte, other)| *byte ^= other);
    mixed
}

/// Compares in a time that does not depend on where two secrets differ: else whoever chooses the pad could guess a secret
/// byte by byte. All bytes are looked at, and what has been found so far is hidden from the compiler, which might leave
/// early otherwise. Nothing else depends on the secret: neither is an index, and their lengths are fixed.
fn same(one: &[u8; HALF], other: &[u8; HALF]) -> bool {
    let differences = one
        .iter()
        .zip(other)
        .fold(0, |found, (one, other)| black_box(found | (one ^ other)));
    differences == 0
}

#[cfg(test)]
mod tests;
