//! [`Flights`]: of those who want the same at the same time, one gets it for all (RFC 9111, section 4).
//!
//! Whoever comes first for a key leads; whoever comes while he is under way waits, or takes part in what is growing. A
//! leader that goes without a word (dropped, failed) hands over to exactly one of those who wait. One whose answer turns
//! out to be nobody else's lets all of them go at once, and the key is remembered as not to be shared for a while.
//!
//! Nothing here waits for a store, knows a clock, or sets a limit to a wait: whoever polls a [`Waiter`] races it with a
//! timer of his own. Wakers are called and dropped outside of every lock; the values that are shared are cloned under one,
//! so that they shall be cheap to clone.

mod flight;
mod leader;
mod remembered;
mod waiter;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use self::{
    flight::{Entered, Flight},
    remembered::Remembered,
};
pub(crate) use self::{
    leader::Leader,
    waiter::{Waited, Waiter},
};
use crate::{executor, table::Digest, time::Timestamp};

/// The fills that are under way in this process. Clones share them.
pub(crate) struct Flights<K, T>(Arc<Inner<K, T>>);

struct Inner<K, T> {
    seeds: [RandomState; 2],
    shards: Box<[Shard<K, T>]>,
    unshareable: Remembered,
    backing_off: Remembered,
}

struct Shard<K, T> {
    running: Mutex<Running<K, T>>,
    landed: AtomicU64,
}

type Running<K, T> = HashMap<K, Arc<Flight<T>>>;

/// What [`Flights::join`] finds.
pub(crate) enum Join<K: Key, T: Clone> {
    /// Nobody was under way: the caller is, now.
    Lead(Leader<K, T>),
    /// Somebody is under way, and it is not known yet whether he brings what can be shared.
    Wait(Waiter<K, T>),
    /// Somebody is under way with this.
    Follow(T),
    /// The key is known not to be shared, or too many are under way: the caller goes alone, and nobody waits for him.
    Alone,
}

/// What a fill is known by: a digest.
pub(crate) trait Key: Hash + Eq + Clone {}

impl<K: Hash + Eq + Clone> Key for K {}

const SHARDS: usize = 64;
/// More fills than 65,536 at a time are not collapsed.
const MOST_OF_SHARD: usize = 1024;

impl<K: Key, T: Clone> Flights<K, T> {
    pub(crate) fn new() -> Self {
        let shard = |_| Shard {
            running: Mutex::default(),
            landed: AtomicU64::new(0),
        };
        Self(Arc::new(Inner {
            seeds: [RandomState::new(), RandomState::new()],
            shards: (0..SHARDS).map(shard).collect(),
            unshareable: Remembered::new(4096),
            backing_off: Remembered::new(1024),
        }))
    }

    /// Leads the fill of a key, or takes part in the one that is under way.
    pub(crate) fn join(&self, key: &K, now: Timestamp) -> Join<K, T> {
        let memory = &self.0.unshareable;
        if !memory.is_empty() && memory.holds(self.digest(key), now) {
            return Join::Alone;
        }
        self.enter(key)
    }

    /// As [`join`](Self::join), whatever is remembered of the key.
    pub(crate) fn enter(&self, key: &K) -> Join<K, T> {
        if !executor::WAKES_OTHERS {
            return Join::Alone;
        }
        let mut running = self.shard(key).lock();
        let is_full = running.len() >= MOST_OF_SHARD;
        match running.entry(key.clone()) {
            // Under both locks: whoever ends a flight takes both, so nobody enters one that has ended.
            Entry::Occupied(entry) => match entry.get().enter() {
                Entered::Shared(shared) => Join::Follow(shared),
                Entered::Waits(ticket) => Join::Wait(Waiter::new(
                    self.clone(),
                    key.clone(),
                    Arc::clone(entry.get()),
                    ticket,
                )),
            },
            Entry::Vacant(_) if is_full => Join::Alone,
            Entry::Vacant(entry) => {
                let flight = Arc::clone(entry.insert(Arc::new(Flight::new())));
                Join::Lead(Leader::new(self.clone(), key.clone(), flight))
            }
        }
    }

