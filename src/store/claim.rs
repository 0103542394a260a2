//! What an acquire asks: claims on limits.

use std::time::Duration;

use crate::{
    quota::Quota,
    store::{Error, ErrorKind, Key, Kind, MAX_CLAIMS, Result},
    time::Timestamp,
};

/// One question of an [`acquire`](super::Store::acquire): may `key` spend this under `quota`?
#[derive(Clone, Debug)]
pub struct Claim {
    key: Key,
    quota: Quota,
    spend: Spend,
}

/// What a claim does with its units, or with its key.
///
/// All are one in a call: where a [`Take`](Self::Take) is refused, none is done. All cost the same, in a remote store a
/// command for each key that changes: a ban costs nothing on the claims that it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spend {
    /// Takes the units, or refuses the whole call.
    Take(u32),
    /// Tells whether the units could be taken. Changes nothing, refuses nothing.
    Peek(u32),
    /// Takes the units if they are there, and refuses nothing: a limit on trial.
    Shadow(u32),
    /// Takes the units even where they are not there: the price is known only afterwards. The debt has to be repaid
    /// before a [`Take`](Self::Take) is allowed again.
    Charge(u32),
    /// Gives units back that were taken in `window`. Past that window nothing is given back; never more than was taken
    /// in it, as far as the state tells; a caller names each charge once.
    Refund {
        /// How many units, at most what was taken.
        cost: u32,
        /// Where they were taken: [`Decision::window`](super::Decision::window) of that call.
        window: Window,
    },
    /// Forgets the key: it is as if never used. Refuses nothing, and lifts a [`Ban`](Self::Ban), too.
    ///
    /// A later [`Refund`](Self::Refund) of what was taken before is not told from one of what was taken since.
    Reset,
    /// Bans the key for a time, at most [`MAX_TTL`](super::MAX_TTL): whatever its quota, also after a change of it, any
    /// unit is refused with the rest of the ban as its wait, and charges and refunds change nothing. After it the key is
    /// as if never used.
    ///
    /// Another ban replaces this one, be it longer or shorter. One of less than a microsecond does nothing, as all that
    /// costs zero. A limit in the layout of `@upstash/ratelimit` cannot be banned:
    /// [`Unsupported`](ErrorKind::Unsupported).
    Ban(Duration),
}

/// The window, or for a rolling limit the instant, in which units were taken. Opaque to everyone but [`Quota`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(u64);

impl Window {
    /// That of what is not charged, during a ban: nothing is given back to it.
    pub(crate) const NEVER: Self = Self(Timestamp::MAX.as_micros());

    /// Creates a window from what [`as_u64`](Self::as_u64) returned. For authors of stores.
    #[must_use]
    pub const fn from_u64(window: u64) -> Self {
        Self(window)
    }

    /// Returns the window as a number, for a store that sends it elsewhere.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

impl Claim {
    /// Takes one unit of `quota` for `key`.
    ///
    /// The key belongs to a scope of the kind [`Limit`](Kind::Limit).
    #[must_use]
    pub const fn new(key: Key, quota: Quota) -> Self {
        Self {
            key,
            quota,
            spend: Spend::Take(1),
        }
    }

    /// Sets what the claim does. Default: `Spend::Take(1)`.
    #[must_use]
    pub const fn spend(mut self, spend: Spend) -> Self {
        self.spend = spend;
        self
    }

    /// Returns the key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Returns the quota.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Returns what the claim does.
    #[must_use]
    pub const fn spending(&self) -> Spend {
        self.spend
    }

    pub(crate) fn map_key(&self, map: impl Fn(&Key) -> Key) -> Self {
        Self {
            key: map(&self.key),
            quota: self.quota,
            spend: self.spend,
        }
    }

    /// Checks what every store must refuse alike, before it does anything.
    ///
    /// # Errors
    /// [`TooLarge`](ErrorKind::TooLarge) for more than [`MAX_CLAIMS`] claims; [`Invalid`](ErrorKind::Invalid) for a key
    /// that is not of the kind [`Limit`](Kind::Limit), or for two claims on one key with different quotas.
    pub fn validate(claims: &[Self]) -> Result<()> {
        Self::validate_each(claims)?;
        for (at, claim) in claims.iter().enumerate() {
            claims
                .iter()
                .take(at)
                .filter(|earlier| earlier.key == claim.key)
                .try_for_each(|earlier| earlier.agrees(claim))?;
        }
        Ok(())
    }

    /// Checks the claims one by one.
    #[inline]
    pub(crate) fn validate_each(claims: &[Self]) -> Result<()> {
        if claims.len() > MAX_CLAIMS {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "more than 8 claims in a call",
            ));
        }
        claims.iter().try_for_each(Self::validate_kind)
    }

    /// Checks two claims on one key.
    #[inline]
    pub(crate) fn agrees(&self, other: &Self) -> Result<()> {
        if self.quota == other.quota {
            Ok(())
        } else {
            Err(Error::invalid("two quotas for one key in a call"))
        }
    }

    #[inline]
    pub(crate) fn validate_kind(&self) -> Result<()> {
        if self.key.scope().kind() == Kind::Limit {
            Ok(())
        } else {
            Err(Error::invalid("a claim on a key that is not a limit"))
        }
    }
}
