//! What a write asks for: a batch of puts and deletes, each under a condition, all or nothing.

use std::{fmt, time::Duration};

use bytes::Bytes;

use super::{Error, ErrorKind, Key, MAX_BATCH, Result, Version};

/// When a write may happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// Whatever is stored.
    #[default]
    Always,
    /// Only if there is no entry.
    Absent,
    /// Only if there is an entry.
    Present,
    /// Only if the entry still has this version.
    Unchanged(Version),
}

/// One put or delete of a [`Batch`].
#[derive(Clone, Debug)]
pub struct Write {
    key: Key,
    change: Change,
    condition: Condition,
    membership: Option<Membership>,
    membership_ttl: Option<Duration>,
    is_exact: bool,
}

/// What a [`Write`] does to its entry.
#[derive(Clone)]
#[non_exhaustive]
pub enum Change {
    /// Stores a value for a time to live.
    Put {
        /// The value.
        value: Bytes,
        /// How long the entry lives, rounded up to a whole millisecond.
        ttl: Duration,
    },
    /// Removes the entry.
    Delete,
}

/// The index an entry joins when it is put, and leaves when it is deleted.
#[derive(Clone, Debug)]
pub struct Membership {
    index: Key,
    at_most: Option<u32>,
    ttl: Option<Duration>,
}

impl Write {
    /// Puts `value` under `key` for `ttl`: more than zero, rounded up to a whole millisecond, at most
    /// [`MAX_TTL`](super::MAX_TTL) (longer ones are cut to it).
    #[must_use]
    pub fn put(key: Key, value: impl Into<Bytes>, ttl: Duration) -> Self {
        Self::new(
            key,
            Change::Put {
                value: value.into(),
                ttl,
            },
        )
    }

    /// Deletes the entry under `key`. Deleting what is not there succeeds, unless a condition says otherwise.
    #[must_use]
    pub const fn delete(key: Key) -> Self {
        Self::new(key, Change::Delete)
    }

    const fn new(key: Key, change: Change) -> Self {
        Self {
            key,
            change,
            condition: Condition::Always,
            membership: None,
            membership_ttl: None,
            is_exact: false,
        }
    }

    /// Says that the value is all of its buffer: a store in this process may keep it as it is. By default it copies it, so that
    /// a slice does not keep a larger buffer alive.
    pub(crate) const fn exact(mut self) -> Self {
        self.is_exact = true;
        self
    }

    pub(super) const fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// Sets the condition. Default: [`Condition::Always`].
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// Makes the entry a member of `index` when it is put, for its time to live or [longer](Self::membership_ttl); takes it
    /// out when it is deleted, also where the entry itself is gone already.
    ///
    /// The index lists the [identifier](super::Identifier) of the key, so all members of an index are of one scope. A put that
    /// names no index leaves every membership as it is; one that does sets its end anew.
    #[must_use]
    pub fn member_of(self, index: Key) -> Self {
        self.joining(index, None)
    }

    /// As [`member_of`](Self::member_of), and refuses the batch when it lets the index grow beyond `most` members.
    ///
    /// Members that leave in the same batch are taken out first; an entry that is a member already is not counted
    /// twice. Means nothing for a delete.
    ///
    /// A member counts until its membership ends, even where its entry is gone. Whoever limits, and lets memberships
    /// [outlive](Self::membership_ttl) their entries, makes room by deleting with [`member_of`](Self::member_of) what it finds
    /// gone.
    #[must_use]
    pub fn member_of_at_most(self, index: Key, most: u32) -> Self {
        self.joining(index, Some(most))
    }

    fn joining(mut self, index: Key, at_most: Option<u32>) -> Self {
        self.membership = Some(Membership {
            index,
            at_most,
            ttl: self.membership_ttl,
        });
        self
    }

    /// Lets the membership last for `ttl`, where that is longer than the entry's own time to live: more than zero, rounded up
    /// to a whole millisecond, at most [`MAX_TTL`](super::MAX_TTL) (longer ones are cut to it). Default: as long as the entry.
    ///
    /// For an entry that is put again later without naming the index, which costs less: it stays a member for as long as it
    /// may be prolonged. Means nothing for a delete, or without an index.
    #[must_use]
    pub fn membership_ttl(mut self, ttl: Duration) -> Self {
        self.membership_ttl = Some(ttl);
        if let Some(membership) = &mut self.membership {
            membership.ttl = Some(ttl);
        }
        self
    }

