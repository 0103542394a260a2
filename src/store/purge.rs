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
    // No mark is later.
    newest: u128,
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
            self.newest = 0;
        }
        self.position = Some(purges.position);
        self.mark_all(purges.marks);
    }

    /// Applies an answer to an earlier position, which may itself be older than what is known. Takes nothing back.
    ///
    /// Returns whether it is of the log that is known. Otherwise nobody can tell which of the two is the later one.
    pub(crate) fn apply_late(&mut self, since: Option<Position>, purges: Purges) -> bool {
        let Some(position) = self.position else {
            return false;
        };
        let is_same = |other: Position| other.epoch == position.epoch;
        // What lies between must be known.
        let is_next = |since: Position| is_same(since) && since.id <= position.id;
        if !is_same(purges.position) || !(purges.complete || since.is_some_and(is_next)) {
            return false;
        }
        if purges.position.id > position.id {
            self.position = Some(purges.position);
        }
        self.mark_all(purges.marks);
        true
    }

    /// Applies a [`purge`](super::Store::purge) of one's own, which answered `at`, without a trip: what it purged is not
    /// admitted from now on.
    ///
    /// [`position`](Self::position) stays where it is: others may have purged before `at`, which the next answer tells. A
    /// purge of everything, or one in an epoch that the view does not know, leaves a view that knows nothing, and admits
    /// nothing until then. An answer that was asked for before the purge must not be applied after it.
    pub fn purged(&mut self, what: Purge<'_>, at: Position) {
        let known = self.position.map(|position| position.epoch);
        match what {
            Purge::Tags(tags) if known == Some(at.epoch) => {
                self.mark_all(tags.iter().map(|tag| (tag.clone(), at.id)));
            }
            Purge::Tags(_) | Purge::Everything => *self = Self::new(),
        }
    }

    fn mark_all(&mut self, marks: impl IntoIterator<Item = (Tag, u128)>) {
        for (tag, id) in marks {
            let mark = self.marks.entry(tag).or_insert(id);
            *mark = id.max(*mark);
            self.newest = id.max(self.newest);
        }
    }

    /// Returns how many tags have a mark.
    pub(crate) fn marks(&self) -> usize {
        self.marks.len()
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
        // Most entries are younger than the last purge.
        current
            && (stamp.id >= self.newest
                || tags
                    .into_iter()
                    .all(|tag| self.marks.get(tag).is_none_or(|mark| *mark <= stamp.id)))
    }
}
