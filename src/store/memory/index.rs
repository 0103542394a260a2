//! The members of an index, by the end of their lives.

use std::collections::{BTreeSet, HashMap};

use crate::store::{Cursor, Identifier, Members};

#[derive(Default)]
pub(super) struct Index {
    ends: HashMap<Identifier, u64>,
    by_end: BTreeSet<(u64, Identifier)>,
}

impl Index {
    /// Two identifiers of 48 bytes, their ends, the room that collections keep, and a share of the index itself.
    pub(super) const MEMBER: u64 = 256;
    const PAGE: usize = 100;

    pub(super) fn size(&self) -> u64 {
        self.ends.len() as u64 * Self::MEMBER
    }

    pub(super) fn contains(&self, member: &Identifier, now: u64) -> bool {
        self.ends.get(member).is_some_and(|end| *end > now)
    }

    /// Counts the members that have not ended.
    pub(super) fn count(&self, now: u64) -> usize {
        self.ends.len()
            - self
                .by_end
                .iter()
                .take_while(|(end, _)| *end <= now)
                .count()
    }

    pub(super) fn join(&mut self, member: Identifier, end: u64) {
        self.leave(&member);
        self.by_end.insert((end, member.clone()));
        self.ends.insert(member, end);
    }

    pub(super) fn leave(&mut self, member: &Identifier) {
        if let Some(end) = self.ends.remove(member) {
            self.by_end.remove(&(end, member.clone()));
        }
    }

    /// Takes out the members that have ended.
    pub(super) fn prune(&mut self, now: u64) {
        while self.by_end.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, member)) = self.by_end.pop_first() {
                self.ends.remove(&member);
            }
        }
    }

    /// Returns when the last member ends; zero without members.
    pub(super) fn end(&self) -> u64 {
        self.by_end.last().map_or(0, |(end, _)| *end)
    }

    pub(super) fn page(&self, cursor: Cursor, now: u64) -> Members {
        let skip = usize::try_from(cursor.as_u64()).unwrap_or(usize::MAX);
        let mut live = self.by_end.iter().filter(|(end, _)| *end > now).skip(skip);
        let identifiers: Vec<_> = live
            .by_ref()
            .take(Self::PAGE)
            .map(|(_, member)| member.clone())
            .collect();
        let next = live
            .next()
            .map(|_| Cursor::from_u64((skip + Self::PAGE) as u64));
        Members::new(identifiers, next)
    }
}
