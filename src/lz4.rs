//! LZ4, where it helps, and within bounds.

use bytes::Bytes;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

/// LZ4 makes at most 255 bytes of one, and what says more is damaged.
const MOST: usize = 256;

/// Returns the bytes in LZ4. `None` if they would not lose so much: one part of so many.
pub(crate) fn pack(plain: &[u8], part: usize) -> Option<Vec<u8>> {
    let mut packed = vec![0; get_maximum_output_size(plain.len())];
    let length = compress_into(plain, &mut packed).ok()?;
    packed.truncate(length);
    // It may live long, in a memory store behind an adapter.
    packed.shrink_to_fit();
    (length <= plain.len() - plain.len() / part).then_some(packed)
}

/// Returns what was packed. `None` if it is damaged, or not `size` bytes, which whoever calls has bounded.
pub(crate) fn unpack(packed: &[u8], size: usize) -> Option<Bytes> {
    // Checked before there is room for it: a damaged size must not take the memory.
    if size > packed.len().saturating_mul(MOST) {
        return None;
    }
    let mut plain = vec![0; size];
    let length = decompress_into(packed, &mut plain).ok()?;
    (length == size).then(|| plain.into())
}
