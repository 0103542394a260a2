//! What one process knows of a purge log, whatever the order in which answers come in.

use crate::{
    store::{Position, Purge, PurgeView, Purges},
    time::Timestamp,
};

/// The view of a log, and how often it has changed.
#[derive(Debug, Default)]
pub(super) struct Picture {
    view: PurgeView,
    turn: u64,
}

/// A question to the log: what was purged since the picture as it was when it was asked.
#[derive(Clone, Debug)]
pub(in crate::response_cache) struct Poll {
    since: Option<Position>,
    turn: u64,
    asked: Timestamp,
}

impl Poll {
    pub(super) const fn since(&self) -> Option<Position> {
        self.since
    }

    pub(super) const fn asked(&self) -> Timestamp {
        self.asked
    }
}

impl Picture {
    /// Twice what our stores keep in one epoch: a store that never begins a new one must not fill the memory.
    const MARKS: usize = 131_072;

    pub(super) const fn view(&self) -> &PurgeView {
        &self.view
    }

    pub(super) const fn poll(&self, now: Timestamp) -> Poll {
        Poll {
            since: self.view.position(),
            turn: self.turn,
            asked: now,
        }
    }

    /// Returns whether nothing has changed since a poll was asked: its answer is later than all that is known.
    pub(super) const fn is_at(&self, poll: &Poll) -> bool {
        self.turn == poll.turn
    }

    /// Returns whether an answer tells nothing that is not known.
    pub(super) fn knows(&self, purges: &Purges) -> bool {
        purges.marks.is_empty() && self.view.position() == Some(purges.position)
    }

    /// Applies an answer, such that nothing is admitted that the answer, or any before it, told to be purged.
    ///
    /// Epochs have no order. Where two polls that ran side by side tell of different ones, only the log knows which is the
    /// later: everything is forgotten, and asked for anew.
    pub(super) fn apply(&mut self, poll: &Poll, purges: Purges) {
        if self.is_at(poll) {
            let is_next = |since: Position| since.epoch() == purges.position.epoch();
            if purges.complete || poll.since.is_some_and(is_next) {
                self.view.apply(purges);
                self.turn += 1;
                return self.bound();
            }
        } else if self.view.apply_late(poll.since, purges) {
            self.turn += 1;
            return self.bound();
        }
        // Not where nothing is known: polls that are under way would never be in time.
        if self.view.position().is_some() {
            self.forget();
        }
    }

    /// Applies a purge of this process.
    pub(super) fn purged(&mut self, what: Purge<'_>, at: Position) {
        self.view.purged(what, at);
        self.turn += 1;
        self.bound();
    }

    /// Makes the answers to polls that are under way late ones.
    pub(super) const fn outdate(&mut self) {
        self.turn += 1;
    }

    fn bound(&mut self) {
        if self.view.marks() > Self::MARKS {
            self.forget();
        }
    }

    fn forget(&mut self) {
        self.view = PurgeView::new();
        self.turn += 1;
    }
}
