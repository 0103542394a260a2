//! Purging by tag, everywhere and without a search: a log of marks.
//!
//! Whoever fills an entry remembers what it knew of the log **when it looked up**: a [`Stamp`]. The entry is good while
//! no tag of it has a later mark. So a purge that races a fill wins, and no clock of an application is compared.

use std::{collections::HashMap, fmt};

use super::{Error, ErrorKind, Identifier, Result, Scope, SharedStore};

/// A word that entries carry, and a purge names. As an [`Identifier`], any bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Identifier);

impl Tag {
    /// Names a tag.
    #[must_use]
    pub fn new(tag: impl Into<Identifier>) -> Self {
        Self(tag.into())
    }

    /// Returns the tag as an identifier.
    #[must_use]
    pub const fn identifier(&self) -> &Identifier {
        &self.0
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tag").finish_non_exhaustive()
    }
}

/// What a [`purge`](super::Store::purge) is about.
#[derive(Clone, Copy, Debug)]
pub enum Purge<'a> {
    /// Entries with any of these tags.
    Tags(&'a [Tag]),
    /// Every entry.
    Everything,
}

/// The life of a log, a random number: entries of an earlier one are all purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(u128);

impl Epoch {
    /// Creates an epoch from its number, which must be random. For authors of stores.
    #[must_use]
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// Draws an epoch.
    pub(super) fn random() -> Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "no random numbers").with_source(error)
        })?;
        Ok(Self(u128::from_le_bytes(random)))
    }

    /// Returns the number.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

/// A point of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    epoch: Epoch,
    id: u128,
    nonce: u64,
}

impl Position {
    /// Creates a position: `id` grows along the log, and `nonce` tells apart what a lost and restored log might number
    /// alike. For authors of stores.
    #[must_use]
    pub const fn new(epoch: Epoch, id: u128, nonce: u64) -> Self {
        Self { epoch, id, nonce }
    }

    /// Returns the epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns the number along the log.
    #[must_use]
    pub const fn id(&self) -> u128 {
        self.id
    }

    /// Returns the nonce.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        self.nonce
    }
}

/// What [`purges`](super::Store::purges) answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Purges {
    /// The end of the log.
    pub position: Position,
    /// Whether `marks` are all there are: the caller had none, or missed something.
    pub complete: bool,
    /// Tags, and the id of the position at which each was last purged.
    pub marks: Vec<(Tag, u128)>,
}

impl Purges {
    /// Creates an answer. For authors of stores.
    #[must_use]
    pub const fn new(position: Position, complete: bool, marks: Vec<(Tag, u128)>) -> Self {
        Self {
            position,
            complete,
            marks,
        }
    }
}

/// What the filler of an entry knew of the log when it looked up. Stored with the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    epoch: Epoch,
    id: u128,
}

impl Stamp {
    /// Creates a stamp from its stored parts.
    #[must_use]
    pub const fn new(epoch: Epoch, id: u128) -> Self {
        Self { epoch, id }
    }

    /// Returns the epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Returns the id.
    #[must_use]
    pub const fn id(&self) -> u128 {
        self.id
    }
}

/// A local picture of a log: which entries are still good.
#[derive(Clone, Debug, Default)]
pub struct PurgeView {
    position: Option<Position>,
    marks: HashMap<Tag, u128>,
}

impl PurgeView {
    /// Creates a view that knows nothing, and admits nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Brings the view up to date: one trip.
    ///
    /// # Errors
    /// Those of the store; the view stays as it was.
    ///
    /// # Cancellation
    /// Dropping the future leaves the view as it was.
    pub async fn refresh(&mut self, store: &SharedStore, log: &Scope) -> Result<()> {
        let purges = super::Store::purges(store, log, self.position).await?;
        self.apply(purges);
        Ok(())
    }

    /// Applies an answer to [`position`](Self::position).
    pub fn apply(&mut self, purges: Purges) {
        let known = self.position.map(|position| position.epoch);
        if purges.complete || known != Some(purges.position.epoch) {
            self.marks.clear();
        }
        self.position = Some(purges.position);
        for (tag, id) in purges.marks {
            let mark = self.marks.entry(tag).or_insert(id);
            *mark = id.max(*mark);
        }
    }

    /// Returns the point up to which the view knows the log, for [`purges`](super::Store::purges).
    #[must_use]
    pub const fn position(&self) -> Option<Position> {
        self.position
    }

    /// Returns the stamp for an entry whose lookup is made now. `None` before the first answer.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        self.position.map(|position| Stamp {
            epoch: position.epoch,
            id: position.id,
        })
    }

    /// Returns whether an entry with this stamp and these tags is still good, as far as the view knows.
    #[must_use]
    pub fn admits<'a>(&self, stamp: Stamp, tags: impl IntoIterator<Item = &'a Tag>) -> bool {
        let current = self
            .position
            .is_some_and(|position| position.epoch == stamp.epoch);
        current
            && tags
                .into_iter()
                .all(|tag| self.marks.get(tag).is_none_or(|mark| *mark <= stamp.id))
    }
}
