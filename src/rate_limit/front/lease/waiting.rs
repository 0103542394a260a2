//! Waiting for somebody else's trip.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use super::{entry::Outcome, leases::Leases};
use crate::store::Key;

/// Waits until a refill has ended, however it does.
pub(super) struct Waiting<'a> {
    leases: &'a Leases,
    key: &'a Key,
    refill: u64,
    ticket: u64,
    cost: u32,
}

impl<'a> Waiting<'a> {
    /// The caller has joined the refill.
    pub(super) const fn new(
        leases: &'a Leases,
        key: &'a Key,
        cost: u32,
        refill: u64,
        ticket: u64,
    ) -> Self {
        Self {
            leases,
            key,
            refill,
            ticket,
            cost,
        }
    }
}

impl Future for Waiting<'_> {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome> {
        // Cloned and dropped outside the lock: that may run whatever it likes.
        let mut waker = cx.waker().clone();
        let (mut table, now) = self.leases.lock();
        match table.find(self.key) {
            Some(entry) => entry.wait(self.refill, self.ticket, now, &mut waker),
            None => Poll::Ready(Outcome::Done),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let (mut table, _) = self.leases.lock();
        let entry = table.find(self.key);
        let waker = entry.and_then(|entry| entry.leave(self.ticket, self.cost));
        drop(table);
        drop(waker);
    }
}
