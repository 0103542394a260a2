//! A session as it is stored.

use bytes::Bytes;

use super::{
    data::Data, error::Result, id::SessionId, keyring::Keyring, lifetime::Lifetime, lifetime::Times,
};

/// A session at rest.
#[derive(Clone)]
pub(super) struct Record {
    /// Counts its writes, so that no two have the same bytes.
    pub(super) writes: u64,
    pub(super) id: SessionId,
    pub(super) times: Times,
    /// Its own; else it is that of the layer.
    pub(super) lifetime: Option<Lifetime>,
    pub(super) subject: Option<Box<str>>,
    pub(super) data: Data,
}

/// What the bytes at rest are bound to, and what they are sealed with.
#[derive(Clone, Copy)]
pub(super) struct Seal<'a> {
    pub(super) keyring: Option<&'a Keyring>,
    /// What only this session has: the identifier of its key, as text.
    pub(super) place: &'a str,
}

impl Record {
    pub(super) fn encode(&self, seal: Seal<'_>) -> Result<Bytes> {
        let _ = seal;
        unimplemented!()
    }

    /// # Errors
    /// `Corrupt`: these are no bytes of ours, or somebody has changed them. `max` bounds the size of the data.
    pub(super) fn decode(bytes: &Bytes, seal: Seal<'_>, max: usize) -> Result<Self> {
        let _ = (bytes, seal, max);
        unimplemented!()
    }
}
