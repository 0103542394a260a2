//! The [`Waiter`] for what somebody else brings.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use super::{
    Flights, Join, Key, Leader,
    flight::{Answer, Flight},
};

/// Waits for the answer of a leader. It may be dropped at any time: if its turn to lead had come, the next one leads.
pub(crate) struct Waiter<K: Key, T: Clone> {
    flights: Flights<K, T>,
    key: K,
    flight: Arc<Flight<T>>,
    ticket: u64,
}

/// What a wait ends with.
pub(crate) enum Waited<K: Key, T: Clone> {
    /// The leader has shared this.
    Shared(T),
    /// The leader has gone: the caller leads in his place.
    Lead(Leader<K, T>),
    /// What the leader got is nobody else's: the caller goes alone, at once, and nobody waits for him.
    Alone,
}

impl<K: Key, T: Clone> Waiter<K, T> {
    pub(super) const fn new(
        flights: Flights<K, T>,
        key: K,
        flight: Arc<Flight<T>>,
        ticket: u64,
    ) -> Self {
        Self {
            flights,
            key,
            flight,
            ticket,
        }
    }

    fn lead(&self) -> Leader<K, T> {
        let flight = Arc::clone(&self.flight);
        Leader::new(self.flights.clone(), self.key.clone(), flight)
    }
}

impl<K: Key, T: Clone> Future for Waiter<K, T> {
    type Output = Waited<K, T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            // Cloned before the lock, since a waker is foreign code.
            let waker = cx.waker().clone();
            return Poll::Ready(match ready!(self.flight.poll(self.ticket, waker)) {
                Answer::Shared(shared) => Waited::Shared(shared),
                Answer::Lead => Waited::Lead(self.lead()),
                Answer::Alone => Waited::Alone,
                Answer::Again => match self.flights.enter(&self.key) {
                    Join::Lead(leader) => Waited::Lead(leader),
                    Join::Follow(shared) => Waited::Shared(shared),
                    Join::Alone => Waited::Alone,
                    Join::Wait(waiter) => {
                        *self = waiter;
                        continue;
                    }
                },
            });
        }
    }
}

// Nothing of it is pinned.
impl<K: Key, T: Clone> Unpin for Waiter<K, T> {}

impl<K: Key, T: Clone> Drop for Waiter<K, T> {
    fn drop(&mut self) {
        if self.flight.quit(self.ticket) {
            self.flights.leave(&self.key, &self.flight);
        }
    }
}

impl<K: Key, T: Clone> fmt::Debug for Waiter<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}
