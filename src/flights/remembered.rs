//! A bounded memory of keys, each for a time.

use std::time::Duration;

use crate::{
    table::{Digest, Slot, Table},
    time::Timestamp,
};

/// Remembers that many keys. What is forgotten too early costs a wait or a try, and is no harm.
pub(super) struct Remembered(Table<Until>);

#[derive(Clone, Copy)]
struct Until {
    digest: Digest,
    ends: Timestamp,
}

impl Remembered {
    pub(super) const fn new(entries: usize) -> Self {
        Self(Table::new(entries))
    }

    /// Returns whether nothing was ever remembered: one relaxed load.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn holds(&self, digest: Digest, now: Timestamp) -> bool {
        !self.0.is_over(now) && self.0.look(digest, now, |_| Some(())).is_some()
    }

    /// Remembers a key until then; a time that has been remembered and is longer stays.
    pub(super) fn remember(&self, digest: Digest, pause: Duration, now: Timestamp) {
        let ends = now.after(pause);
        if ends <= now {
            return;
        }
        self.0.put(digest, now, |kept| {
            let ends = kept.map_or(ends, |kept| kept.ends.max(ends));
            Some(Until { digest, ends })
        });
    }
}

impl Slot for Until {
    fn digest(&self) -> Digest {
        self.digest
    }

    fn ends(&self) -> Timestamp {
        self.ends
    }

    fn lives(&self, now: Timestamp) -> bool {
        now < self.ends
    }
}
