//! What a cache says it did with a request: `Cache-Status` (RFC 9211) and `Age` (RFC 9111, section 5.1).

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, HeaderValue, StatusCode, header::CACHE_STATUS};
use percent_encoding::{CONTROLS, percent_encode_byte, utf8_percent_encode};
use sfv::{ItemSerializer, StringRef, TokenRef};
use smallvec::SmallVec;

/// The name of a cache, rendered once: a token where it is one, else a string. What is not printable ASCII is
/// percent-encoded.
#[derive(Clone, Debug)]
pub(in crate::response_cache) struct Name(String);

/// Why a request was passed on (RFC 9211, section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum FwdReason {
    /// The cache is not meant for this request.
    Bypass,
    /// Its method is not answered from a cache.
    Method,
    /// Nothing is stored for the URI.
    UriMiss,
    /// Something is, but not for these fields (`Vary`).
    VaryMiss,
    /// What is stored is stale.
    Stale,
    /// The request wants it fresh.
    Request,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum Outcome {
    /// It was answered without the service.
    Hit,
    /// It was passed on to the service.
    Fwd(FwdReason),
}

/// One member of `Cache-Status`.
#[derive(Clone, Copy, Debug)]
pub(in crate::response_cache) struct CacheStatus<'a> {
    pub(in crate::response_cache) name: &'a Name,
    pub(in crate::response_cache) outcome: Outcome,
    /// The status of the service's answer, where it is not that of the response.
    pub(in crate::response_cache) fwd_status: Option<StatusCode>,
    /// The seconds for which the response is fresh, negative if it is stale.
    pub(in crate::response_cache) ttl: Option<i64>,
    /// Whether the answer of the service was stored.
    pub(in crate::response_cache) stored: bool,
    /// Whether another request was waited for.
    pub(in crate::response_cache) collapsed: bool,
    /// # Security
    /// A key may hold what is secret in a request. What is not printable ASCII is percent-encoded.
    pub(in crate::response_cache) key: Option<&'a str>,
    /// A token where it is one, else a string.
    pub(in crate::response_cache) detail: Option<&'a str>,
}

/// A line, on the stack unless it is long.
type Line = SmallVec<[u8; 128]>;

/// The largest integer of structured fields (RFC 9651, section 3.3.1).
const LARGEST: i64 = 999_999_999_999_999;

impl Name {
    pub(in crate::response_cache) fn new(name: &str) -> Self {
        if let Ok(token) = TokenRef::from_str(name) {
            return Self(ItemSerializer::new().bare_item(token).finish());
        }
        // Whatever is not ASCII is encoded as well.
        let printable: Cow<'_, str> = utf8_percent_encode(name, CONTROLS).into();
        let string = StringRef::from_str(&printable).expect("it is printable ASCII");
        Self(ItemSerializer::new().bare_item(string).finish())
    }
}

impl<'a> CacheStatus<'a> {
    /// Returns a member that says no more than the outcome.
    pub(in crate::response_cache) const fn new(name: &'a Name, outcome: Outcome) -> Self {
        Self {
            name,
            outcome,
            fwd_status: None,
            ttl: None,
            stored: false,
            collapsed: false,
            key: None,
            detail: None,
        }
    }

    /// Renders it, in one allocation unless it is long.
    pub(in crate::response_cache) fn value(&self) -> HeaderValue {
        let mut line = Line::new();
        line.extend_from_slice(self.name.0.as_bytes());
        match self.outcome {
            Outcome::Hit => line.extend_from_slice(b";hit"),
            Outcome::Fwd(reason) => {
                line.extend_from_slice(b";fwd=");
                line.extend_from_slice(reason.as_str().as_bytes());
            }
        }
        if let Some(status) = self.fwd_status {
            line.extend_from_slice(b";fwd-status=");
            line.extend_from_slice(status.as_str().as_bytes());
        }
        if let Some(ttl) = self.ttl {
            line.extend_from_slice(b";ttl=");
            let ttl = ttl.clamp(-LARGEST, LARGEST);
            line.extend_from_slice(itoa::Buffer::new().format(ttl).as_bytes());
        }
        if self.stored {
            line.extend_from_slice(b";stored");
        }
        if self.collapsed {
            line.extend_from_slice(b";collapsed");
        }
        if let Some(key) = self.key {
            line.extend_from_slice(b";key=");
            put_string(&mut line, key);
        }
        if let Some(detail) = self.detail {
            line.extend_from_slice(b";detail=");
            if TokenRef::from_str(detail).is_ok() {
                line.extend_from_slice(detail.as_bytes());
            } else {
                put_string(&mut line, detail);
            }
        }
        HeaderValue::from_bytes(&line).expect("all of it is printable ASCII")
    }

    /// Appends it to those of the caches before this one (RFC 9211, section 2).
    pub(in crate::response_cache) fn append(&self, headers: &mut HeaderMap) {
        // A map that is full has more to say than we do.
        let _ = headers.try_append(CACHE_STATUS, self.value());
    }
}

impl FwdReason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

/// Renders an age in whole seconds, rounded down, at most 2<sup>31</sup> (RFC 9111, section 1.2.2).
pub(in crate::response_cache) fn age(age: Duration) -> HeaderValue {
    let seconds = age.as_secs().min(1 << 31);
    HeaderValue::from_str(itoa::Buffer::new().format(seconds)).expect("digits are a value")
}

fn put_string(line: &mut Line, text: &str) {
    line.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => line.push(byte),
            byte => line.extend_from_slice(percent_encode_byte(byte).as_bytes()),
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests;
