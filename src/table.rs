//! A bounded [`Table`] of what ends by itself: four places for each set of keys, and a lock for each set.

use std::{
    iter,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::time::Timestamp;

/// A [`Key::digest`](crate::store::Key::digest).
pub(crate) type Digest = (u64, u64);

/// What a place of a [`Table`] holds. It is cloned and dropped under a lock: no code of a user's.
pub(crate) trait Slot: Clone {
    /// Returns whose it is. A key has one place.
    fn digest(&self) -> Digest;

    /// Returns from when on it says nothing.
    fn ends(&self) -> Timestamp;

    /// Returns whether it says something now.
    fn lives(&self, now: Timestamp) -> bool;
}

/// A table of at most so many entries. It allocates once, with the first entry, and never again.
///
/// Where a set is full, what has ended gives way first, else what ends soonest.
pub(crate) struct Table<T> {
    len: usize,
    sets: OnceLock<Box<[Mutex<Set<T>>]>>,
    // The end of the last entry, so that a table of which nothing lives costs one load. Zero: nothing lives.
    ends: AtomicU64,
}

type Set<T> = [Option<T>; WAYS];

const WAYS: usize = 4;
/// More entries than a million are a mistake.
const MOST: usize = 1 << 20;

impl<T: Slot> Table<T> {
    /// Creates a table of that many entries, rounded up to whole sets, at most a million. With none it keeps nothing.
    pub(crate) const fn new(entries: usize) -> Self {
        let entries = if entries > MOST { MOST } else { entries };
        Self {
            len: entries.div_ceil(WAYS),
            sets: OnceLock::new(),
            ends: AtomicU64::new(0),
        }
    }

    /// Returns whether nothing lives, without a look at a clock: true is certain, false is not.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: an entry that is made at the same time may be missed.
        self.ends.load(Ordering::Relaxed) == 0
    }

    /// Returns whether nothing lives now. Certain, unless the clock went back.
    #[inline]
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let ends = self.ends.load(Ordering::Relaxed);
        if now.as_micros() < ends {
            return false;
        }
        if ends != 0 {
            // Fails if an entry was made meanwhile: then it does not end now.
            let _ = self
                .ends
                .compare_exchange(ends, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
        true
    }

    /// Looks at the living entry of a key. `None` from `look` removes it.
    pub(crate) fn look<R>(
        &self,
        digest: Digest,
        now: Timestamp,
        look: impl FnOnce(&T) -> Option<R>,
    ) -> Option<R> {
        let mut set = lock(self.sets.get()?, digest)?;
        let place = of(&mut set, digest)?;
        let answer = place
            .as_ref()
            .filter(|entry| entry.lives(now))
            .and_then(look);
        if answer.is_none() {
            *place = None;
        }
        answer
    }

    /// Takes out the entry of a key, if it lives.
    pub(crate) fn take(&self, digest: Digest, now: Timestamp) -> Option<T> {
        let mut set = lock(self.sets.get()?, digest)?;
        of(&mut set, digest)?
            .take()
            .filter(|entry| entry.lives(now))
    }

    /// Makes the entry of a key from what lives of it, or leaves the table as it is.
    pub(crate) fn put(
        &self,
        digest: Digest,
        now: Timestamp,
        make: impl FnOnce(Option<T>) -> Option<T>,
    ) {
        if self.len == 0 {
            return;
        }
        let sets = self.sets.get_or_init(|| {
            let sets = iter::repeat_with(|| Mutex::new([const { None }; WAYS]));
            sets.take(self.len).collect()
        });
        let Some(mut set) = lock(sets, digest) else {
            return;
        };
        let place = set.iter_mut().min_by_key(|place| match place {
            Some(entry) if entry.digest() == digest => (0, 0),
            Some(entry) if entry.lives(now) => (2, entry.ends().as_micros()),
            _ => (1, 0),
        });
        let Some(place) = place else { return };
        let kept = place
            .clone()
            .filter(|entry| entry.digest() == digest && entry.lives(now));
        let Some(entry) = make(kept) else { return };
        let ends = entry.ends().as_micros();
        *place = Some(entry);
        drop(set);
        if self.ends.load(Ordering::Relaxed) < ends {
            self.ends.fetch_max(ends, Ordering::Relaxed);
        }
    }

    /// Returns how many places are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        let sets = self.sets.get().map_or(&[][..], |sets| sets);
        let taken = |set: &Mutex<Set<T>>| set.lock().expect("no panic").iter().flatten().count();
        sets.iter().map(taken).sum()
    }

    /// Returns how many bytes it has allocated.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let sets = self.sets.get().map_or(&[][..], |sets| sets);
        size_of_val(sets)
    }
}

#[inline]
fn lock<T>(sets: &[Mutex<Set<T>>], digest: Digest) -> Option<MutexGuard<'_, Set<T>>> {
    // The digest as a fraction of the sets: they need be no power of two.
    let set = (u128::from(digest.0) * sets.len() as u128) >> u64::BITS;
    let set = sets.get(usize::try_from(set).ok()?)?;
    Some(set.lock().unwrap_or_else(PoisonError::into_inner))
}

#[inline]
fn of<T: Slot>(set: &mut Set<T>, digest: Digest) -> Option<&mut Option<T>> {
    set.iter_mut()
        .find(|place| place.as_ref().is_some_and(|entry| entry.digest() == digest))
}
