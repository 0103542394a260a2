//! The members of a `Cache-Control` line: RFC 9111, section 5.2, in the lists of RFC 9110, section 5.6.
//!
//! A member that is none is skipped to the next comma. What is inside of a quoted string never becomes a member.

use crate::tchar::is_tchar;

/// Reads the members of one line, without the empty ones. Lines are lists of their own: a quoted string ends with its line.
pub(super) struct Members<'a> {
    rest: &'a [u8],
    /// Whether a quoted string may still end: looked for once only, so that many quotes cost no more than one.
    may_close: bool,
}

/// A directive, known or not.
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    pub(super) argument: Argument<'a>,
}

pub(super) enum Argument<'a> {
    None,
    Token(&'a [u8]),
    /// Without its quotes, with its escapes.
    Quoted(&'a [u8]),
    /// Something follows the name, or the argument, that must not.
    Malformed,
}

impl<'a> Members<'a> {
    pub(super) const fn of(line: &'a [u8]) -> Self {
        Self {
            rest: line,
            may_close: true,
        }
    }

    fn argument(&mut self) -> Argument<'a> {
        let Some(value) = self.rest.strip_prefix(b"=") else {
            return Argument::None;
        };
        self.rest = value;
        if value.first() == Some(&b'"') {
            return self.quoted().map_or(Argument::Malformed, Argument::Quoted);
        }
        match self.token() {
            [] => Argument::Malformed,
            token => Argument::Token(token),
        }
    }

    fn token(&mut self) -> &'a [u8] {
        let end = self.rest.iter().position(|&byte| !is_tchar(byte));
        let (token, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        token
    }

    /// Takes a quoted string that starts here. Without an end it is none, and nothing is taken.
    fn quoted(&mut self) -> Option<&'a [u8]> {
        let content = self.rest.strip_prefix(b"\"")?;
        if !self.may_close {
            return None;
        }
        let mut is_escaped = false;
        let end = content.iter().position(|&byte| {
            let is_end = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            is_end
        });
        self.may_close = end.is_some();
        let (content, rest) = content.split_at(end?);
        self.rest = rest.strip_prefix(b"\"").unwrap_or(rest);
        Some(content)
    }

    /// Goes to the next comma, or to the end. Returns whether there was nothing but whitespace before.
    fn skip(&mut self) -> bool {
        self.rest = trim_start(self.rest);
        let mut is_clean = true;
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b',' => break,
                b'"' if self.quoted().is_some() => {}
                _ => self.rest = rest,
            }
            is_clean = false;
        }
        is_clean
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        loop {
            let start = |byte: &u8| !matches!(byte, b' ' | b'\t' | b',');
            let at = self.rest.iter().position(start)?;
            self.rest = self.rest.split_at(at).1;
            let name = self.token();
            let argument = self.argument();
            let is_clean = self.skip();
            if name.is_empty() {
                continue;
            }
            let argument = if is_clean {
                argument
            } else {
                Argument::Malformed
            };
            return Some(Member { name, argument });
        }
    }
}

impl<'a> Argument<'a> {
    /// Returns the bytes that are meant, without escapes. None for what is no argument.
    pub(super) fn bytes(&self) -> Option<impl Iterator<Item = u8> + use<'a>> {
        let (bytes, escape) = match *self {
            Self::None | Self::Malformed => return None,
            // No byte of a token is one.
            Self::Token(bytes) | Self::Quoted(bytes) => (bytes, b'\\'),
        };
        let mut bytes = bytes.iter().copied();
        Some(std::iter::from_fn(move || {
            let byte = bytes.next()?;
            if byte == escape {
                bytes.next()
            } else {
                Some(byte)
            }
        }))
    }
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}
