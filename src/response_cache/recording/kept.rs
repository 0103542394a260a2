//! The bytes that a recording keeps.

use std::{collections::VecDeque, mem};

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// What is smaller is copied together, so that small slices do not keep large buffers.
const SMALL: usize = 1 << 10;
/// How much is copied together.
const TOGETHER: usize = 4 << 10;

/// Chunks as they came, the small ones copied together.
#[derive(Debug, Default)]
pub(super) struct Kept {
    chunks: VecDeque<Bytes>,
    /// Small chunks that still grow; behind all others.
    tail: BytesMut,
    /// How many chunks were given up at the front.
    gone: usize,
    bytes: u64,
}

/// How far a reader is: in which chunk of all there ever were, and how many bytes of it are behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    chunk: usize,
    offset: usize,
}

/// Chunks given up. To be dropped without a lock: a buffer may be the user's own.
pub(super) type Freed = SmallVec<[Bytes; 1]>;

impl Kept {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns whether nothing was given up.
    pub(super) const fn is_whole(&self) -> bool {
        self.gone == 0
    }

    /// Returns where the next byte will be.
    pub(super) fn end(&self) -> Position {
        Position {
            chunk: self.gone + self.chunks.len(),
            offset: self.tail.len(),
        }
    }

    /// Keeps a chunk that is not empty.
    #[inline]
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.seal();
        self.bytes += chunk.len() as u64;
        self.chunks.push_back(chunk);
    }

    /// Keeps a chunk that is not empty, together with its neighbours if it is small.
    #[inline]
    pub(super) fn push_together(&mut self, chunk: &Bytes) {
        if chunk.len() >= SMALL {
            return self.push(chunk.clone());
        }
        if self.tail.len() + chunk.len() > TOGETHER {
            self.seal();
        }
        self.bytes += chunk.len() as u64;
        self.tail.extend_from_slice(chunk);
    }

    /// Lets the tail grow no more.
    #[inline]
    pub(super) fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.seal_tail();
        }
    }

    fn seal_tail(&mut self) {
        self.chunks.push_back(self.tail.split().freeze());
        // What is left of its buffer would be kept by what was split off.
        self.tail = BytesMut::new();
    }

    /// Reads what is at a position, and moves it on.
    #[inline]
    pub(super) fn read(&self, position: &mut Position) -> Option<Bytes> {
        if position.chunk < self.gone {
            // At the end of the last chunk that was freed.
            *position = Position {
                chunk: self.gone,
                offset: 0,
            };
        }
        loop {
            let Some(chunk) = self.chunks.get(position.chunk - self.gone) else {
                // Copied: it still grows.
                let rest = self.tail.get(position.offset..)?;
                position.offset = self.tail.len();
                return (!rest.is_empty()).then(|| Bytes::copy_from_slice(rest));
            };
            let offset = position.offset;
            *position = Position {
                chunk: position.chunk + 1,
                offset: 0,
            };
            if offset < chunk.len() {
                return Some(chunk.slice(offset..));
            }
        }
    }

    /// Gives up all chunks that are wholly before a position.
    pub(super) fn free(&mut self, before: Position) -> Freed {
        let all = self.chunks.len();
        if all > 1 && before.chunk >= self.gone + all {
            self.gone += all;
            self.bytes = self.tail.len() as u64;
            return Freed::from_vec(mem::take(&mut self.chunks).into());
        }
        let mut freed = Freed::new();
        while let Some(chunk) = self.chunks.front() {
            let first = Position {
                chunk: self.gone,
                offset: chunk.len(),
            };
            if before < first {
                break;
            }
            self.gone += 1;
            self.bytes -= chunk.len() as u64;
            freed.extend(self.chunks.pop_front());
        }
        freed
    }

    /// Returns all chunks.
    pub(super) fn chunks(&mut self) -> impl Iterator<Item = Bytes> {
        self.seal();
        self.chunks.iter().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(kept: &Kept, position: &mut Position) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(bytes) = kept.read(position) {
            assert!(!bytes.is_empty());
            all.extend_from_slice(&bytes);
        }
        all
    }

    #[test]
    fn small_chunks_share_a_buffer_and_large_ones_are_not_copied() {
        let mut kept = Kept::default();
        let large = Bytes::from(vec![7; SMALL]);
        kept.push_together(&Bytes::from_static(b"one"));
        kept.push_together(&Bytes::from_static(b"two"));
        kept.push_together(&large);
        let chunks: Vec<_> = kept.chunks().collect();
        assert_eq!(chunks.len(), 2);
        assert_eq!(chunks[0], "onetwo");
        assert_eq!(chunks[1].as_ptr(), large.as_ptr());
        assert_eq!(kept.bytes(), 6 + SMALL as u64);
    }

    #[test]
    fn a_reader_in_the_growing_tail_misses_nothing_when_it_is_sealed() {
        let mut kept = Kept::default();
        let (mut early, mut late) = (Position::default(), Position::default());
        kept.push_together(&Bytes::from_static(b"ab"));
        assert_eq!(read_all(&kept, &mut early), b"ab");
        kept.push_together(&Bytes::from_static(b"cd"));
        kept.push(Bytes::from_static(b"ef"));
        assert_eq!(read_all(&kept, &mut early), b"cdef");
        assert_eq!(read_all(&kept, &mut late), b"abcdef");
        assert_eq!(early, kept.end());
    }

    #[test]
    fn what_all_have_read_is_freed_and_nothing_else() {
        let mut kept = Kept::default();
        let mut position = Position::default();
        kept.push(Bytes::from_static(b"one"));
        kept.push_together(&Bytes::from_static(b"two"));
        kept.read(&mut position);
        kept.read(&mut position);
        kept.push_together(&Bytes::from_static(b"three"));
        kept.seal();
        assert_eq!(kept.free(position).len(), 1);
        assert_eq!(kept.bytes(), 8);
        assert_eq!(read_all(&kept, &mut position), b"three");
        assert_eq!(kept.free(position).len(), 1);
        assert_eq!((kept.bytes(), kept.is_whole()), (0, false));
    }

    #[test]
    fn where_all_was_read_all_is_freed_but_the_growing_tail() {
        let mut kept = Kept::default();
        let mut position = Position::default();
        for _ in 0..3 {
            kept.push(Bytes::from_static(b"one"));
        }
        kept.push_together(&Bytes::from_static(b"two"));
        read_all(&kept, &mut position);
        assert_eq!(kept.free(position).len(), 3);
        assert_eq!((kept.bytes(), kept.end()), (3, position));
        kept.push(Bytes::from_static(b"three"));
        assert_eq!(read_all(&kept, &mut position), b"three");
        assert_eq!(kept.free(position).len(), 2);
        assert_eq!((kept.bytes(), kept.end()), (0, position));
    }

    #[test]
    fn the_buffer_of_small_chunks_is_bounded() {
        let mut kept = Kept::default();
        for _ in 0..100 {
            kept.push_together(&Bytes::from_static(&[0; 1000]));
        }
        let chunks: Vec<_> = kept.chunks().collect();
        assert_eq!(chunks.len(), 25);
        assert_eq!(chunks.iter().map(Bytes::len).sum::<usize>(), 100_000);
    }
}
