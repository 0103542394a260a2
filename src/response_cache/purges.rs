//! Which stored responses are still good, as all layers over one store know it.
//!
//! A lookup polls the purge log in the trip that reads the entry, applies the answer, and only then asks whether the entry
//! [is admitted](Purging::admits), and takes the [stamp](Purging::stamp) of what it may store. With a lag, it polls only when the
//! last poll is older than that.

mod owed;
mod picture;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub(super) use self::picture::Poll;
use self::{
    owed::{Attempt, Owed},
    picture::Picture,
};
use crate::{
    store::{MAX_TAGS, Purge, Purges, Result, Scope, SharedStore, Stamp, Store, Tag},
    time::Timestamp,
};

/// What this process knows of a purge log. One for all layers over the clones of a [`SharedStore`], so that a purge made
/// through one of them is seen by all at once.
#[derive(Debug)]
pub(super) struct Purging {
    log: Scope,
    picture: RwLock<Picture>,
    // When the last poll was asked that was answered, in microseconds. Zero: the next lookup polls. Changed only under the
    // lock of the picture.
    polled: AtomicU64,
    owed: Owed,
}

/// What lies beside a store.
#[derive(Default)]
struct Logs(Mutex<Vec<Arc<Purging>>>);

impl Purging {
    /// Returns what is known of a log of this store. Asked where a layer is built.
    pub(super) fn of(store: &SharedStore, log: &Scope) -> Arc<Self> {
        let logs = store.beside::<Logs>();
        let mut known = logs.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(purging) = known.iter().find(|purging| purging.log == *log) {
            return Arc::clone(purging);
        }
        let new = Arc::new(Self::new(log.clone()));
        known.push(Arc::clone(&new));
        new
    }

    fn new(log: Scope) -> Self {
        Self {
            log,
            picture: RwLock::default(),
            polled: AtomicU64::new(0),
            owed: Owed::default(),
        }
    }

    /// Returns the poll that a lookup has to make, unless the last one was at most `lag` ago. Zero: always.
    pub(super) fn due(&self, now: Timestamp, lag: Duration) -> Option<Poll> {
        let is_young = |polled: Timestamp| polled <= now && now <= polled.after(lag);
        let polled = self.polled.load(Ordering::Acquire);
        if !lag.is_zero() && polled != 0 && is_young(Timestamp::from_micros(polled)) {
            return None;
        }
        Some(self.read().poll(now))
    }

    /// Polls a store that answers at once. `None`: it has to wait.
    pub(super) fn poll_at_once(&self, store: &SharedStore, poll: &Poll) -> Option<Result<()>> {
        let answer = store.try_purges(&self.log, poll.since())?;
        Some(answer.map(|purges| self.apply(poll, purges)))
    }

    /// Polls: one trip.
    ///
    /// # Errors
    /// Those of the store; what is known stays as it was.
    ///
    /// # Cancellation
    /// Dropping the future leaves what is known as it was.
    pub(super) async fn poll(&self, store: &SharedStore, poll: &Poll) -> Result<()> {
        let purges = store.purges(&self.log, poll.since()).await?;
        self.apply(poll, purges);
        Ok(())
    }

    /// Applies the answer to a poll. Answers may come in any order.
    pub(super) fn apply(&self, poll: &Poll, purges: Purges) {
        let picture = self.read();
        if picture.knows(&purges) {
            return self.note(poll, picture.is_at(poll));
        }
        drop(picture);
        let mut picture = self.write();
        let is_at = picture.is_at(poll);
        picture.apply(poll, purges);
        if picture.view().position().is_none() {
            self.polled.store(0, Ordering::Release);
        } else {
            self.note(poll, is_at);
        }
    }

    fn note(&self, poll: &Poll, is_at: bool) {
        if is_at {
            let asked = poll.asked().as_micros();
            if self.polled.load(Ordering::Relaxed) < asked {
                self.polled.fetch_max(asked, Ordering::AcqRel);
            }
        }
    }

