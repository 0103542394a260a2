//! The leased keys of a process: a bounded table.

use std::collections::VecDeque;

use hashbrown::HashTable;

use super::{
    debit::Debit,
    entry::{Entry, Refill},
};
use crate::{
    quota::Quota,
    store::{Claim, Decision, Key},
    time::Timestamp,
};

pub(super) struct Table {
    entries: HashTable<Entry>,
    // The hash of each entry: who is looked at next when a place is needed.
    queue: VecDeque<u64>,
    last: u64,
    swept: Timestamp,
    passed_over: Timestamp,
}

impl Table {
    /// Beyond so many keys, further ones are not leased until others' leases have ended, or are used up.
    pub(super) const MOST: usize = 1024;
    // Who makes up keys makes nobody look through the table more often than this.
    const PAUSE: u64 = 50_000;
    // How many entries one is sought among that can be replaced.
    const LOOKS: usize = 8;

    pub(super) const fn new() -> Self {
        Self {
            entries: HashTable::new(),
            queue: VecDeque::new(),
            last: 0,
            swept: Timestamp::from_micros(0),
            passed_over: Timestamp::from_micros(0),
        }
    }

    /// Returns a number that was never used before, above zero.
    pub(super) const fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Returns the last number that was used.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn find(&mut self, key: &Key) -> Option<&mut Entry> {
        self.entries
            .find_mut(key.digest().0, |entry| entry.key() == key)
    }

    /// Finds an entry, or adds one, and numbers a trip for it. `None`: there is no room.
    pub(super) fn find_or_add(
        &mut self,
        key: &Key,
        quota: &Quota,
        now: Timestamp,
    ) -> Option<(&mut Entry, u64)> {
        let hash = key.digest().0;
        let known = self
            .entries
            .find(hash, |entry| entry.key() == key)
            .is_some();
        if !known {
            let full = self.entries.len() >= Self::MOST;
            if full && !self.make_room(now) && !self.replace(now) {
                return None;
            }
            self.queue.push_back(hash);
        }
        // Of trips before, a new entry knows nothing.
        let void = self.last;
        let number = self.number();
        let entry = self.entries.entry(
            hash,
            |entry| entry.key() == key,
            |entry| entry.key().digest().0,
        );
        let entry = entry.or_insert_with(|| Entry::new(key.clone(), *quota, void));
        Some((entry.into_mut(), number))
    }

    /// Forgets the keys whose leases have ended; what they could have given back is lost.
    fn make_room(&mut self, now: Timestamp) -> bool {
        let since = now.as_micros().checked_sub(self.swept.as_micros());
        if since.is_some_and(|since| since < Self::PAUSE) {
            return false;
        }
        self.swept = now;
        self.entries.retain(|entry| !entry.is_over(now));
        let hashes = self.entries.iter().map(|entry| entry.key().digest().0);
        self.queue.clear();
        self.queue.extend(hashes);
        self.entries.len() < Self::MOST
    }

    /// Forgets a key whose lease is used up, so that keys that are made up do not keep the others out.
    fn replace(&mut self, now: Timestamp) -> bool {
        for _ in 0..Self::LOOKS {
            let Some(hash) = self.queue.pop_front() else {
                return false;
            };
            let spent = |entry: &Entry| entry.key().digest().0 == hash && entry.is_spent(now);
            if let Ok(entry) = self.entries.find_entry(hash, spent) {
                entry.remove();
                return true;
            }
            self.queue.push_back(hash);
        }
        false
    }

    /// Returns who has waited too long, for whichever key: without a timer, only somebody else's call can tell them.
    pub(super) fn pass_over(&mut self, now: Timestamp) -> Woken {
        let mut woken = Woken::default();
        let since = now.as_micros().checked_sub(self.passed_over.as_micros());
        if since.is_none_or(|since| since >= Refill::PATIENCE) {
            self.passed_over = now;
            let entries = self.entries.iter_mut();
            entries.for_each(|entry| woken.add(entry.pass_over(now)));
        }
        woken
    }

    /// Takes the units of a claim, if they are at hand.
    pub(super) fn take(
        &mut self,
        claim: &Claim,
        cost: u32,
        now: Timestamp,
    ) -> Option<(Debit, Decision)> {
        let entry = self.find(claim.key())?;
        entry.take(claim.quota(), cost, now)
    }

    /// Takes units back. Those of a key that is no longer leased are lost.
    pub(super) fn put_back(&mut self, key: &Key, debit: Debit) {
        if let Some(entry) = self.find(key) {
            entry.put_back(debit);
        }
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.iter_mut()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Those who are to be woken, once the table is unlocked: a waker may call whatever it likes.
#[derive(Default)]
pub(super) struct Woken(smallvec::SmallVec<[Refill; 1]>);

impl Woken {
    pub(super) fn add(&mut self, refill: Option<Refill>) {
        self.0.extend(refill);
    }

    pub(super) fn wake(self) {
        self.0.into_iter().for_each(Refill::wake);
    }
}