    /// Returns the key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Returns what happens to the entry.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// Returns the condition.
    #[must_use]
    pub const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Returns the index the entry joins or leaves.
    #[must_use]
    pub const fn membership(&self) -> Option<&Membership> {
        self.membership.as_ref()
    }

    pub(crate) fn map_keys(&self, map: impl Fn(&Key) -> Key) -> Self {
        let membership = self.membership.as_ref();
        Self {
            key: map(&self.key),
            change: self.change.clone(),
            is_exact: self.is_exact,
            condition: self.condition.clone(),
            membership: membership.map(|m| Membership {
                index: map(&m.index),
                at_most: m.at_most,
                ttl: m.ttl,
            }),
            membership_ttl: self.membership_ttl,
        }
    }
}

impl Membership {
    /// Returns the key of the index.
    #[must_use]
    pub const fn index(&self) -> &Key {
        &self.index
    }

    /// Returns how many members the index may have.
    #[must_use]
    pub const fn at_most(&self) -> Option<u32> {
        self.at_most
    }

    /// Returns the membership's own time to live, as it was asked for.
    #[must_use]
    pub const fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Returns how long the membership of an entry lasts that is put for `entry`: never less than that. Not yet rounded or
    /// cut. For authors of stores.
    #[must_use]
    pub fn lasts(&self, entry: Duration) -> Duration {
        self.ttl.map_or(entry, |ttl| ttl.max(entry))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { value, ttl } => f
                .debug_struct("Put")
                .field("bytes", &value.len())
                .field("ttl", ttl)
                .finish(),
            Self::Delete => f.write_str("Delete"),
        }
    }
}

/// Up to [`MAX_BATCH`] writes that happen all or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch(Vec<Write>);

impl Batch {
    /// Creates an empty batch, which does nothing and costs no trip.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a write.
    #[must_use]
    pub fn with(mut self, write: Write) -> Self {
        self.0.push(write);
        self
    }

    /// Returns the writes in their order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.0
    }

    /// Checks what every store must refuse alike, before it does anything.
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) for more than [`MAX_BATCH`] writes; [`Invalid`](ErrorKind::Invalid) for two
    /// writes of one key or of one member of an index, a time to live of zero, be it of an entry or of its membership,
    /// or a key whose kind has a method of its own ([limits](super::Kind::Limit), [indexes](super::Kind::Index), [purge logs](super::Kind::Purge)).
    pub fn validate(&self) -> Result<()> {
        if self.0.len() > MAX_BATCH {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "more than 16 writes in a batch",
            ));
        }
        for (at, write) in self.0.iter().enumerate() {
            write.validate()?;
            let mut earlier = self.0.iter().take(at);
            if earlier.any(|earlier| earlier.key == write.key || earlier.is_member_with(write)) {
                return Err(Error::invalid(
                    "two writes of one key or one member in a batch",
                ));
            }
        }
        Ok(())
    }
}

impl Write {
    fn is_member_with(&self, other: &Self) -> bool {
        let index = |write: &Self| {
            write
                .membership
                .as_ref()
                .map(|membership| membership.index.clone())
        };
        self.key.identifier() == other.key.identifier()
            && index(self).is_some()
            && index(self) == index(other)
    }

    fn validate(&self) -> Result<()> {
        self.key.validate_value()?;
        self.membership
            .iter()
            .try_for_each(|membership| membership.index.validate_index())?;
        match self.change {
            Change::Put { ttl, .. } if ttl.is_zero() => {
                Err(Error::invalid("a time to live of zero"))
            }
            Change::Put { .. } if self.membership_ttl.is_some_and(|ttl| ttl.is_zero()) => {
                Err(Error::invalid("a membership with a time to live of zero"))
            }
            _ => Ok(()),
        }
    }
}

impl From<Write> for Batch {
    fn from(write: Write) -> Self {
        Self(vec![write])
    }
}

impl<const N: usize> From<[Write; N]> for Batch {
    fn from(writes: [Write; N]) -> Self {
        Self(writes.into())
    }
}

impl FromIterator<Write> for Batch {
    fn from_iter<I: IntoIterator<Item = Write>>(writes: I) -> Self {
        Self(writes.into_iter().collect())
    }
}
