//! Keys: a [`Scope`] (what kind of entry, under which name) and an [`Identifier`] (whose).
//!
//! As text, which only remote stores need, a key is `prefix:kind:name:identifier`. Every part is escaped, so two
//! different keys never share a text, and no input forms a key on its own.

use std::{fmt, time::Duration};

use super::{Error, ErrorKind, Identifier, Kind, MAX_READ, Result, Scope};

/// Where an entry lives: a [`Scope`] and an [`Identifier`]. Made by [`Scope::key`].
///
/// `Debug` shows the scope only: identifiers are addresses, users and hashed tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    // Compared first: it tells more keys apart.
    identifier: Identifier,
    scope: Scope,
}

impl Key {
    pub(super) const fn new(scope: Scope, identifier: Identifier) -> Self {
        Self { scope, identifier }
    }

    /// Returns the scope.
    #[must_use]
    pub const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the identifier.
    #[must_use]
    pub const fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// Returns the key as text, `prefix:kind:name:identifier`, for stores that need one. At most 1024 bytes, plus 44 for
    /// each secret in a tuple, plus the names. Injective: two different keys never have the same text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.scope.to_string();
        text.push(':');
        self.identifier.write_text(&mut text);
        text
    }

    /// Checks what every [`read`](super::Store::read) must refuse alike.
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) for more than [`MAX_READ`] keys; [`Invalid`](ErrorKind::Invalid) for one whose
    /// kind has a method of its own.
    pub fn validate_read(keys: &[Self]) -> Result<()> {
        if keys.len() > MAX_READ {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "more than 16 keys in a read",
            ));
        }
        keys.iter().try_for_each(|key| key.validate_value())
    }

    /// Checks what every [`increment`](super::Store::increment) must refuse alike.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a time to live of zero, or a kind that has a method of its own.
    pub fn validate_increment(&self, ttl: Duration) -> Result<()> {
        if ttl.is_zero() {
            return Err(Error::invalid("a time to live of zero"));
        }
        self.validate_value()
    }

    /// Checks what every [`members`](super::Store::members) must refuse alike.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a key that is not of the kind [`Index`](Kind::Index).
    pub fn validate_index(&self) -> Result<()> {
        if self.scope.kind() == Kind::Index {
            Ok(())
        } else {
            Err(Error::invalid("a key that is not an index"))
        }
    }

    pub(super) fn validate_value(&self) -> Result<()> {
        match self.scope.kind() {
            Kind::Limit | Kind::Index | Kind::Purge => Err(Error::invalid(
                "limits, indexes and purge logs are not read or written directly",
            )),
            _ => Ok(()),
        }
    }

    /// Returns a hash that nobody outside this process can predict or make collide.
    ///
    /// The memory store keeps 128 bits of SipHash-1-3 instead of the key: with a secret seed and outputs never shown,
    /// two of a billion keys meet with a chance below 2⁻⁶⁸.
    #[inline]
    pub(crate) fn digest(&self) -> (u64, u64) {
        self.identifier.siphash(self.scope.digest())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn text_is_injective() {
        let scopes = ["a", "a:b", "a%3Ab", "", "l:a"].map(|name| Scope::new(Kind::Limit, name));
        let ids = ["", "b:c", "b%3Ac", "127.0.0.1", "@127.0.0.1", "~", "é"].map(Identifier::from);
        let ip = Identifier::from(IpAddr::from([127, 0, 0, 1]));
        let secret = Identifier::secret("b:c");
        let long = Identifier::new([b'x'; 33_000]);
        // R22
        let tuples = [["a:b", "c"], ["a", "b:c"], ["b:c", "a"]]
            .map(|parts| Identifier::tuple(&parts.map(Identifier::from)));
        let mut texts = Vec::new();
        for scope in scopes
            .iter()
            .flat_map(|scope| [scope.clone(), scope.within("a"), scope.within("l:a")])
        {
            for id in ids.iter().chain([&ip, &secret, &long]).chain(&tuples) {
                texts.push(scope.key(id.clone()).to_text());
            }
        }
        let count = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), count);
    }

    #[test]
    fn text_is_readable_and_bounded() {
        let scope = Scope::new(Kind::Limit, "api").within("prod");
        assert_eq!(scope.key("user-7").to_text(), "prod:l:api:user-7");
        assert_eq!(
            scope.key(IpAddr::from([203, 0, 113, 9])).to_text(),
            "prod:l:api:@203.0.113.9"
        );
        assert_eq!(scope.within("eu").key("7").to_text(), "eu:prod:l:api:7");
        assert!(scope.key(Identifier::new([0; 255])).to_text().len() < 800);
        assert_eq!(
            scope.key(Identifier::new([0; 33_000])).to_text().len(),
            "prod:l:api:~".len() + 43
        );
    }

    #[test]
    fn digests_follow_equality() {
        let scope = Scope::new(Kind::Data, "x");
        for len in [0, 1, 37, 38, 39, 40, 255, 256, 33_000] {
            let id = || Identifier::new(vec![b'x'; len]);
            assert_eq!(
                scope.key(id()).digest(),
                Scope::new(Kind::Data, "x").key(id()).digest()
            );
            assert_ne!(
                scope.key(id()).digest(),
                scope.within("p").key(id()).digest()
            );
            assert_ne!(
                scope.key(id()).digest(),
                Scope::new(Kind::Lock, "x").key(id()).digest()
            );
        }
    }

    #[test]
    fn debug_shows_no_identifier() {
        let key = Scope::new(Kind::Session, "app").key("secret");
        assert!(!format!("{key:?} {:?}", key.identifier()).contains("secret"));
    }
}
