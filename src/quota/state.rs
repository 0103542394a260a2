//! What is kept of a limit between two calls: 24 bytes, or for the strict window 72.

use super::{Quota, ban::Bannable, level::Expire};
use crate::{store::Decision, time::Timestamp};

/// The result of [`Quota::step`](super::Quota::step).
///
/// Reading the state, stepping and storing must be one: under a lock, in a transaction, or by a compare-and-set that
/// starts over when somebody else was first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What to store from now on, until it [expires](State::expires_at): at once, after a refund of all that was taken or
    /// a reset, and then the store deletes it. `None`: nothing changes, the time to live neither.
    pub state: Option<State>,
    /// The answer to the claim.
    pub decision: Decision,
}

/// The state of a limit: what a store keeps under a key.
///
/// Tagged with its algorithm, so that a state is never taken for one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(Repr);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Repr {
    Cell(Cell),
    Ring(Ring),
}

impl State {
    const FORMAT: u8 = 1;

    /// Returns when the state is indistinguishable from none: the store lets it expire then. Not later than the time
    /// of the step if the limit is as if never used.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        Timestamp::from_micros(match &self.0 {
            Repr::Cell(cell) => cell.expires(),
            Repr::Ring(ring) => ring.expires(),
        })
    }

    /// Returns the state as bytes, for a store that keeps bytes: a format byte, then little-endian words.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![Self::FORMAT];
        match &self.0 {
            Repr::Cell(cell) => [cell.meta, cell.a, cell.b]
                .iter()
                .for_each(|word| bytes.extend(word.to_le_bytes())),
            Repr::Ring(ring) => {
                [
                    u64::from(ring.fullness) << 57 | ring.expires << 3,
                    ring.width,
                    ring.head,
                ]
                .iter()
                .for_each(|word| bytes.extend(word.to_le_bytes()));
                ring.counts
                    .iter()
                    .for_each(|count| bytes.extend(count.to_le_bytes()));
            }
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. `None` for anything else: it counts as no state.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&Self::FORMAT, bytes) = bytes.split_first()? else {
            return None;
        };
        let (words, counts) = bytes.split_at_checked(24)?;
        let mut words = words
            .chunks_exact(8)
            .map_while(|word| Some(u64::from_le_bytes(word.try_into().ok()?)));
        let cell = Cell {
            meta: words.next()?,
            a: words.next()?,
            b: words.next()?,
        };
        if cell.a > Timestamp::MAX.as_micros() {
            return None;
        }
        if counts.is_empty() {
            return cell.is_sound().then(|| cell.into());
        }
        let mut ring = Ring {
            expires: cell.expires(),
            width: cell.a,
            head: cell.b,
            counts: [0; SLICES],
            fullness: cell.fullness(),
        };
        if counts.len() != 4 * SLICES
            || cell.tag() != Tag::None
            || ring.is_ban() // as which it would be a cell
            || ring.head > Timestamp::MAX.as_micros()
        {
            return None;
        }
        for (count, bytes) in ring.counts.iter_mut().zip(counts.chunks_exact(4)) {
            *count = u32::from_le_bytes(bytes.try_into().ok()?);
        }
        Some(ring.into())
    }

    pub(super) const fn cell(&self) -> Option<Cell> {
        match self.0 {
            Repr::Cell(cell) => Some(cell),
            Repr::Ring(_) => None,
        }
    }

    pub(super) fn ring(&self) -> Option<Ring> {
        match self.0 {
            Repr::Ring(ring) => Some(ring),
            Repr::Cell(cell) if cell.is_ban() => Some(Ring::ban(cell.expires())),
            Repr::Cell(_) => None,
        }
    }
}

impl From<Cell> for State {
    #[inline]
    fn from(cell: Cell) -> Self {
        Self(Repr::Cell(cell))
    }
}

impl From<Ring> for State {
    #[inline]
    fn from(ring: Ring) -> Self {
        // A ban is one whatever the algorithm.
        if ring.is_ban() {
            Cell::ban(ring.expires).into()
        } else {
            Self(Repr::Ring(ring))
        }
    }
}

/// The state of every algorithm but the strict window: when it expires, whose it is, how full, and two
/// words of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    meta: u64,
    pub(super) a: u64,
    pub(super) b: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Tag {
    None,
    Gcra,
    Fixed,
    Sliding,
    Bucket,
    Ban,
}

impl Cell {
    /// Past the end of time, everything ends with it.
    pub(super) const fn new(tag: Tag, fullness: u8, expires: u64, a: u64, b: u64) -> Self {
        let expires = if expires > END { END } else { expires };
        Self {
            meta: (fullness as u64) << 57 | expires << 3 | tag as u64,
            a,
            b,
        }
    }

    /// Returns how much is used up, from 0 to 127.
    pub(crate) const fn fullness(&self) -> u8 {
        (self.meta >> 57) as u8
    }

    #[inline]
    pub(super) const fn tag(&self) -> Tag {
        match self.meta & 7 {
            1 => Tag::Gcra,
            2 => Tag::Fixed,
            3 => Tag::Sliding,
            4 => Tag::Bucket,
            5 => Tag::Ban,
            _ => Tag::None,
        }
    }

    fn is_sound(&self) -> bool {
        match self.tag() {
            Tag::None => false,
            // The part is one of a microsecond, and the window one of a quota.
            Tag::Gcra => {
                self.b & u64::from(u32::MAX) < self.b >> 32
                    && (1..=Quota::LONGEST).contains(&self.a)
            }
            Tag::Fixed | Tag::Sliding | Tag::Bucket => self.a <= self.expires(),
            Tag::Ban => self.a == 0 && self.b == 0,
        }
    }
}

impl Expire for Cell {
    #[inline]
    fn expires(&self) -> u64 {
        self.meta >> 3 & END
    }
}

/// The last instant at which a state can end: later than [`Timestamp::MAX`], at which clocks stop.
pub(super) const END: u64 = (1 << 54) - 1;

pub(super) const SLICES: usize = 11;

/// The state of the strict window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    pub(super) expires: u64,
    pub(super) width: u64,
    pub(super) head: u64,
    pub(super) counts: [u32; SLICES],
    pub(super) fullness: u8,
}

impl Ring {
    /// Returns how much is used up, from 0 to 127.
    pub(crate) const fn fullness(&self) -> u8 {
        self.fullness
    }
}

impl Expire for Ring {
    #[inline]
    fn expires(&self) -> u64 {
        self.expires
    }
}
