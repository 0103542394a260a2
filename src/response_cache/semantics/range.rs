//! Ranges of a stored response: RFC 9110, section 14.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT_RANGES, DATE, IF_RANGE, LAST_MODIFIED, RANGE},
};

use super::{
    date,
    etag::{ETag, only},
};
use crate::response_cache::stored::StoredHead;

/// What a request gets of a stored body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum Ranged {
    /// All of it, with the stored status.
    Full,
    /// The bytes from `first` to `last`, both of them included, with 206.
    Partial {
        /// Not after `last`.
        first: u64,
        /// Within the body.
        last: u64,
    },
    /// Nothing, with 416.
    Unsatisfiable,
}

impl Ranged {
    /// Returns the `Content-Range` for a body of `len` bytes. All of it has none.
    pub(in crate::response_cache) fn content_range(self, len: u64) -> Option<HeaderValue> {
        let text = match self {
            Self::Full => return None,
            Self::Partial { first, last } => format!("bytes {first}-{last}/{len}"),
            Self::Unsatisfiable => format!("bytes */{len}"),
        };
        Some(HeaderValue::try_from(text).expect("digits and signs are a value"))
    }
}

/// Returns what a request gets of a stored body of `len` bytes.
///
/// Part of it only if it is a `GET` for one range of the bytes of a 200, and `If-Range`, if any, is true. Several ranges,
/// other units and what is no range are ignored, as servers may.
pub(in crate::response_cache) fn answer(
    method: &Method,
    request: &HeaderMap,
    stored: &StoredHead,
    len: u64,
) -> Ranged {
    if !request.contains_key(RANGE)
        || *method != Method::GET
        || stored.status != StatusCode::OK
        || only(&stored.headers, &ACCEPT_RANGES).is_some_and(|unit| unit == "none")
        || !is_same(request, stored)
    {
        return Ranged::Full;
    }
    match only(request, &RANGE).and_then(|range| Spec::parse(range.as_bytes())) {
        Some(spec) => spec.of(len),
        None => Ranged::Full,
    }
}

/// Evaluates `If-Range` (section 13.1.5): a strong tag, or exactly the date of the last change, if that is one that a
/// second change could not share: it is before the response.
fn is_same(request: &HeaderMap, stored: &StoredHead) -> bool {
    if !request.contains_key(IF_RANGE) {
        return true;
    }
    let Some(validator) = only(request, &IF_RANGE) else {
        return false;
    };
    let (headers, received) = (&stored.headers, stored.freshness.received);
    let tag = ETag::parse(validator.as_bytes().trim_ascii());
    if ETag::of(headers).is_some_and(|stored| tag.is(stored)) {
        return true;
    }
    let dated = |name| date::parse(only(headers, &name)?, received);
    only(headers, &LAST_MODIFIED) == Some(validator)
        && dated(LAST_MODIFIED).is_some_and(|modified| modified < dated(DATE).unwrap_or(received))
}

/// One range (section 14.1.2).
enum Spec {
    From(u64, Option<u64>),
    Suffix(u64),
}

impl Spec {
    fn parse(value: &[u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?.trim_ascii();
        let (unit, range) = text.split_once('=')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        match range.split_once('-')? {
            ("", length) => number(length).map(Self::Suffix),
            (first, "") => Some(Self::From(number(first)?, None)),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::From(first, Some(last)))
            }
        }
    }

    fn of(self, len: u64) -> Ranged {
        match self {
            Self::Suffix(0) => Ranged::Unsatisfiable,
            // The end of nothing is nothing, and `Content-Range` cannot say so.
            Self::Suffix(_) if len == 0 => Ranged::Full,
            Self::Suffix(length) => Ranged::Partial {
                first: len.saturating_sub(length),
                last: len - 1,
            },
            Self::From(first, _) if first >= len => Ranged::Unsatisfiable,
            Self::From(first, last) => Ranged::Partial {
                first,
                last: last.unwrap_or(u64::MAX).min(len - 1),
            },
        }
    }
}

/// Reads digits, of which there may be more than fit.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
