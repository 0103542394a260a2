//! The [`Store`] trait.

use std::{future::Future, time::Duration};

use super::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Members, Position, Purge, Purges, Result, Scope,
    Written,
};

/// The most keys of one [`read`](Store::read).
pub const MAX_READ: usize = 16;
/// The most writes of one [`Batch`].
pub const MAX_BATCH: usize = 16;
/// The most claims of one [`acquire`](Store::acquire).
pub const MAX_CLAIMS: usize = 8;
/// The most tags of one [`purge`](Store::purge).
pub const MAX_TAGS: usize = 256;
/// The longest time to live, ten years: longer ones are cut to it.
pub const MAX_TTL: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Where limits, stored responses, sessions and counters live.
///
/// Few methods, each because one round trip cannot do without it; the rest is sugar on
/// [`SharedStore`](super::SharedStore). What every store promises, and the `conformance` feature checks:
///
/// 1. Every method is **atomic and one trip**; only `members`, and a `purges` or a `read` of sessions that missed something,
///    may take more. Every entry has a time to live, and an expired entry is never returned.
/// 2. A write that is refused **says why**, and changes nothing.
/// 3. Membership in an index **ends with the entry**, or later: at an end [of its own](super::Write::membership_ttl), or when
///    it is pruned. A put that names no index changes no membership; a delete that names one ends it, also where the entry is
///    gone. A listing may name what is gone: it is never trusted for authentication.
/// 4. `acquire` is **all or nothing**, at one instant, serializable with every other call that shares a key.
/// 5. `Err` means that the **outcome is unknown** (but see [`Error`](super::Error)); nothing is retried silently.
/// 6. A **dropped future** leaves either the whole effect or none.
/// 7. **Time is the store's**: callers with skewed clocks cannot admit too much.
/// 8. Bad input (too many keys, an empty time to live, a foreign value) is a **typed error, never a panic**.
///
/// # Implementing
/// Write the seven required methods as plain `async fn`. Refuse bad input by [`Batch::validate`] and
/// [`Claim::validate`], decide limits by [`Quota::step`](crate::quota::Quota::step)
/// on a [`State`](crate::quota::State) kept as [bytes](crate::quota::State::to_bytes), inside whatever makes it atomic (a
/// lock, a transaction), name keys by [`Key::to_text`], and run the conformance suite.
/// A store that answers without waiting also overrides the `try_` methods, and saves its callers an allocation;
/// an adapter must forward them, or it silently gives that up.
pub trait Store: Send + Sync + 'static {
    /// Reads up to [`MAX_READ`] entries as they are at one instant, in the order of the keys. The same key may come twice.
    ///
    /// Several at once, because a cache asks for an entry and its likely variant, and a trip for each would double the
    /// latency.
    ///
    /// # Errors
    /// [`TooLarge`](super::ErrorKind::TooLarge) for more keys; [`Corrupt`](super::ErrorKind::Corrupt) where a key holds
    /// something that is not a value, such as an index.
    fn read(&self, keys: &[Key]) -> impl Future<Output = Result<Entries>> + Send;

    /// Writes a batch, all of it or nothing. An empty batch does nothing.
    ///
    /// All conditions come before the sizes of indexes: [`Refusal::IndexFull`](super::Refusal::IndexFull) means that every
    /// condition holds.
    ///
    /// Conditions are part of the write, because a check in a trip of its own would be a race: this is what keeps a
    /// session from coming back after its logout.
    ///
    /// # Errors
    /// As [`Batch::validate`]; [`TooLarge`](super::ErrorKind::TooLarge) for a value beyond [`limits`](Self::limits);
    /// [`QuotaExceeded`](super::ErrorKind::QuotaExceeded) when the store is full.
    fn write(&self, batch: &Batch) -> impl Future<Output = Result<Written>> + Send;

    /// Adds `by` to a counter and returns its new value. A counter begins at zero, and its time to live with it: later
    /// calls do not prolong it. A counter can be [`read`](Self::read), as a decimal number; a decimal number that was put
    /// can be counted on.
    ///
    /// # Errors
    /// [`Corrupt`](super::ErrorKind::Corrupt) where the key holds something else;
    /// [`Invalid`](super::ErrorKind::Invalid) where the sum overflows, the time to live is zero, or the key is of a kind
    /// with a method of its own. The counter is left as it was.
    fn increment(
        &self,
        key: &Key,
        by: i64,
        ttl: Duration,
    ) -> impl Future<Output = Result<i64>> + Send;

    /// Decides up to [`MAX_CLAIMS`] claims at one instant of the store's clock.
    ///
    /// If a [`Take`](super::Spend::Take) is refused, **nothing is written**, no time to live either; every claim still
    /// reports its own decision. Claims on one key see each other, in their order. Otherwise everything is written.
    ///
    /// # Errors
    /// As [`Claim::validate`].
    fn acquire(&self, claims: &[Claim]) -> impl Future<Output = Result<Decisions>> + Send;

    /// Lists a page of at most 100 members of an index, those that end first coming first.
    ///
    /// A page is exact; a listing over several pages may miss or repeat what changes meanwhile.
    ///
    /// # Errors
    /// [`Invalid`](super::ErrorKind::Invalid) for a key that is not of the kind [`Index`](super::Kind::Index).
    fn members(&self, index: &Key, cursor: Cursor) -> impl Future<Output = Result<Members>> + Send;

    /// Marks tags, or everything, as purged at this point of the log, and returns the point.
    ///
    /// Costs the same whatever carries the tags: nothing is searched. The store keeps a mark for at least [`MAX_TTL`],
    /// or forgets the whole log and begins a new [`Epoch`](super::Epoch), which purges everything.
    ///
    /// # Errors
    /// [`TooLarge`](super::ErrorKind::TooLarge) for more than [`MAX_TAGS`] tags; [`Invalid`](super::ErrorKind::Invalid)
    /// for a scope that is not of the kind [`Purge`](super::Kind::Purge).
    fn purge(&self, log: &Scope, what: Purge<'_>) -> impl Future<Output = Result<Position>> + Send;

    /// Returns what was purged since a position, or all marks where the log does not reach back that far, or on
    /// `None`. Begins a log that does not exist.
    ///
    /// # Errors
    /// [`Invalid`](super::ErrorKind::Invalid) for a scope that is not of the kind [`Purge`](super::Kind::Purge).
    fn purges(
        &self,
        log: &Scope,
        since: Option<Position>,
    ) -> impl Future<Output = Result<Purges>> + Send;

    /// Returns the size of what the store takes. Default: one mebibyte.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Checks that the store answers: a warm-up and a health check. Default: nothing to check.
    fn ping(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// As [`read`](Self::read) for a store that can answer at once: appends to an empty `entries`. `None`: it has to
    /// wait, nothing was done, call `read`. Default: `None`.
    fn try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        let _ = (keys, entries);
        None
    }

    /// As [`write`](Self::write), see [`try_read`](Self::try_read). Default: `None`.
    fn try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        let _ = batch;
        None
    }

    /// As [`acquire`](Self::acquire), see [`try_read`](Self::try_read). Appends to an empty `decisions`, also when it
    /// fails half way; the caller throws them away then. Default: `None`.
    fn try_acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Option<Result<()>> {
        let _ = (claims, decisions);
        None
    }

    /// As [`purges`](Self::purges), see [`try_read`](Self::try_read): each lookup of a cache asks. Default: `None`.
    fn try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        let _ = (log, since);
        None
    }
}

/// The size of what a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest value, in bytes.
    pub max_value: usize,
}

impl Limits {
    /// Creates limits with a largest value of that many bytes.
    #[must_use]
    pub const fn new(max_value: usize) -> Self {
        Self { max_value }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(1 << 20)
    }
}
