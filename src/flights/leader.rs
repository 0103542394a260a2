//! The [`Leader`] of a flight.

use std::{fmt, sync::Arc, thread, time::Duration};

use super::{Flights, Key, flight::Flight};
use crate::time::Timestamp;

/// Fills for all who want the same. One at a time for each key, but for doomed ones.
///
/// Dropped before it has shared or released anything, it hands over to the first of those who wait, and the others go on
/// waiting: so also when the fill has failed, since an error is nobody else's.
pub(crate) struct Leader<K: Key, T: Clone> {
    flights: Flights<K, T>,
    key: K,
    flight: Arc<Flight<T>>,
}

impl<K: Key, T: Clone> Leader<K, T> {
    pub(super) const fn new(flights: Flights<K, T>, key: K, flight: Arc<Flight<T>>) -> Self {
        Self {
            flights,
            key,
            flight,
        }
    }

    /// Gives those who wait what they can take part in. Who comes later [follows](super::Join::Follow), until this leader is
    /// dropped: after the commit.
    pub(crate) fn share(&self, shared: T) {
        self.flight.share(shared);
    }

    /// Lets all go who wait, each alone, and remembers for so long that the key cannot be shared.
    pub(crate) fn release(self, remember: Duration, now: Timestamp) {
        self.flights.release(&self.key, &self.flight, remember, now);
    }

    /// Lets all go who wait, each alone: the fill has failed, and shall not fail for one after another.
    pub(crate) fn let_go(self) {
        self.flights.let_go(&self.key, &self.flight);
    }

    /// Remembers for so long that the key cannot be shared, as [`release`](Self::release) does. Those who take part already
    /// go on.
    pub(crate) fn share_no_more(&self, remember: Duration, now: Timestamp) {
        self.flights.remember_unshareable(&self.key, remember, now);
    }

    /// Returns whether the key was purged in this process since this flight began: what it brings may be from before.
    #[cfg(test)]
    pub(crate) fn is_doomed(&self) -> bool {
        self.flight.is_doomed()
    }

    /// Returns how many shared fills have ended by now: see [`Flights::landed`].
    pub(crate) fn landed(&self) -> u64 {
        self.flights.landed(&self.key)
    }
}

impl<K: Key, T: Clone> Drop for Leader<K, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            // So will the next one, most likely: each finds out at once.
            self.flights.let_go(&self.key, &self.flight);
        }
        self.flights.leave(&self.key, &self.flight);
    }
}

impl<K: Key, T: Clone> fmt::Debug for Leader<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leader").finish_non_exhaustive()
    }
}