    /// Returns the stamp of what this lookup may store: after its poll, and before the service is called. `None`: it must
    /// not be stored.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.read().view().stamp()
    }

    /// Returns whether an entry is good, as far as is known. One without a stamp never is.
    pub(super) fn admits(&self, stamp: Option<Stamp>, tags: &[Tag]) -> bool {
        stamp.is_some_and(|stamp| self.read().view().admits(stamp, tags)) && !self.owed.names(tags)
    }

    /// Returns whether a stamp is of another epoch than the one that is known. Then the next lookup polls, whatever the lag:
    /// everything was purged, and what is stored by what is known would be of no use to anybody else.
    pub(super) fn is_behind(&self, stamp: Option<Stamp>) -> bool {
        let picture = self.read();
        let known = picture.view().position().map(|position| position.epoch());
        let is_behind = known.is_some() && stamp.is_some_and(|stamp| Some(stamp.epoch()) != known);
        if is_behind {
            self.polled.store(0, Ordering::Release);
        }
        is_behind
    }

    /// Purges, in one trip for each 256 tags; this process sees it when it returns, others with their next poll.
    ///
    /// # Errors
    /// Those of the store. The outcome is unknown.
    ///
    /// # Cancellation
    /// Dropping the future leaves the purge made or not.
    pub(super) async fn purge(&self, store: &SharedStore, what: Purge<'_>) -> Result<()> {
        // Also where the outcome is unknown: the next lookup polls, whatever the lag.
        let _outdated = Outdated(self);
        match what {
            Purge::Everything => self.purge_once(store, what).await,
            Purge::Tags(tags) => {
                for tags in tags.chunks(MAX_TAGS) {
                    self.purge_once(store, Purge::Tags(tags)).await?;
                }
                Ok(())
            }
        }
    }

    async fn purge_once(&self, store: &SharedStore, what: Purge<'_>) -> Result<()> {
        let at = store.purge(&self.log, what).await?;
        self.write().purged(what, at);
        Ok(())
    }

    /// As [`purge`](Self::purge), and if it fails, this process does not serve what is to be purged until a
    /// [`retry`](Self::retry) succeeds. The end of the process loses it. Of more than 16,384 tags at a time, everything is
    /// purged.
    ///
    /// # Errors
    /// Those of the store: it is not purged yet.
    ///
    /// # Cancellation
    /// Dropping the future leaves it to a retry.
    pub(super) async fn purge_durably(&self, store: &SharedStore, what: Purge<'_>) -> Result<()> {
        self.attempt(store, self.owed.owe(what)).await
    }

    /// Remembers that everything is to be purged, and leaves it to a [`retry`](Self::retry).
    pub(super) fn owe_everything(&self) {
        drop(self.owed.owe(Purge::Everything));
    }

    /// Tries again what has failed, one purge at a time, in one trip. `None`: there is nothing to try. Lookups call it.
    pub(super) async fn retry(&self, store: &SharedStore) -> Option<Result<()>> {
        let attempt = self.owed.next()?;
        Some(self.attempt(store, attempt).await)
    }

    /// Returns whether a [`retry`](Self::retry) may have something to do. An atomic load.
    pub(super) fn owes(&self) -> bool {
        self.owed.is_any()
    }

    async fn attempt(&self, store: &SharedStore, attempt: Attempt<'_>) -> Result<()> {
        self.purge(store, attempt.what()).await?;
        attempt.paid();
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Picture> {
        self.picture.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Picture> {
        self.picture.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the next lookup poll, when it is dropped.
struct Outdated<'a>(&'a Purging);

impl Drop for Outdated<'_> {
    fn drop(&mut self) {
        let mut picture = self.0.write();
        picture.outdate();
        self.0.polled.store(0, Ordering::Release);
    }
}

/// What the answers of its trip allow a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trip {
    /// To use the entry, if it is admitted, and to store what it fetches.
    Usable,
    /// To call the service, and to store nothing.
    PassThrough,
}

impl Trip {
    /// Judges a trip by its read, and by its poll, `None` where none was due.
    ///
    /// After a poll that failed, anything may have been purged. After a read that failed, nobody knows what a fill would
    /// overwrite. A store that is down is no reason to serve what was purged: that takes a lag, and only for so long.
    pub(super) const fn of<T>(read: &Result<T>, poll: Option<&Result<()>>) -> Self {
        match (read, poll) {
            (Ok(_), None | Some(Ok(()))) => Self::Usable,
            _ => Self::PassThrough,
        }
    }
}