    /// Returns whether somebody is under way for a key.
    #[cfg(test)]
    pub(crate) fn peek(&self, key: &K) -> bool {
        self.shard(key).lock().contains_key(key)
    }

    /// Marks the fill that is under way as outdated: who comes from now on begins a new one, and the leader may
    /// [ask](Leader::is_doomed). For a purge.
    pub(crate) fn doom(&self, key: &K) {
        let mut running = self.shard(key).lock();
        let flight = running.remove(key);
        if let Some(flight) = &flight {
            flight.doom();
        }
        // The guard first: what a flight holds is not dropped under it.
        drop(running);
    }

    /// Returns how many shared fills have ended, of this key and others.
    ///
    /// Who remembers it before a look at the store, finds nothing, leads, and sees [the same](Leader::landed): knows that
    /// no fill of this process has come in between. Otherwise a second look may save the work.
    pub(crate) fn landed(&self, key: &K) -> u64 {
        self.shard(key).landed.load(Ordering::Acquire)
    }

    /// Remembers for so long that a key cannot be shared.
    pub(crate) fn remember_unshareable(&self, key: &K, remember: Duration, now: Timestamp) {
        let digest = self.digest(key);
        self.0.unshareable.remember(digest, remember, now);
    }

    /// Remembers for a while that a refresh of a key has failed.
    pub(crate) fn back_off(&self, key: &K, pause: Duration, now: Timestamp) {
        let digest = self.digest(key);
        self.0.backing_off.remember(digest, pause, now);
    }

    /// Returns whether a refresh of a key failed a short while ago.
    pub(crate) fn is_backing_off(&self, key: &K, now: Timestamp) -> bool {
        let memory = &self.0.backing_off;
        !memory.is_empty() && memory.holds(self.digest(key), now)
    }

    /// Ends a leadership: one of those who wait takes over, or the flight is over.
    fn leave(&self, key: &K, flight: &Arc<Flight<T>>) {
        let shard = self.shard(key);
        let mut running = shard.lock();
        let left = flight.leave();
        let gone = if left.is_over {
            remove(&mut running, key, flight)
        } else {
            None
        };
        if left.has_landed {
            // Under the lock, so that whoever leads next sees it.
            shard.landed.fetch_add(1, Ordering::Release);
        }
        drop(running);
        drop(gone);
        left.wake.all();
    }

    /// Ends a flight that brings nothing for others.
    fn release(&self, key: &K, flight: &Arc<Flight<T>>, remember: Duration, now: Timestamp) {
        // First: who comes next shall not lead others into the same wait.
        self.remember_unshareable(key, remember, now);
        self.let_go(key, flight);
    }

    fn let_go(&self, key: &K, flight: &Arc<Flight<T>>) {
        let mut running = self.shard(key).lock();
        let gone = remove(&mut running, key, flight);
        let wake = flight.release();
        drop(running);
        drop(gone);
        wake.all();
    }

    fn digest(&self, key: &K) -> Digest {
        let [one, other] = &self.0.seeds;
        (one.hash_one(key), other.hash_one(key))
    }

    fn shard(&self, key: &K) -> &Shard<K, T> {
        let [seed, _] = &self.0.seeds;
        &self.0.shards[seed.hash_one(key) as usize % SHARDS]
    }
}

impl<K, T> Shard<K, T> {
    fn lock(&self) -> MutexGuard<'_, Running<K, T>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key, T: Clone> Default for Flights<K, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, T> Clone for Flights<K, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").finish_non_exhaustive()
    }
}

/// Takes a flight out, unless another one has begun since it was doomed.
fn remove<K: Key, T>(
    running: &mut Running<K, T>,
    key: &K,
    flight: &Arc<Flight<T>>,
) -> Option<Arc<Flight<T>>> {
    let is_same = |running: &Arc<Flight<T>>| Arc::ptr_eq(running, flight);
    running.get(key).is_some_and(is_same).then_some(())?;
    running.remove(key)
}

#[cfg(test)]
mod tests;
