//! Large data at rest, in LZ4 where it helps.

use bytes::Bytes;
use lz4_flex::block::{compress_into, decompress_into, get_maximum_output_size};

use crate::session::data::Data;

/// What is smaller fits the packets it would take anyway.
const FROM: usize = 4 << 10;
/// LZ4 makes at most 255 bytes of one, and what says more is damaged.
const MOST: usize = 256;

/// Returns the data in LZ4, or `None` where they stay as they are: they are small, or would not lose an eighth.
pub(super) fn pack(data: &Data) -> Option<Vec<u8>> {
    if data.size() < FROM {
        return None;
    }
    let mut plain = Vec::with_capacity(data.size());
    data.encode(&mut plain);
    let mut packed = vec![0; get_maximum_output_size(plain.len())];
    let length = compress_into(&plain, &mut packed).ok()?;
    packed.truncate(length);
    (length <= plain.len() - plain.len() / 8).then_some(packed)
}

/// Returns what was packed. `None` if it is damaged, or not `size` bytes, which whoever calls has bounded.
pub(super) fn unpack(packed: &[u8], size: usize) -> Option<Bytes> {
    // Checked before there is room for it: a damaged size must not take the memory.
    if size > packed.len().saturating_mul(MOST) {
        return None;
    }
    let mut plain = vec![0; size];
    let length = decompress_into(packed, &mut plain).ok()?;
    (length == size).then(|| plain.into())
}
