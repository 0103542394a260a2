//! Elements of `Forwarded` (RFC 7239 section 4): `for=192.0.2.7;proto=https, for="[2001:db8::1]:80"`.
//!
//! They are found from the right, so that nothing which a client has written to the left (a quote without its
//! counterpart) changes what a proxy has added: read from the right, too, a quoted string has one meaning.

use std::net::IpAddr;

use super::{
    super::node::{self, trim},
    Last,
};
use crate::tchar::is_tchar;

/// Finds the last comma that is in no quoted string.
pub(super) fn last(line: &[u8]) -> Last {
    let mut quoted = false;
    for (at, byte) in line.iter().enumerate().rev() {
        match byte {
            b'"' if !(quoted && is_escaped(line, at)) => quoted = !quoted,
            b',' if !quoted => return Last::After(at),
            _ => {}
        }
    }
    if quoted { Last::Unclear } else { Last::Only }
}

/// An odd number of backslashes: each second one is escaped itself.
fn is_escaped(line: &[u8], at: usize) -> bool {
    let before = line.iter().take(at).rev();
    before.take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Returns the address of the one `for=`; `None` if any of the element is malformed.
pub(super) fn address(element: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    let mut rest = Some(trim(element));
    while let Some(pairs) = rest {
        let (pair, after) = Pair::read(pairs)?;
        rest = after;
        if pair.name.eq_ignore_ascii_case(b"for") && found.replace(pair.value).is_some() {
            return None; // Section 4: not twice in an element.
        }
    }
    found?.address()
}

/// `forwarded-pair`.
struct Pair<'a> {
    name: &'a [u8],
    value: Value<'a>,
}

enum Value<'a> {
    None,
    Token(&'a [u8]),
    // Between the quotes, with its escapes.
    Quoted(&'a [u8]),
}

impl<'a> Pair<'a> {
    /// Reads up to a semicolon. There may be nothing before it.
    fn read(text: &'a [u8]) -> Option<(Self, Option<&'a [u8]>)> {
        let text = trim(text);
        let name_len = text.iter().take_while(|byte| is_tchar(**byte)).count();
        let (name, rest) = text.split_at_checked(name_len)?;
        let (value, rest) = match rest {
            [] | [b';', ..] if name.is_empty() => (Value::None, rest),
            [b'=', b'"', rest @ ..] if !name.is_empty() => Value::quoted(rest)?,
            [b'=', rest @ ..] if !name.is_empty() => Value::token(rest)?,
            _ => return None,
        };
        let pair = Self { name, value };
        match trim(rest) {
            [] => Some((pair, None)),
            [b';', rest @ ..] => Some((pair, Some(rest))),
            _ => None,
        }
    }
}

impl<'a> Value<'a> {
    /// Also takes brackets and colons, without the quotes they should be in: many write addresses so.
    fn token(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let is_part = |byte: &&u8| is_tchar(**byte) || matches!(byte, b'[' | b']' | b':');
        let (value, rest) = text.split_at_checked(text.iter().take_while(is_part).count())?;
        (!value.is_empty()).then_some((Self::Token(value), rest))
    }

    fn quoted(text: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut escaped = false;
        let end = text.iter().position(|byte| {
            let is_end = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            is_end
        })?;
        let (value, rest) = text.split_at_checked(end)?;
        Some((Self::Quoted(value), rest.get(1..)?))
    }

    fn address(self) -> Option<IpAddr> {
        let quoted = match self {
            Self::None => return None,
            Self::Token(value) => return node::address(value),
            Self::Quoted(value) => value,
        };
        let mut unescaped = [0; node::LONGEST];
        let mut len = 0;
        let mut bytes = quoted.iter();
        while let Some(byte) = bytes.next() {
            let byte = match byte {
                b'\\' => bytes.next()?,
                byte => byte,
            };
            *unescaped.get_mut(len)? = *byte;
            len += 1;
        }
        node::address(unescaped.get(..len)?)
    }
}
