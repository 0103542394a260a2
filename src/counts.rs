//! Counts by key: what was purged in this process, and what was stored.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what happens, by key, roughly: each key has two counts, which it may share with others.
///
/// The counts of purges are part of what a fill is known by among those who wait: whoever comes after a purge begins a fill
/// of their own, and reads what they have written. Where two keys share one, the purge of one costs the other that others
/// wait for it; where they share both, what it has filled is not stored.
///
/// The count of what was stored tells whoever has looked and found nothing whether to look again.
pub(crate) struct Counts {
    some: Box<[AtomicU64]>,
}

const COUNTS: usize = 1 << 12;

impl Default for Counts {
    fn default() -> Self {
        Self {
            some: (0..COUNTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Counts {
    /// Returns both counts: 32 bits of each.
    pub(crate) fn count(&self, key: &[u8; 32]) -> u64 {
        self.of(key).fold(0, |counts, count| {
            let count = count.load(Ordering::Acquire);
            counts << 32 | count & u64::from(u32::MAX)
        })
    }

    /// Returns whether both have changed.
    pub(crate) const fn has_happened(before: u64, now: u64) -> bool {
        let changed = before ^ now;
        changed >> 32 != 0 && changed & u32::MAX as u64 != 0
    }

    pub(crate) fn add(&self, key: &[u8; 32]) {
        for count in self.of(key) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn of(&self, key: &[u8; 32]) -> impl Iterator<Item = &AtomicU64> {
        let [low, high, other_low, other_high, ..] = *key;
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

    fn key(first: u16, second: u16) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&first.to_le_bytes());
        bytes[2..4].copy_from_slice(&second.to_le_bytes());
        bytes
    }

    /// With one count for each, one in four thousand purges kept an answer of another key from being stored.
    #[test]
    fn what_happens_to_a_key_is_seen_there_and_where_both_counts_are_shared() {
        let counts = Counts::default();
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
}
