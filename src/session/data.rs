//! What a session holds: keys, and values as JSON.
//!
//! At rest each pair is `<length>:<key><length>:<value>`, and the pairs are in the order of their keys. Nothing has to be
//! escaped or searched for, and the same data are always the same bytes.

use std::{cmp::Ordering, fmt, mem, str, sync::Arc};

use bytes::Bytes;
use smallvec::SmallVec;

/// Keys and values, in the order of the keys. Equal if the same keys have the same values. Cheap to clone.
///
/// Values are UTF-8, as JSON is; what they say is not looked at.
#[derive(Default)]
pub(super) struct Data {
    /// What was read; never changed.
    stored: Bytes,
    /// What still counts of it.
    spans: SmallVec<[Span; 6]>,
    /// What was set since; no key is also in a span.
    own: SmallVec<[(Arc<str>, Bytes); 1]>,
    size: usize,
}

/// Where a pair lies in what was read. Four bytes each: most sessions fit in without an allocation.
#[derive(Clone, Copy)]
struct Span {
    key: [u32; 2],
    value: [u32; 2],
}

impl Data {
    /// Reads what [`encode`](Self::encode) wrote, and nothing else; slices of it are kept. `None`: something else.
    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        // Each piece lies between the start, digits and the end, so none of them cuts a character.
        if !is_ascii(bytes) {
            str::from_utf8(bytes).ok()?;
        }
        u32::try_from(bytes.len()).ok()?;
        let mut spans = SmallVec::new();
        let mut last: Option<&[u8]> = None;
        let mut at = 0;
        while at < bytes.len() {
            let key = piece(bytes, at)?;
            let value = piece(bytes, key[1])?;
            let name = bytes.get(key[0]..key[1])?;
            if last.is_some_and(|last| last >= name) {
                return None;
            }
            last = Some(name);
            at = value[1];
            let [key, value] = [key, value].map(|piece| piece.map(|end| end as u32));
            spans.push(Span { key, value });
        }
        Some(Self {
            stored: bytes.clone(),
            spans,
            own: SmallVec::new(),
            size: bytes.len(),
        })
    }

    /// Appends all of it. What still lies side by side is copied at once.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut own = self.own.iter().peekable();
        let mut run = [0; 2];
        for span in &self.spans {
            let key = self.piece(span.key);
            while let Some((key, value)) = own.next_if(|(own, _)| own.as_bytes() < key) {
                out.extend_from_slice(self.piece(mem::take(&mut run)));
                write_pair(out, key, value);
            }
            let start = span.start();
            if run[1] != start {
                out.extend_from_slice(self.piece(run));
                run[0] = start;
            }
            run[1] = span.value[1];
        }
        out.extend_from_slice(self.piece(run));
        own.for_each(|(key, value)| write_pair(out, key, value));
    }

    /// Returns the value of a key, as a slice of what was read or set.
    pub(super) fn get(&self, key: &str) -> Option<Bytes> {
        if let Ok(at) = self.find(key) {
            let [start, end] = self.spans.get(at)?.value;
            return Some(self.stored.slice(start as usize..end as usize));
        }
        let at = self.find_own(key).ok()?;
        self.own.get(at).map(|(_, value)| value.clone())
    }

    pub(super) fn set(&mut self, key: impl Into<Arc<str>>, value: Bytes) {
        let key = key.into();
        self.remove(&key);
        self.size += pair_size(&key, &value);
        let at = self.find_own(&key).unwrap_or_else(|at| at);
        self.own.insert(at, (key, value));
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Ok(at) = self.find(key) {
            let span = self.spans.remove(at);
            self.size -= pair_size(key, self.piece(span.value));
        } else if let Ok(at) = self.find_own(key) {
            let (_, value) = self.own.remove(at);
            self.size -= pair_size(key, &value);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.spans.len() + self.own.len()
    }

    /// Returns the size of what [`encode`](Self::encode) writes, without writing it.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns keys and values, in the order of the keys.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let pair = |span: &Span| (self.piece(span.key), self.piece(span.value));
        let mut stored = self.spans.iter().map(pair).peekable();
        let mut own = self
            .own
            .iter()
            .map(|(key, value)| (key.as_bytes(), &**value));
        let mut next_own = own.next();
        std::iter::from_fn(move || match next_own {
            Some(pair) if stored.peek().is_none_or(|stored| pair.0 < stored.0) => {
                next_own = own.next();
                Some(pair)
            }
            _ => stored.next(),
        })
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        let order = |span: &Span| self.piece(span.key).cmp(key.as_bytes());
        self.spans.binary_search_by(order)
    }

    fn find_own(&self, key: &str) -> Result<usize, usize> {
        let order = |(own, _): &(Arc<str>, Bytes)| -> Ordering { (**own).cmp(key) };
        self.own.binary_search_by(order)
    }

    fn piece(&self, [start, end]: [u32; 2]) -> &[u8] {
        self.stored
            .get(start as usize..end as usize)
            .expect("spans lie in what was read")
    }
}

impl Span {
    /// Returns where the pair begins: with the length of its key.
    const fn start(&self) -> u32 {
        let [start, end] = self.key;
        start - length_size((end - start) as usize) as u32
    }
}

impl Clone for Data {
    fn clone(&self) -> Self {
        Self {
            stored: self.stored.clone(),
            // As a whole, not one by one.
            spans: SmallVec::from_slice(&self.spans),
            own: self.own.clone(),
            size: self.size,
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.size == other.size && self.pairs().eq(other.pairs())
    }
}

impl Eq for Data {}

/// By the word. The function of this name in `std` takes the last bytes one by one, and they are most of a session.
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let (words, tail) = bytes.as_chunks();
    let all = words
        .iter()
        .fold(0, |all, word| all | u64::from_ne_bytes(*word));
    let rest = tail.iter().fold(0, |all, byte| all | byte);
    all & HIGH == 0 && rest < 0x80
}

/// Reads a length, and returns where what has it begins and ends.
#[inline]
fn piece(bytes: &[u8], at: usize) -> Option<[usize; 2]> {
    let (first, rest) = bytes.get(at..)?.split_first()?;
    let mut length = digit(*first)?;
    let mut start = at + 2;
    let mut rest = rest.iter();
    loop {
        match *rest.next()? {
            b':' => break,
            // No other spelling of the same number.
            byte if length > 0 => {
                length = length.checked_mul(10)?.checked_add(digit(byte)?)?;
                start += 1;
            }
            _ => return None,
        }
    }
    let end = start.checked_add(length)?;
    (end <= bytes.len()).then_some([start, end])
}

fn digit(byte: u8) -> Option<usize> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(usize::from(digit))
}

fn write_pair(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    for piece in [key.as_bytes(), value] {
        out.extend_from_slice(itoa::Buffer::new().format(piece.len()).as_bytes());
        out.push(b':');
        out.extend_from_slice(piece);
    }
}

fn pair_size(key: &str, value: &[u8]) -> usize {
    let size = |length: usize| length_size(length) + length;
    size(key.len()) + size(value.len())
}

/// Returns the size of a length and its colon.
const fn length_size(length: usize) -> usize {
    match length {
        0..10 => 2,
        10..100 => 3,
        _ => length.ilog10() as usize + 2,
    }
}

#[cfg(test)]
mod tests;
