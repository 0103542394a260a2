//! The purge log: what was purged last, and since when each tag is.

use std::collections::{HashMap, VecDeque};

use hashbrown::HashTable;

use super::table::Digest;
use crate::store::{Epoch, Position, Purge, Purges, Result, Tag};

/// The logs by the digest of their scope, which is a keyed hash already.
#[derive(Default)]
pub(super) struct Logs {
    table: HashTable<(Digest, Log)>,
    uses: u64,
}

impl Logs {
    /// Beyond it, the log that was not used for longest is forgotten, which purges all of its cache.
    const MOST: usize = 1024;

    /// Returns a log, which begins if there is none.
    #[inline]
    pub(super) fn of(&mut self, digest: Digest) -> Result<&mut Log> {
        self.uses += 1;
        let uses = self.uses;
        let log = match self.table.find_entry(digest.0, |(each, _)| *each == digest) {
            Ok(known) => &mut known.into_mut().1,
            Err(absent) => Self::begin(absent.into_table(), digest)?,
        };
        log.used = uses;
        Ok(log)
    }

    #[cold]
    fn begin(table: &mut HashTable<(Digest, Log)>, digest: Digest) -> Result<&mut Log> {
        let log = Log::new(Epoch::random()?);
        if table.len() >= Self::MOST {
            let unused = table.iter().min_by_key(|(_, log)| log.used);
            let unused = unused.map(|(digest, _)| *digest);
            let unused = unused
                .and_then(|unused| table.find_entry(unused.0, |(each, _)| *each == unused).ok());
            unused.into_iter().for_each(|unused| drop(unused.remove()));
        }
        let place = table.insert_unique(digest.0, (digest, log), |(digest, _)| digest.0);
        Ok(&mut place.into_mut().1)
    }
}

pub(super) struct Log {
    epoch: Epoch,
    last: u128,
    recent: VecDeque<Tag>,
    marks: HashMap<Tag, u128>,
    // The number of the last call.
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

    /// Purges at the end of the log. `next` is the epoch that begins if need be.
    pub(super) fn purge(&mut self, what: Purge<'_>, next: Epoch) -> Position {
        match what {
            Purge::Everything => self.begin_anew(next),
            Purge::Tags(tags) => tags.iter().for_each(|tag| self.mark(tag)),
        }
        if self.marks.len() > Self::MARKS {
            self.begin_anew(next);
        }
        self.position()
    }

    fn begin_anew(&mut self, epoch: Epoch) {
        *self = Self {
            used: self.used,
            ..Self::new(epoch)
        };
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

    #[inline]
    pub(super) fn since(&self, since: Option<Position>) -> Purges {
        match since {
            Some(since) if since == self.position() => Purges::new(since, false, Vec::new()),
            since => self.news(since),
        }
    }

    fn news(&self, since: Option<Position>) -> Purges {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_logs_the_one_that_was_not_used_for_longest_is_forgotten() {
        let mut logs = Logs::default();
        let epoch = |logs: &mut Logs, n: u64| logs.of((n, n)).expect("random").epoch;
        let first = epoch(&mut logs, 0);
        let second = epoch(&mut logs, 1);
        for n in 2..Logs::MOST as u64 {
            epoch(&mut logs, n);
        }
        assert_eq!(epoch(&mut logs, 0), first);
        epoch(&mut logs, Logs::MOST as u64);
        assert_eq!(logs.table.len(), Logs::MOST);
        assert_eq!(epoch(&mut logs, 0), first);
        assert_ne!(epoch(&mut logs, 1), second);
    }

    #[test]
    fn a_look_without_news_is_no_list() {
        let mut log = Log::new(Epoch::new(1));
        let end = log.purge(Purge::Tags(&[Tag::new("a")]), Epoch::new(2));
        let news = log.since(Some(end));
        assert!(news.marks.is_empty() && news.marks.capacity() == 0 && !news.complete);
    }
}
