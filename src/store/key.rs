//! Keys: a [`Scope`] (what kind of entry, under which name) and an [`Identifier`] (whose).
//!
//! As text, which only remote stores need, a key is `prefix:kind:name:identifier`. Every part is escaped, so two
//! different keys never share a text, and no input forms a key on its own.

use std::{
    fmt::{self, Write as _},
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest as _, Sha256};
use siphasher::sip128::SipHasher13;

use super::{Error, ErrorKind, MAX_READ, MAX_TAGS, Result, Tag};

/// What an entry is for. The memory store has a byte budget for each group of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The state of a limit, written by [`acquire`](super::Store::acquire).
    Limit,
    /// A session.
    Session,
    /// An index over sessions, see [`members`](super::Store::members).
    Index,
    /// A stored response.
    Cache,
    /// A purge log, see [`purge`](super::Store::purge).
    Purge,
    /// A counter.
    Counter,
    /// A lock.
    Lock,
    /// An entry of the application's own.
    Data,
}

impl Kind {
    const fn code(self) -> &'static str {
        match self {
            Self::Limit => "l",
            Self::Session => "s",
            Self::Index => "i",
            Self::Cache => "c",
            Self::Purge => "p",
            Self::Counter => "n",
            Self::Lock => "k",
            Self::Data => "d",
        }
    }
}

/// A kind and a name: the part of a key that does not depend on the request.
///
/// Made once and cloned, which is cheap. The name of a limit or policy is always part of its keys, so that two limits
/// never share a counter by accident.
#[derive(Clone)]
pub struct Scope(Arc<Named>);

struct Named {
    kind: Kind,
    name: Box<str>,
    prefix: Box<str>,
    // The key of the hash that the memory store takes of an identifier in this scope.
    seed: (u64, u64),
}

impl Scope {
    /// Names a scope. Any name is allowed: it is escaped where a key becomes text.
    #[must_use]
    pub fn new(kind: Kind, name: &str) -> Self {
        Self::prefixed(kind, name, String::new())
    }

    /// Returns the same scope under a prefix: the entries of one environment or tenant, apart from all others.
    ///
    /// Prefixes nest: the outermost comes first in the text.
    #[must_use]
    pub fn within(&self, prefix: &str) -> Self {
        let mut whole = escape(prefix.as_bytes());
        whole.push(':');
        whole.push_str(&self.0.prefix);
        Self::prefixed(self.0.kind, &self.0.name, whole)
    }

    fn prefixed(kind: Kind, name: &str, prefix: String) -> Self {
        let text = format!("{prefix}{}:{}", kind.code(), escape(name.as_bytes()));
        let (key0, key1) = process_seed();
        let seed = SipHasher13::new_with_keys(key0, key1).hash(text.as_bytes());
        Self(Arc::new(Named {
            kind,
            name: name.into(),
            prefix: prefix.into(),
            seed: seed.as_u64(),
        }))
    }

    /// Returns the key of `identifier` in this scope.
    #[must_use]
    pub fn key(&self, identifier: impl Into<Identifier>) -> Key {
        Key {
            scope: self.clone(),
            identifier: identifier.into(),
        }
    }

    /// Checks what every [`purge`](super::Store::purge) and [`purges`](super::Store::purges) must refuse alike.
    ///
    /// # Errors
    /// [`Invalid`](ErrorKind::Invalid) for a scope that is not of the kind [`Purge`](Kind::Purge);
    /// [`TooLarge`](ErrorKind::TooLarge) for more than [`MAX_TAGS`] tags.
    pub fn validate_log(&self, tags: &[Tag]) -> Result<()> {
        if self.kind() != Kind::Purge {
            return Err(Error::invalid("a scope that is not a purge log"));
        }
        if tags.len() > MAX_TAGS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "more than 256 tags in a purge",
            ));
        }
        Ok(())
    }

    /// Returns a hash of the scope, see [`Key::digest`].
    pub(crate) fn digest(&self) -> (u64, u64) {
        self.0.seed
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// Returns the name, as given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.kind == other.0.kind
                && self.0.name == other.0.name
                && self.0.prefix == other.0.prefix)
    }
}

impl Eq for Scope {}

impl fmt::Display for Scope {
    /// Writes `prefix:kind:name`, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}:{}",
            self.0.prefix,
            self.0.kind.code(),
            escape(self.0.name.as_bytes())
        )
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

/// Where an entry lives: a [`Scope`] and an [`Identifier`]. Made by [`Scope::key`].
///
/// `Debug` shows the scope only: identifiers are addresses, users and hashed tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    scope: Scope,
    identifier: Identifier,
}

impl Key {
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

    /// Returns the same key under a prefix, see [`Scope::within`].
    #[must_use]
    pub fn within(&self, prefix: &str) -> Self {
        Self {
            scope: self.scope.within(prefix),
            identifier: self.identifier.clone(),
        }
    }

