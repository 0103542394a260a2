//! Header values that cost no allocation of their own.

use std::cell::Cell;

use bytes::BytesMut;
use http::HeaderValue;

/// About eighty lines. A value that lives long keeps its whole chunk alive, so chunks are small.
const CHUNK: usize = 4096;

thread_local! {
    static ARENA: Cell<BytesMut> = Cell::new(BytesMut::with_capacity(CHUNK));
}

/// Returns what `write` appends, which must be printable ASCII.
///
/// It is a slice of this thread's chunk. The chunk is used again once all slices of it are gone; while some are alive, a
/// new one is allocated every few dozen lines.
#[inline]
pub(super) fn line(write: impl FnOnce(&mut BytesMut)) -> HeaderValue {
    // While the thread is ending its arena may have gone, and each line has a chunk of its own.
    let mut arena = ARENA.try_with(Cell::take).unwrap_or_default();
    write(&mut arena);
    let line = arena.split().freeze();
    let _ = ARENA.try_with(|place| place.set(arena));
    HeaderValue::from_maybe_shared(line).expect("a line is printable ASCII")
}

/// Returns a number as a value.
#[inline]
pub(super) fn number(number: impl itoa::Integer) -> HeaderValue {
    line(|line| put_number(line, number))
}

/// Appends a number.
#[inline]
pub(super) fn put_number(line: &mut BytesMut, number: impl itoa::Integer) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_outlive_their_chunk_keep_their_text() {
        let kept: Vec<HeaderValue> = (0..10_000_u32).map(number).collect();
        for (at, value) in kept.iter().enumerate() {
            assert_eq!(value.to_str().ok(), Some(at.to_string().as_str()));
        }
    }

    #[test]
    fn a_chunk_is_used_again_when_its_lines_are_gone() {
        let mut places: Vec<usize> = (0..100_000)
            .map(|_| number(1_000_000_u32).as_bytes().as_ptr() as usize)
            .collect();
        places.sort_unstable();
        let (first, last) = (places.first(), places.last());
        assert!(
            first
                .zip(last)
                .is_some_and(|(first, last)| last - first < CHUNK)
        );
    }
}
