//! Counts by key: what was purged in this process, and what was stored.

use std::sync::atomic::{AtomicU64, Ordering};

use super::digest::Digest;

/// Counts what happens, by key, roughly: each key has two counts, which it may share with others.
///
/// The counts of purges are part of what a fill is known by among those who wait: whoever comes after a purge begins a fill
/// of their own, and reads what they have written. Where two keys share one, the purge of one costs the other that others
/// wait for it; where they share both, what it has filled is not stored.
///
/// The count of what was stored tells whoever has looked and found nothing whether to look again.
pub(super) struct Counts {
    all: AtomicU64,
    some: Box<[AtomicU64]>,
}

const COUNTS: usize = 1 << 12;

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            all: AtomicU64::new(0),
            some: (0..COUNTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Returns both counts: 32 bits of each.
    pub(super) fn count(&self, key: &Digest) -> u64 {
        let all = self.all.load(Ordering::Acquire);
        self.of(key).fold(0, |counts, count| {
            let count = count.load(Ordering::Acquire).wrapping_add(all);
            counts << 32 | count & u64::from(u32::MAX)
        })
    }

    /// Returns whether both have changed.
    pub(super) const fn has_happened(before: u64, now: u64) -> bool {
        let changed = before ^ now;
        changed >> 32 != 0 && changed & u32::MAX as u64 != 0
    }

    pub(super) fn add(&self, key: &Digest) {
        for count in self.of(key) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn add_to_all(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    fn of(&self, key: &Digest) -> impl Iterator<Item = &AtomicU64> {
        let [low, high, other_low, other_high, ..] = *key.as_bytes();
        [[low, high], [other_low, other_high]]
            .into_iter()
            .filter_map(|bytes| {
                self.some
                    .get(usize::from(u16::from_le_bytes(bytes)) % COUNTS)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(first: u16, second: u16) -> Digest {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&first.to_le_bytes());
        bytes[2..4].copy_from_slice(&second.to_le_bytes());
        Digest::from_bytes(bytes)
    }

    /// With one count for each, one in four thousand purges kept an answer of another key from being stored.
    #[test]
    fn what_happens_to_a_key_is_seen_there_and_where_both_counts_are_shared() {
        let counts = Counts::new();
        let own = key(1, 2);
        let before = counts.count(&own);
        for other in [key(1, 3), key(5, 2), key(7, 8)] {
            counts.add(&other);
            counts.add(&other);
        }
        assert_ne!(counts.count(&own), before);
        let other = key(1, 3);
        let (own_before, other_before) = (counts.count(&own), counts.count(&other));
        counts.add(&other);
        assert!(!Counts::has_happened(own_before, counts.count(&own)));
        assert!(Counts::has_happened(other_before, counts.count(&other)));
        counts.add(&own);
        assert!(Counts::has_happened(own_before, counts.count(&own)));
    }

    #[test]
    fn what_happens_to_all_happens_to_each() {
        let counts = Counts::new();
        for _ in 0..3 {
            let before = counts.count(&key(1, 2));
            counts.add_to_all();
            assert!(Counts::has_happened(before, counts.count(&key(1, 2))));
            counts.add(&key(3, 3));
        }
    }
}