    /// Returns the key as text, `prefix:kind:name:identifier`, for stores that need one. At most 800 bytes, plus the
    /// names. Injective: two different keys never have the same text.
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
    pub(crate) fn digest(&self) -> (u64, u64) {
        let (key0, key1) = self.scope.0.seed;
        SipHasher13::new_with_keys(key0, key1)
            .hash(self.identifier.as_tagged())
            .as_u64()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Whose entry it is: an address, a name, a hash.
///
/// Any bytes are allowed, also none. More than 255 bytes are replaced by their SHA-256, so that no input makes a key
/// large. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier(Repr);

const INLINE: usize = 46;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    // The first byte is a tag, so that an address never equals the name that spells it.
    Inline(u8, [u8; INLINE]),
    Heap(Arc<[u8]>),
}

impl Identifier {
    const NAME: u8 = b'n';
    const IPV4: u8 = b'4';
    const IPV6: u8 = b'6';
    const DIGEST: u8 = b'~';
    const SECRET: u8 = b'!';
    const MISSING: u8 = b'*';
    const LONGEST: usize = 255;

    /// Takes the bytes as they are, up to 255 of them, and the SHA-256 of more.
    #[must_use]
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        if bytes.len() > Self::LONGEST {
            Self::hashed(bytes)
        } else {
            Self::tagged(Self::NAME, bytes)
        }
    }

    /// Takes the SHA-256 of the bytes: for session tokens, API keys and whatever else must not lie in a store.
    #[must_use]
    pub fn hashed(secret: impl AsRef<[u8]>) -> Self {
        Self::digest(Sha256::digest(secret).into())
    }

    /// Takes a secret that must not lie in a store, and hashes it only where the key becomes text: for API keys that
    /// name a limit. The memory store keeps no key, so it saves the SHA-256.
    #[must_use]
    pub fn secret(secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        if secret.len() > Self::LONGEST {
            Self::hashed(secret)
        } else {
            Self::tagged(Self::SECRET, secret)
        }
    }

    /// Takes a SHA-256 that was made elsewhere.
    #[must_use]
    pub fn digest(sha256: [u8; 32]) -> Self {
        Self::tagged(Self::DIGEST, &sha256)
    }

    /// Stands for what nothing in a request tells: another identifier than any that something tells.
    pub(crate) fn missing() -> Self {
        Self::tagged(Self::MISSING, &[])
    }

    fn tagged(tag: u8, bytes: &[u8]) -> Self {
        if bytes.len() < INLINE {
            let mut inline = [0; INLINE];
            inline[0] = tag;
            inline[1..=bytes.len()].copy_from_slice(bytes);
            Self(Repr::Inline(bytes.len() as u8 + 1, inline))
        } else {
            Self(Repr::Heap([&[tag], bytes].concat().into()))
        }
    }

    fn as_tagged(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(len, bytes) => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Heap(bytes) => bytes,
        }
    }

    fn write_text(&self, text: &mut String) {
        let (tag, bytes) = self.as_tagged().split_first().unwrap_or((&Self::NAME, &[]));
        // `@`, `~`, `!` and `*` never begin an escaped name.
        match *tag {
            Self::DIGEST => {
                text.push('~');
                URL_SAFE_NO_PAD.encode_string(bytes, text);
            }
            Self::SECRET => {
                text.push('!');
                URL_SAFE_NO_PAD.encode_string(Sha256::digest(bytes), text);
            }
            Self::MISSING => text.push('*'),
            Self::IPV4 | Self::IPV6 => {
                text.push('@');
                // Writing to a string cannot fail.
                let _ = match ip(bytes) {
                    Some(ip) => write!(
                        text,
                        "{}",
                        percent_encode(ip.to_string().as_bytes(), ESCAPED)
                    ),
                    None => Ok(()),
                };
            }
            _ => text.extend(percent_encode(bytes, ESCAPED)),
        }
    }
}

impl From<&str> for Identifier {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Identifier {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

impl From<IpAddr> for Identifier {
    /// Takes the address as it is. An IPv4 address mapped into IPv6 is another identifier than the address itself:
    /// see [`IpAddr::to_canonical`].
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::tagged(Self::IPV4, &ip.octets()),
            IpAddr::V6(ip) => Self::tagged(Self::IPV6, &ip.octets()),
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identifier").finish_non_exhaustive()
    }
}

const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

fn escape(bytes: &[u8]) -> String {
    percent_encode(bytes, ESCAPED).to_string()
}

fn ip(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets)
            .ok()
            .map(|octets| Ipv4Addr::from(octets).into()),
        _ => <[u8; 16]>::try_from(octets)
            .ok()
            .map(|octets| Ipv6Addr::from(octets).into()),
    }
}

fn process_seed() -> (u64, u64) {
    static SEED: OnceLock<(u64, u64)> = OnceLock::new();
    // Where the system has no random source to spare, std's own seed is the best there is.
    let random = || getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0));
    *SEED.get_or_init(|| (random(), random()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_injective() {
        let scopes = ["a", "a:b", "a%3Ab", "", "l:a"].map(|name| Scope::new(Kind::Limit, name));
        let ids = ["", "b:c", "b%3Ac", "127.0.0.1", "@127.0.0.1", "~", "é"].map(Identifier::from);
        let ip = Identifier::from(IpAddr::from([127, 0, 0, 1]));
        let secret = Identifier::secret("b:c");
        let long = Identifier::new([b'x'; 33_000]);
        let mut texts = Vec::new();
        for scope in scopes
            .iter()
            .flat_map(|scope| [scope.clone(), scope.within("a"), scope.within("l:a")])
        {
            for id in ids.iter().chain([&ip, &secret, &long]) {
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
        for len in [0, 1, 44, 45, 46, 47, 255, 256, 33_000] {
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
