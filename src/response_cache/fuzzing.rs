//! What the fuzz targets run: each function takes any bytes, and panics where a promise is broken.
//!
//! Bytes are read as text, so that seeds are: blocks between empty lines, fields as `name: value`.

mod codec;
mod conditions;
mod dates;
mod directives;
mod keys;
mod references;
mod responses;
mod tags;
mod vary;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

pub use self::{
    codec::codec, conditions::conditions, dates::dates, directives::directives, keys::keys,
    references::references, responses::responses, tags::tags, vary::vary,
};
use super::{
    digest::Digest,
    semantics::freshness::{Freshness, Stale},
    stored::{StoredHead, Varied},
};
use crate::time::Timestamp;

/// 2027-01-15 08:00:00.
const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

/// Splits at empty lines; what is beyond belongs to the last block.
fn blocks<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut rest = Some(data);
    std::array::from_fn(|at| {
        let text = rest.take().unwrap_or_default();
        let end = text.windows(2).position(|pair| pair == b"\n\n");
        match end.filter(|_| at + 1 < N) {
            None => text,
            Some(end) => {
                rest = text.get(end + 2..);
                text.get(..end).unwrap_or_default()
            }
        }
    })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| byte == b'\n')
}

/// Reads fields; lines that are none are skipped.
fn fields(text: &[u8]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in lines(text) {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().map(<[u8]>::trim_ascii);
        let value = value.and_then(|value| HeaderValue::from_bytes(value).ok());
        if let Some((name, value)) = name.zip(value) {
            let _ = fields.try_append(name, value);
        }
    }
    fields
}

/// Reads the digits of a line, as far as they fit.
fn number(line: &[u8]) -> u64 {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    })
}

fn status(line: &[u8]) -> StatusCode {
    let number = u16::try_from(number(line)).unwrap_or_default();
    StatusCode::from_u16(number).unwrap_or(StatusCode::OK)
}

fn stored(status: StatusCode, headers: HeaderMap) -> StoredHead {
    StoredHead {
        status,
        headers,
        freshness: Freshness {
            received: NOW,
            initial_age: Duration::ZERO,
            lifetime: Duration::from_secs(60),
            stale: Stale::default(),
            immutable: false,
        },
        vary: Varied {
            names: Vec::new(),
            values: Digest::from_bytes([0; 32]),
        },
        is_for_authorized: false,
        is_explicit: true,
        tags: Vec::new(),
        stamp: None,
    }
}

/// Joins lines of a field as RFC 9110, section 5.3, has it.
fn joined<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> HeaderValue {
    let lines: Vec<&[u8]> = lines.into_iter().map(HeaderValue::as_bytes).collect();
    let text = Bytes::from(lines.join(&b", "[..]));
    HeaderValue::from_maybe_shared(text).expect("joined values are a value")
}
