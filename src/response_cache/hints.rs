//! [`Hints`]: which fields of a request a response last varied by, so that its likely variant is read in the same trip.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use http::HeaderName;

use super::digest::Digest;
use crate::{
    table::{self, Slot, Table},
    time::Timestamp,
};

/// The names in `Vary` by key, as far as a bounded table holds them. A hint that is missing or wrong costs a trip.
///
/// Kept in this process only, and for an hour after the last response that varied.
pub(super) struct Hints {
    table: Table<Hint>,
    seeds: [RandomState; 2],
}

#[derive(Clone)]
struct Hint {
    digest: table::Digest,
    ends: Timestamp,
    names: Arc<[HeaderName]>,
}

const LONGEST: Duration = Duration::from_secs(60 * 60);

impl Hints {
    /// Creates a table of that many hints; it allocates with the first one.
    pub(super) fn new(entries: usize) -> Self {
        Self {
            table: Table::new(entries),
            seeds: [RandomState::new(), RandomState::new()],
        }
    }

    /// Returns the names by which the response of a key varied. While no response has varied, one relaxed load.
    pub(super) fn find(&self, key: &Digest, now: Timestamp) -> Option<Arc<[HeaderName]>> {
        if self.table.is_over(now) {
            return None;
        }
        let digest = self.digest(key);
        self.table
            .look(digest, now, |hint| Some(Arc::clone(&hint.names)))
    }

    /// Remembers the names; none forget what was remembered.
    pub(super) fn note(&self, key: &Digest, names: &[HeaderName], now: Timestamp) {
        if names.is_empty() {
            if !self.table.is_empty() {
                self.table.take(self.digest(key), Timestamp::MAX);
            }
            return;
        }
        let (digest, ends) = (self.digest(key), now.after(LONGEST));
        self.table.put(digest, now, |kept| {
            let names = kept
                .map(|kept| kept.names)
                .filter(|kept| **kept == *names)
                .unwrap_or_else(|| names.into());
            Some(Hint {
                digest,
                ends,
                names,
            })
        });
    }

    fn digest(&self, key: &Digest) -> table::Digest {
        let [one, other] = &self.seeds;
        (one.hash_one(key), other.hash_one(key))
    }
}

impl Slot for Hint {
    fn digest(&self) -> table::Digest {
        self.digest
    }

    fn ends(&self) -> Timestamp {
        self.ends
    }

    fn lives(&self, now: Timestamp) -> bool {
        now < self.ends
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, ACCEPT_LANGUAGE};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    fn key(n: u32) -> Digest {
        Digest::of([&n.to_le_bytes()[..]])
    }

    #[test]
    fn the_last_names_are_remembered_for_an_hour() {
        let hints = Hints::new(64);
        assert!(hints.find(&key(1), NOW).is_none());
        hints.note(&key(1), &[ACCEPT], NOW);
        hints.note(&key(1), &[ACCEPT, ACCEPT_LANGUAGE], NOW);
        hints.note(&key(2), &[ACCEPT], NOW);
        let found = hints.find(&key(1), NOW).expect("noted");
        assert_eq!(found[..], [ACCEPT, ACCEPT_LANGUAGE]);
        assert_eq!(hints.find(&key(2), NOW).expect("noted")[..], [ACCEPT]);
        assert!(hints.find(&key(3), NOW).is_none());
        let last = NOW.after(LONGEST - Duration::from_micros(1));
        assert!(hints.find(&key(1), last).is_some());
        assert!(hints.find(&key(1), NOW.after(LONGEST)).is_none());
    }

    #[test]
    fn the_same_names_again_are_not_allocated_again() {
        let hints = Hints::new(64);
        hints.note(&key(1), &[ACCEPT], NOW);
        let first = hints.find(&key(1), NOW).expect("noted");
        hints.note(&key(1), &[ACCEPT], NOW);
        let second = hints.find(&key(1), NOW).expect("noted");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn a_response_that_varies_no_more_is_forgotten() {
        let hints = Hints::new(64);
        hints.note(&key(1), &[], NOW);
        hints.note(&key(1), &[ACCEPT], NOW);
        hints.note(&key(1), &[], NOW);
        assert!(hints.find(&key(1), NOW).is_none());
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_newest() {
        let hints = Hints::new(4);
        for n in 0..100 {
            let now = NOW.after(Duration::from_secs(n.into()));
            hints.note(&key(n), &[ACCEPT], now);
            assert!(hints.find(&key(n), now).is_some());
        }
        assert_eq!(hints.table.taken(), 4);
    }
}
