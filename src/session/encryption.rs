//! Sessions that are encrypted at rest.

use super::{Keyring, SessionLayer};

impl SessionLayer {
    /// Encrypts what sessions hold, with their subject and times bound to it. Default: nothing is encrypted; tokens are hashed
    /// in any case.
    #[must_use]
    pub fn encrypt(self, keyring: Keyring) -> Self {
        self.set(|config| config.keyring = Some(keyring))
    }
}
