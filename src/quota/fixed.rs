//! Fixed windows: a count that begins anew, with a key's first hit or with the clock's round numbers.

use super::{
    Algorithm, Quota,
    level::{Expire, Level},
    state::{Cell, Tag},
};

pub(super) struct FixedWindow {
    start: u64,
    end: u64,
    count: u64,
    now: u64,
}

impl Level for FixedWindow {
    type Stored = Cell;

    /// A window that has begun goes on to its end, also under another quota that does not charge.
    fn load(stored: Option<Cell>, quota: &Quota, now: u64) -> Self {
        if let Some(cell) = stored.filter(|cell| cell.tag() == Tag::Fixed) {
            return Self {
                start: cell.a,
                end: cell.expires(),
                count: cell.b,
                now,
            };
        }
        let start = if quota.algorithm == Algorithm::AlignedWindow {
            now - now % quota.window
        } else {
            now
        };
        Self {
            start,
            end: start + quota.window,
            count: 0,
            now,
        }
    }

    fn available(&self, quota: &Quota) -> u32 {
        quota.limit
            - u32::try_from(self.count)
                .unwrap_or(u32::MAX)
                .min(quota.limit)
    }

    fn wait(&self, _quota: &Quota, now: u64, _cost: u32) -> u64 {
        self.end.saturating_sub(now)
    }

    fn reset(&self, _quota: &Quota, now: u64) -> u64 {
        if self.count == 0 {
            0
        } else {
            self.end.saturating_sub(now)
        }
    }

    /// A window lasts as long as the longest quota that charges in it says, or what that has given were forgotten early.
    fn take(&mut self, quota: &Quota, cost: u32) {
        self.count = self.count.saturating_add(u64::from(cost));
        let mut end = self.start + quota.window;
        // No division where it is the quota's own window.
        if end != self.end {
            if quota.algorithm == Algorithm::AlignedWindow {
                // Begun by another quota, perhaps before the round number that counts now.
                end = self.now - self.now % quota.window + quota.window;
            }
            self.end = self.end.max(end);
        }
    }

    fn give_back(&mut self, _quota: &Quota, cost: u32, window: u64) -> bool {
        let amount = if window == self.start {
            self.count.min(u64::from(cost))
        } else {
            0
        };
        self.count -= amount;
        amount > 0
    }

    fn window(&self) -> u64 {
        self.start
    }

    fn store(&self, _quota: &Quota, fullness: u8) -> Cell {
        Cell::new(Tag::Fixed, fullness, self.end, self.start, self.count)
    }
}
