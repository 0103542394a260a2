//! What a read answers: entries with their versions.

use std::{fmt, ops::Deref};

use bytes::Bytes;
use smallvec::SmallVec;

/// A stored value and its version.
#[derive(Clone)]
pub struct Entry {
    value: Bytes,
    // None: the value is what the store compares.
    version: Option<Version>,
}

impl Entry {
    /// Creates an entry of a store that compares whole values. For authors of stores.
    #[must_use]
    pub const fn new(value: Bytes) -> Self {
        Self {
            value,
            version: None,
        }
    }

    /// Creates an entry of a store that compares something else. For authors of stores.
    #[must_use]
    pub const fn with_version(value: Bytes, version: Version) -> Self {
        Self {
            value,
            version: Some(version),
        }
    }

    /// Returns the value.
    #[must_use]
    pub const fn value(&self) -> &Bytes {
        &self.value
    }

    /// Returns the value by itself.
    #[must_use]
    pub fn into_value(self) -> Bytes {
        self.value
    }

    /// Returns the version, for [`Condition::Unchanged`](super::Condition::Unchanged).
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
            .clone()
            .unwrap_or_else(|| Version(self.value.clone()))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.version() == other.version()
    }
}

impl Eq for Entry {}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("bytes", &self.value.len())
            .finish_non_exhaustive()
    }
}

/// Tells one value of an entry from another.
///
/// Opaque, and derived from the stored bytes alone: the same bytes have the same version. A value that must never be
/// mistaken for an earlier equal one carries a counter or random bytes of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Version(Bytes);

impl Version {
    /// Creates a version from what the store compares: the stored bytes, or their digest. For authors of stores.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Returns what the store compares.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Version").finish_non_exhaustive()
    }
}

/// The answer of a read, one place for each key in their order; `None` where there is no entry.
#[derive(Clone, Debug, Default)]
pub struct Entries(SmallVec<[Option<Entry>; 2]>);

impl Entries {
    /// Creates an empty answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the answer for the next key. For authors of stores.
    pub fn push(&mut self, entry: Option<Entry>) {
        self.0.push(entry);
    }

    /// Takes all answers out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Returns the first answer by itself: the one of a read of one key.
    #[must_use]
    pub fn into_first(self) -> Option<Entry> {
        self.0.into_iter().next().flatten()
    }
}

impl Deref for Entries {
    type Target = [Option<Entry>];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl FromIterator<Option<Entry>> for Entries {
    fn from_iter<I: IntoIterator<Item = Option<Entry>>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl IntoIterator for Entries {
    type Item = Option<Entry>;
    type IntoIter = std::vec::IntoIter<Option<Entry>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}
