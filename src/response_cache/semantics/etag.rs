//! Entity tags: RFC 9110, section 8.8.3.

use http::{HeaderMap, HeaderName, HeaderValue, header::ETAG};

/// An entity tag. A malformed one is weak, and equal to nothing but the same bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ETag<'a> {
    weak: bool,
    well_formed: bool,
    // With its quotes, so that it is unlike all that are malformed.
    opaque: &'a [u8],
}

impl<'a> ETag<'a> {
    /// Returns the tag of a response, which has one line of it at most.
    pub(super) fn of(response: &'a HeaderMap) -> Option<Self> {
        let value = only(response, &ETAG)?.as_bytes().trim_ascii();
        (!value.is_empty()).then(|| Self::parse(value))
    }

    pub(super) fn parse(value: &'a [u8]) -> Self {
        let stripped = value.strip_prefix(b"W/");
        let opaque = stripped.unwrap_or(value);
        if is_opaque_tag(opaque) {
            return Self {
                weak: stripped.is_some(),
                well_formed: true,
                opaque,
            };
        }
        Self {
            weak: true,
            well_formed: false,
            opaque: value,
        }
    }

    pub(super) const fn is_strong(self) -> bool {
        !self.weak
    }

    /// Strong comparison (section 8.8.3.2).
    pub(super) fn is(self, other: ETag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Weak comparison.
    pub(super) fn is_like(self, other: ETag<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// Returns whether it may be a member of `If-None-Match`. Unquoted ones may, as many send them, if nothing in them
    /// could mean something else there: an `*` would be true of everything.
    pub(super) fn is_sendable(self) -> bool {
        self.well_formed || self.opaque.iter().all(|&byte| is_plain(byte))
    }

    /// Appends it to a list.
    pub(super) fn put(self, list: &mut Vec<u8>) {
        if !list.is_empty() {
            list.extend_from_slice(b", ");
        }
        if self.weak && self.well_formed {
            list.extend_from_slice(b"W/");
        }
        list.extend_from_slice(self.opaque);
    }
}

/// Returns whether a precondition with a list of tags is true: `*` of everything, a list if one of its tags `matches`.
/// `None`: there is no such field.
pub(super) fn holds(
    request: &HeaderMap,
    name: &HeaderName,
    matches: impl Fn(ETag<'_>) -> bool,
) -> Option<bool> {
    let lines = request.get_all(name);
    lines.iter().next()?;
    let is_star = only(request, name).is_some_and(|value| value.as_bytes().trim_ascii() == b"*");
    Some(
        is_star
            || lines
                .iter()
                .flat_map(|line| members(line.as_bytes()))
                .any(|member| matches(ETag::parse(member))),
    )
}

/// Returns the value of a field that has one line only.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next()?;
    lines.next().is_none().then_some(first)
}

/// Splits a list at the commas outside of tags, which may contain some.
fn members(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    line.split(move |&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
    .filter(|member| !member.is_empty())
}

fn is_opaque_tag(value: &[u8]) -> bool {
    value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
        .is_some_and(|tag| tag.iter().all(|&byte| is_etagc(byte)))
}

const fn is_etagc(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x7e | 0x80..=0xff)
}

const fn is_plain(byte: u8) -> bool {
    is_etagc(byte) && !matches!(byte, b',' | b'*')
}

#[cfg(test)]
mod tests;
