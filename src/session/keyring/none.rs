//! No keys: without the feature `session-encryption` nothing is sealed.

use super::error::Result;

/// A keyring that nobody can have.
#[derive(Clone)]
pub(super) enum Keyring {}

impl Keyring {
    pub(super) const fn accepts_plain(&self) -> bool {
        match *self {}
    }

    pub(super) fn seal(&self, _: &[u8], _: &[&[u8]]) -> Result<Vec<u8>> {
        match *self {}
    }

    pub(super) fn open(&self, _: &[u8], _: &[&[u8]]) -> Option<Vec<u8>> {
        match *self {}
    }
}
