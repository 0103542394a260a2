//! Large data at rest, in LZ4 where it helps.

use bytes::Bytes;

use crate::{lz4, session::data::Data};

/// What is smaller fits the packets it would take anyway.
const FROM: usize = 4 << 10;
/// What becomes bytes has to be carried as base64 over HTTP, which costs a third.
const SAVED: usize = 4;

/// Returns the data in LZ4, or `None` where they stay as they are: they are small, or would not lose a quarter.
pub(super) fn pack(data: &Data) -> Option<Vec<u8>> {
    if data.size() < FROM {
        return None;
    }
    let mut plain = Vec::with_capacity(data.size());
    data.encode(&mut plain);
    lz4::pack(&plain, SAVED)
}

/// Returns what was packed. `None` if it is damaged, or not `size` bytes, which whoever calls has bounded.
pub(super) fn unpack(packed: &[u8], size: usize) -> Option<Bytes> {
    lz4::unpack(packed, size)
}
