//! What a session holds: keys, and values as JSON.

use bytes::Bytes;

/// Keys and values. Equal if the same keys have the same values. Cheap to clone.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Data(Vec<(Bytes, Bytes)>);

impl Data {
    /// Reads what [`encode`](Self::encode) wrote; slices of it are kept. `None`: something else.
    pub(super) fn decode(bytes: &Bytes) -> Option<Self> {
        let _ = bytes;
        unimplemented!()
    }

    /// Appends all of it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Bytes> {
        let _ = key;
        unimplemented!()
    }

    pub(super) fn set(&mut self, key: &str, value: Bytes) {
        let _ = (key, value);
        unimplemented!()
    }

    pub(super) fn remove(&mut self, key: &str) {
        let _ = key;
        unimplemented!()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the size of what [`encode`](Self::encode) writes.
    pub(super) fn size(&self) -> usize {
        unimplemented!()
    }
}
