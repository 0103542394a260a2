//! Values as they are stored: any text as it is, so that a counter is a number and a JSON document can be read by
//! others; bytes that a wire cannot carry in base64, behind a mark.
//!
//! | stored | value |
//! |---|---|
//! | `0x01` and base64url without padding | the decoded bytes |
//! | `0x02` and bytes | the bytes |
//! | anything else | itself |

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;

use crate::store::{Entry, Error, ErrorKind, Result, Version};

const BASE64: u8 = 1;
const BYTES: u8 = 2;

/// Returns what is stored for a value. One form for each value on each kind of wire.
pub(super) fn encode(value: &Bytes, binary: bool) -> Bytes {
    let marked = matches!(value.first(), Some(&(BASE64 | BYTES)));
    let carried = binary || std::str::from_utf8(value).is_ok();
    match (marked, carried) {
        (false, true) => value.clone(),
        (true, true) => [&[BYTES], &value[..]].concat().into(),
        (_, false) => {
            let mut text = String::from(BASE64 as char);
            URL_SAFE_NO_PAD.encode_string(value, &mut text);
            text.into()
        }
    }
}

/// Reads what is stored, in any form.
///
/// # Errors
/// [`Corrupt`](ErrorKind::Corrupt) for base64 that is none.
pub(super) fn decode(stored: Bytes) -> Result<Entry> {
    let value = match stored.first() {
        Some(&BASE64) => URL_SAFE_NO_PAD
            .decode(stored.slice(1..))
            .map_err(|_| Error::new(ErrorKind::Corrupt, "a value that is not of a known format"))?
            .into(),
        Some(&BYTES) => stored.slice(1..),
        _ => return Ok(Entry::new(stored)),
    };
    Ok(Entry::with_version(value, Version::new(stored)))
}
