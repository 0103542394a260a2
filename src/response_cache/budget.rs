//! The memory of all recordings together.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How many bytes all recordings together may keep. Bytes of data are counted, not the few of bookkeeping.
#[derive(Debug)]
pub(super) struct Budget {
    most: AtomicU64,
    held: AtomicU64,
}

impl Budget {
    pub(super) const fn new(most: u64) -> Self {
        Self {
            most: AtomicU64::new(most),
            held: AtomicU64::new(0),
        }
    }

    /// Changes how many bytes there may be. What is kept already stays.
    pub(super) fn set(&self, most: u64) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Returns how many bytes are kept now.
    #[cfg(test)]
    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }
}

/// A share of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Held {
    pub(super) const fn nothing(budget: Arc<Budget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Takes so much more, or nothing where there is too little left.
    pub(super) fn try_take(&mut self, bytes: u64) -> bool {
        let most = self.budget.most.load(Ordering::Relaxed);
        let taken = self
            .budget
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                held.checked_add(bytes).filter(|held| *held <= most)
            });
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }

    /// Takes so much more, also where there is too little left: for what is kept in any case, and not for long.
    pub(super) fn take(&mut self, bytes: u64) {
        self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }

    /// Gives back so much, at most what was taken.
    pub(super) fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.budget.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Leaves nothing behind, and returns what there was.
    pub(super) fn hand_over(&mut self) -> Self {
        let bytes = std::mem::take(&mut self.bytes);
        Self {
            budget: Arc::clone(&self.budget),
            bytes,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_does_not_fit_takes_nothing() {
        let budget = Arc::new(Budget::new(10));
        let mut one = Held::nothing(Arc::clone(&budget));
        let mut other = Held::nothing(Arc::clone(&budget));
        assert!(one.try_take(6));
        assert!(!other.try_take(5));
        assert!(!other.try_take(u64::MAX));
        assert!(other.try_take(4));
        assert_eq!(budget.held(), 10);
        drop(one);
        assert_eq!(budget.held(), 4);
        other.give_back(100);
        assert_eq!(budget.held(), 0);
    }

    #[test]
    fn a_share_that_is_handed_over_is_given_back_once() {
        let budget = Arc::new(Budget::new(10));
        let mut one = Held::nothing(Arc::clone(&budget));
        one.take(20);
        let other = one.hand_over();
        drop(one);
        assert_eq!(budget.held(), 20);
        drop(other);
        assert_eq!(budget.held(), 0);
    }
}
