//! The purge log: what was purged last, and since when each tag is.

use std::collections::{HashMap, VecDeque};

use crate::store::{Epoch, Position, Purge, Purges, Tag};

pub(super) struct Log {
    epoch: Epoch,
    last: u128,
    recent: VecDeque<Tag>,
    marks: HashMap<Tag, u128>,
    used: u64,
}

impl Log {
    /// Beyond it, a reader is given all marks.
    const RECENT: usize = 1024;
    /// Beyond it, everything is purged: a mark that was forgotten would let a stale entry live.
    const MARKS: usize = 65_536;

    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            last: 0,
            recent: VecDeque::new(),
            marks: HashMap::new(),
            used: 0,
        }
    }

    pub(super) const fn touch(&mut self, now: u64) {
        self.used = now;
    }

    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// Purges at the end of the log. `next` is the epoch that begins if need be.
    pub(super) fn purge(&mut self, what: Purge<'_>, next: Epoch) -> Position {
        match what {
            Purge::Everything => *self = Self::new(next),
            Purge::Tags(tags) => tags.iter().for_each(|tag| self.mark(tag)),
        }
        if self.marks.len() > Self::MARKS {
            *self = Self::new(next);
        }
        self.position()
    }

    fn mark(&mut self, tag: &Tag) {
        self.last += 1;
        self.marks.insert(tag.clone(), self.last);
        self.recent.push_back(tag.clone());
        if self.recent.len() > Self::RECENT {
            self.recent.pop_front();
        }
    }

    const fn position(&self) -> Position {
        Position::new(self.epoch, self.last, 0)
    }

    pub(super) fn since(&self, since: Option<Position>) -> Purges {
        let known = since.filter(|since| since.epoch() == self.epoch && since.id() <= self.last);
        let missed = known.and_then(|since| usize::try_from(self.last - since.id()).ok());
        match missed.filter(|missed| *missed <= self.recent.len()) {
            Some(missed) => {
                let marks = self
                    .recent
                    .iter()
                    .rev()
                    .take(missed)
                    .cloned()
                    .zip((1..=self.last).rev());
                Purges::new(self.position(), false, marks.collect())
            }
            None => {
                let marks = self.marks.iter().map(|(tag, id)| (tag.clone(), *id));
                Purges::new(self.position(), true, marks.collect())
            }
        }
    }
}
