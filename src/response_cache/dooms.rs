//! Which fills are outdated: those that began before something was purged in this process.

use std::sync::atomic::{AtomicU64, Ordering};

use super::digest::Digest;

/// Counts what was purged, by key, roughly: two keys may share a count, and then a purge of the one only costs the other a
/// fill.
///
/// The count is part of what a fill is known by among those who wait: whoever comes after a purge begins a fill of their
/// own, and reads what they have written.
pub(super) struct Dooms {
    all: AtomicU64,
    some: Box<[AtomicU64]>,
}

const COUNTS: usize = 1 << 12;

impl Dooms {
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

    pub(super) fn doom(&self, key: &Digest) {
        if let Some(count) = self.of(key) {
            count.fetch_add(1, Ordering::AcqRel);
        }
    }

    pub(super) fn doom_all(&self) {
        self.all.fetch_add(1, Ordering::AcqRel);
    }

    fn of(&self, key: &Digest) -> Option<&AtomicU64> {
        let [low, high, ..] = key.as_bytes();
        let place = usize::from(u16::from_le_bytes([*low, *high])) % COUNTS;
        self.some.get(place)
    }
}
