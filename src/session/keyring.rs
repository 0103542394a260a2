//! The keys that data are sealed with at rest.

use std::fmt;

use super::error::Result;

/// Keys. The first one seals, the others only open.
#[derive(Clone)]
pub struct Keyring(());

impl Keyring {
    /// Seals `plain`; what it is bound to must be the same where it is opened.
    pub(super) fn seal(&self, plain: &[u8], bound_to: &[&[u8]]) -> Result<Vec<u8>> {
        let _ = (plain, bound_to);
        unimplemented!()
    }

    /// Opens what [`seal`](Self::seal) made. `None`: nobody of us made this, or it was changed.
    pub(super) fn open(&self, sealed: &[u8], bound_to: &[&[u8]]) -> Option<Vec<u8>> {
        let _ = (sealed, bound_to);
        unimplemented!()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}
