//! The name of a session.

use super::error::Result;

/// The name of a session in lists of devices and on buttons that end it. It outlives rotations, says nothing, and lets nobody
/// in. `Display` and `FromStr` go by 22 letters of base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 16]);

impl SessionId {
    pub(super) fn generate() -> Result<Self> {
        unimplemented!()
    }

    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}
