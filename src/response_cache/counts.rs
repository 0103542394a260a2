//! Counts by key: what was purged in this process, and what was stored.

use std::sync::atomic::{AtomicU64, Ordering};

use super::digest::Digest;

/// Counts what happens, by key, roughly: two keys may share a count.
///
/// The count of purges is part of what a fill is known by among those who wait: whoever comes after a purge begins a fill
/// of their own, and reads what they have written. Where two keys share it, the purge of one costs the other a fill.
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

    pub(super) fn count(&self, key: &Digest) -> u64 {
        let some = self
            .of(key)
            .map_or(0, |count| count.load(Ordering::Acquire));
        some.wrapping_add(self.all.load(Ordering::Acquire))
    }

    pub(super) fn add(&self, key: &Digest) {
        if let Some(count) = self.of(key) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn add_to_all(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    fn of(&self, key: &Digest) -> Option<&AtomicU64> {
        let [low, high, ..] = key.as_bytes();
        let place = usize::from(u16::from_le_bytes([*low, *high])) % COUNTS;
        self.some.get(place)
    }
}
