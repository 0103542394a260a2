//! The entries of a forwarding header, from the right: last line first, and in a line the last entry first.

mod forwarded;

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{FORWARDED, ValueIter},
};

use super::node;

/// The address in each entry; `None` for an entry without one, after which nothing means anything.
pub(super) struct Entries<'a> {
    lines: ValueIter<'a, HeaderValue>,
    rest: Option<&'a [u8]>,
    syntax: Syntax,
}

#[derive(Clone, Copy)]
struct Syntax {
    last: fn(&[u8]) -> Last,
    address: fn(&[u8]) -> Option<IpAddr>,
}

/// Where the last entry of a line begins.
enum Last {
    /// After the comma at this place.
    After(usize),
    /// It is the only one.
    Only,
    /// Nobody can tell.
    Unclear,
}

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

// So much of the end of a line is searched for the beginning of its last entry: `Forwarded` may name hosts.
const LONGEST: usize = 512;

impl<'a> Entries<'a> {
    /// The entries of `X-Forwarded-For`: addresses and commas.
    pub(super) fn x_forwarded_for(headers: &'a HeaderMap) -> Self {
        let syntax = Syntax {
            last: |line| match line.iter().rposition(|byte| *byte == b',') {
                Some(comma) => Last::After(comma),
                None => Last::Only,
            },
            address: node::address,
        };
        Self::new(headers, &X_FORWARDED_FOR, syntax)
    }

    /// The elements of `Forwarded` (RFC 7239 section 4).
    pub(super) fn forwarded(headers: &'a HeaderMap) -> Self {
        let syntax = Syntax {
            last: forwarded::last,
            address: forwarded::address,
        };
        Self::new(headers, &FORWARDED, syntax)
    }

    fn new(headers: &'a HeaderMap, name: &'static HeaderName, syntax: Syntax) -> Self {
        Self {
            lines: headers.get_all(name).iter(),
            rest: None,
            syntax,
        }
    }
}

impl Iterator for Entries<'_> {
    type Item = Option<IpAddr>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = match self.rest.take() {
            Some(rest) => rest,
            None => self.lines.next_back()?.as_bytes(),
        };
        let (head, tail) = line.split_at(line.len().saturating_sub(LONGEST));
        let entry = match (self.syntax.last)(tail) {
            Last::After(comma) => {
                self.rest = line.get(..head.len() + comma);
                tail.get(comma + 1..)
            }
            Last::Only => head.is_empty().then_some(tail),
            Last::Unclear => None,
        };
        Some(entry.and_then(self.syntax.address))
    }
}
