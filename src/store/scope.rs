//! Scopes: what kind of entry, under which name and prefix.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, OnceLock},
};

use super::{
    Error, ErrorKind, Identifier, Key, MAX_TAGS, Result, Tag, identifier::escape,
    siphash::siphash128,
};

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
        let seed = siphash128(process_seed(), text.as_bytes());
        Self(Arc::new(Named {
            kind,
            name: name.into(),
            prefix: prefix.into(),
            seed,
        }))
    }

    /// Returns the key of `identifier` in this scope.
    #[must_use]
    pub fn key(&self, identifier: impl Into<Identifier>) -> Key {
        Key::new(self.clone(), identifier.into())
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
    #[inline]
    pub(crate) fn digest(&self) -> (u64, u64) {
        self.0.seed
    }

    /// Returns what no other scope has while this one lives.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
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

fn process_seed() -> (u64, u64) {
    static SEED: OnceLock<(u64, u64)> = OnceLock::new();
    // Where the system has no random source to spare, std's own seed is the best there is.
    let random = || getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0));
    *SEED.get_or_init(|| (random(), random()))
}
