//! Numbers, digests and lines with their lengths in front.

use bytes::Bytes;
use http::HeaderValue;

use super::super::{digest::Digest, entry::Generation};

/// The head of an entry as it is written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(mark: &[u8; 4], key: &Digest, generation: &Generation) -> Self {
        let mut text = Self(Vec::with_capacity(1024));
        text.raw(mark);
        text.hex(key.as_bytes());
        text.raw(b" ");
        text.hex(generation.as_bytes());
        text.raw(b"\n");
        text
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn number(&mut self, number: impl itoa::Integer) {
        self.raw(itoa::Buffer::new().format(number).as_bytes());
        self.0.push(b' ');
    }

    /// The last number of a line.
    pub(super) fn last_number(&mut self, number: impl itoa::Integer) {
        self.raw(itoa::Buffer::new().format(number).as_bytes());
        self.0.push(b'\n');
    }

    pub(super) fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        self.0
            .extend(digits.map(|digit| DIGITS[usize::from(digit)]));
    }

    /// A text with its length in front, whatever is in it.
    pub(super) fn line(&mut self, text: &[u8]) {
        self.number(text.len());
        self.raw(text);
        self.0.push(b'\n');
    }

    /// Returns the entry, in one allocation of its size.
    pub(super) fn with_body(self, body: &[Bytes]) -> Bytes {
        let length: usize = body.iter().map(Bytes::len).sum();
        let mut entry = Vec::with_capacity(self.0.len() + length);
        entry.extend_from_slice(&self.0);
        body.iter().for_each(|chunk| entry.extend_from_slice(chunk));
        entry.into()
    }
}

/// What is left of an entry that is being read. Every method returns `None` where something else is there.
pub(super) struct Reader<'a> {
    bytes: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a Bytes) -> Self {
        Self { bytes, rest: bytes }
    }

    #[inline]
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    #[inline]
    pub(super) fn exactly(&mut self, expected: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(expected)?;
        Some(())
    }

    /// A number, and the blank or end of line behind it.
    #[inline]
    pub(super) fn number(&mut self) -> Option<u64> {
        let (first, mut rest) = self.rest.split_first()?;
        let mut number = digit(*first)?;
        loop {
            let (byte, after) = rest.split_first()?;
            rest = after;
            let Some(digit) = digit(*byte) else {
                self.rest = rest;
                return matches!(byte, b' ' | b'\n').then_some(number);
            };
            number = number.checked_mul(10)?.checked_add(digit)?;
        }
    }

    pub(super) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    /// How many lines follow: never more than there are bytes for.
    pub(super) fn count(&mut self) -> Option<usize> {
        self.length().filter(|count| *count <= self.rest.len())
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.number()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn hex<const DIGITS: usize, const BYTES: usize>(&mut self) -> Option<[u8; BYTES]> {
        let digits: &[u8; DIGITS] = self.take(DIGITS)?.try_into().ok()?;
        let mut bytes = [0; BYTES];
        let mut is_hex = true;
        // Without a branch, so that many are read at once.
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            if let [high, low] = pair {
                let (high, low) = (nibble(*high), nibble(*low));
                is_hex &= (high | low) < 16;
                *byte = (high << 4) | low;
            }
        }
        is_hex.then_some(bytes)
    }

    #[inline]
    pub(super) fn line(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let text = self.take(length)?;
        self.exactly(b"\n")?;
        Some(text)
    }

    /// A line that is the value of a field, as a slice of the entry.
    pub(super) fn value_line(&mut self) -> Option<HeaderValue> {
        let length = self.length()?;
        let value = self.value(length)?;
        self.exactly(b"\n")?;
        Some(value)
    }

    #[inline]
    pub(super) fn value(&mut self, length: usize) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(self.shared(length)?).ok()
    }

    #[inline]
    pub(super) fn shared(&mut self, length: usize) -> Option<Bytes> {
        let start = self.bytes.len() - self.rest.len();
        self.take(length)?;
        Some(self.bytes.slice(start..start + length))
    }

    pub(super) fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }
}

#[inline]
fn digit(byte: u8) -> Option<u64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(u64::from(digit))
}

/// Sixteen or more: not one of our digits.
#[inline]
fn nibble(byte: u8) -> u8 {
    let number = byte.wrapping_sub(b'0');
    let letter = byte.wrapping_sub(b'a');
    if number < 10 {
        number
    } else if letter < 6 {
        letter + 10
    } else {
        0x80
    }
}
