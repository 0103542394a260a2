//! Values as they are stored: any text as it is, so that a counter is a number and a JSON document can be read by
//! others; what a wire cannot carry, or only as more than twice as many bytes, in base64 behind a mark.
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
    // Text full of control characters is up to six times as long in JSON; that of quotes, as documents have, at most twice.
    let is_short = || escaped_len(value) <= value.len().saturating_mul(2);
    let carried = binary || std::str::from_utf8(value).is_ok() && is_short();
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

/// Returns how long a text is in JSON, without its quotes.
pub(crate) fn escaped_len(text: &[u8]) -> usize {
    let escaped = |byte: &u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.iter().map(escaped).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(value: &'static [u8]) -> Bytes {
        encode(&Bytes::from_static(value), false)
    }

    // It left as `\u0000`, six times as long, and was refused as a request that is too large.
    #[test]
    fn text_of_control_characters_is_stored_in_base64() {
        let value = Bytes::from_static(b"a\0\0\0");
        let stored = stored(b"a\0\0\0");
        assert_eq!(stored.first(), Some(&BASE64));
        assert_eq!(
            decode(stored).map(|entry| entry.value().clone()).ok(),
            Some(value.clone())
        );
        assert_eq!(
            encode(&value, true),
            value,
            "elsewhere it is as long as it is"
        );
    }

    #[test]
    fn documents_stay_readable_however_many_quotes_they_have() {
        for text in [
            &b"{\"a\":\"\\\\\"}"[..],
            b"\"\"\"\"",
            b"\r\n\t",
            b"ab cd\0",
            b"",
        ] {
            assert_eq!(stored(text), text);
        }
    }
}
