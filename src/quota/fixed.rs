//! Fixed windows: a count that begins anew, with a key's first hit or with the clock's round numbers.

use super::{
    Algorithm, Quota,
    level::Level,
    state::{Cell, Tag},
};

pub(super) struct FixedWindow {
    start: u64,
    count: u64,
}

impl Level for FixedWindow {
    type Stored = Cell;

    fn load(stored: Option<Cell>, quota: &Quota, now: u64) -> Self {
        let stored = stored.filter(|cell| cell.tag() == Tag::Fixed);
        // A clock that went back stays in the window it was in.
        let now = stored.map_or(now, |cell| now.max(cell.a));
        let aligned = quota.algorithm == Algorithm::AlignedWindow;
        let start = if aligned {
            now - now % quota.window
        } else {
            now
        };
        match stored {
            Some(cell) if aligned && cell.a >= start => Self {
                start,
                count: cell.b,
            },
            Some(cell) if !aligned && now - cell.a < quota.window => Self {
                start: cell.a,
                count: cell.b,
            },
            _ => Self { start, count: 0 },
        }
    }

    fn available(&self, quota: &Quota) -> u32 {
        quota.limit
            - u32::try_from(self.count)
                .unwrap_or(u32::MAX)
                .min(quota.limit)
    }

    fn wait(&self, quota: &Quota, now: u64, _cost: u32) -> u64 {
        (self.start + quota.window).saturating_sub(now)
    }

    fn reset(&self, quota: &Quota, now: u64) -> u64 {
        if self.count == 0 {
            0
        } else {
            self.wait(quota, now, 0)
        }
    }

    fn take(&mut self, _quota: &Quota, cost: u32) {
        self.count = self.count.saturating_add(u64::from(cost));
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

    fn store(&self, quota: &Quota) -> Cell {
        Cell::new(
            Tag::Fixed,
            self.start + quota.window,
            self.start,
            self.count,
        )
    }
}
