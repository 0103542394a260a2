//! What can be kept.

use bytes::Bytes;

/// A value that a memo can keep: strings and bytes, and whatever has a form of bytes.
///
/// The [module](super) shows one of a type's own.
pub trait MemoValue: Sized {
    /// Returns the value as bytes.
    fn to_bytes(&self) -> Bytes;

    /// Makes a value of what [`to_bytes`](Self::to_bytes) returned, perhaps in another version of the program. `None`: it
    /// is none, and counts as absent.
    fn from_bytes(bytes: Bytes) -> Option<Self>;
}

impl MemoValue for Bytes {
    fn to_bytes(&self) -> Bytes {
        self.clone()
    }

    fn from_bytes(bytes: Bytes) -> Option<Self> {
        Some(bytes)
    }
}

impl MemoValue for Vec<u8> {
    fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    fn from_bytes(bytes: Bytes) -> Option<Self> {
        Some(bytes.into())
    }
}

impl MemoValue for String {
    fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }

    fn from_bytes(bytes: Bytes) -> Option<Self> {
        Self::from_utf8(bytes.into()).ok()
    }
}
