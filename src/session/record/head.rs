//! The line that a record begins with.

use std::{str, time::Duration};

use bytes::Bytes;

use super::{Record, compression};
use crate::{
    session::{
        data::Data,
        id::SessionId,
        lifetime::{Lifetime, Times},
    },
    time::{Timestamp, micros},
};

pub(super) const VERSION: u8 = b'1';
/// As many digits as are never too large a number.
const SAFE_DIGITS: usize = 19;

/// How what follows the line is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) compressed: bool,
    pub(super) sealed: bool,
}

/// What the line says.
pub(super) struct Head {
    pub(super) kept: Kept,
    writes: u64,
    id: SessionId,
    times: Times,
    lifetime: Option<Lifetime>,
    indexed: Option<Timestamp>,
    /// The length of the subject.
    subject: Option<usize>,
    /// The size of the data, neither compressed nor sealed.
    pub(super) size: usize,
}

impl Kept {
    const fn letter(self) -> u8 {
        match (self.compressed, self.sealed) {
            (false, false) => b'p',
            (true, false) => b'z',
            (false, true) => b's',
            (true, true) => b'x',
        }
    }

    const fn read(letter: u8) -> Option<Self> {
        let (compressed, sealed) = match letter {
            b'p' => (false, false),
            b'z' => (true, false),
            b's' => (false, true),
            b'x' => (true, true),
            _ => return None,
        };
        Some(Self { compressed, sealed })
    }
}

impl Head {
    pub(super) fn of(record: &Record, kept: Kept) -> Self {
        Self {
            kept,
            writes: record.writes,
            id: record.id,
            times: record.times,
            lifetime: record.lifetime,
            indexed: record.indexed,
            subject: record.subject.as_ref().map(|subject| subject.len()),
            size: record.data.size(),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, self.kept.letter(), b' ']);
        number(out, self.writes, b' ');
        out.extend_from_slice(&self.id.text());
        out.push(b' ');
        number(out, self.times.created.as_micros(), b' ');
        optional(out, self.times.authenticated.map(Timestamp::as_micros));
        number(out, self.times.touched.as_micros(), b' ');
        match &self.lifetime {
            Some(own) => {
                for part in [own.idle, own.absolute, own.touch_every] {
                    number(out, micros(part), b',');
                }
                out.extend_from_slice(if own.persistent { b"p " } else { b"s " });
            }
            None => out.extend_from_slice(b"- "),
        }
        optional(out, self.indexed.map(Timestamp::as_micros));
        optional(out, self.subject.map(|length| length as u64));
        number(out, self.size as u64, b'\n');
    }

    /// Reads a line, and returns where it ends, too.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (start, rest) = bytes.split_first_chunk()?;
        let [VERSION, kept, b' '] = *start else {
            return None;
        };
        let mut line = Line(rest);
        let head = Self {
            kept: Kept::read(kept)?,
            writes: line.number(b' ')?,
            id: line.id()?,
            times: Times {
                created: line.timestamp()?,
                authenticated: line.optional(Line::timestamp)?,
                touched: line.timestamp()?,
            },
            lifetime: line.optional(Line::lifetime)?,
            indexed: line.optional(Line::timestamp)?,
            subject: line.optional(|line| line.length(b' '))?,
            size: line.length(b'\n')?,
        };
        Some((head, bytes.len() - line.0.len()))
    }

    /// Reads subject and data, which begin at `start`.
    #[inline]
    pub(super) fn into_record(self, bytes: &Bytes, start: usize) -> Option<Record> {
        let middle = start.checked_add(self.subject.unwrap_or(0))?;
        let subject = str::from_utf8(bytes.get(start..middle)?).ok()?;
        let subject = self.subject.map(|_| subject.into());
        let stored = bytes.get(middle..)?;
        let data = if self.kept.compressed {
            compression::unpack(stored, self.size)?
        } else {
            (stored.len() == self.size).then(|| bytes.slice(middle..))?
        };
        Some(Record {
            writes: self.writes,
            id: self.id,
            times: self.times,
            lifetime: self.lifetime,
            indexed: self.indexed,
            subject,
            data: Data::decode(&data)?,
        })
    }
}

fn number(out: &mut Vec<u8>, number: u64, end: u8) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.push(end);
}

fn optional(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => number(out, value, b' '),
        None => out.extend_from_slice(b"- "),
    }
}

/// What is left of a line. Every method returns `None` where something else is there.
struct Line<'a>(&'a [u8]);

impl Line<'_> {
    /// Reads a number in its only spelling, and what ends it.
    fn number(&mut self, end: u8) -> Option<u64> {
        let mut number = 0_u64;
        let mut digits = 0;
        for byte in self.0 {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            number = if digits < SAFE_DIGITS {
                number * 10 + u64::from(digit)
            } else {
                number.checked_mul(10)?.checked_add(u64::from(digit))?
            };
            digits += 1;
        }
        let (read, rest) = self.0.split_at_checked(digits)?;
        let is_padded = digits > 1 && read.first() == Some(&b'0');
        let (byte, rest) = rest.split_first()?;
        self.0 = rest;
        (digits > 0 && !is_padded && *byte == end).then_some(number)
    }

    fn length(&mut self, end: u8) -> Option<usize> {
        usize::try_from(self.number(end)?).ok()
    }

    fn timestamp(&mut self) -> Option<Timestamp> {
        let micros = self.number(b' ')?;
        let timestamp = Timestamp::from_micros(micros);
        (timestamp.as_micros() == micros).then_some(timestamp)
    }

    fn id(&mut self) -> Option<SessionId> {
        let (text, rest) = self.0.split_at_checked(SessionId::TEXT)?;
        self.0 = rest.strip_prefix(b" ")?;
        SessionId::parse(text)
    }

    fn lifetime(&mut self) -> Option<Lifetime> {
        let mut part = || self.number(b',').map(Duration::from_micros);
        let parts = [part()?, part()?, part()?];
        let (persistent, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let persistent = match persistent {
            b"p " => true,
            b"s " => false,
            _ => return None,
        };
        Lifetime::stored(parts, persistent)
    }

    #[expect(
        clippy::option_option,
        reason = "there may be none, and it may be damaged"
    )]
    fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.0.strip_prefix(b"- ") {
            Some(rest) => {
                self.0 = rest;
                Some(None)
            }
            None => read(self).map(Some),
        }
    }
}
