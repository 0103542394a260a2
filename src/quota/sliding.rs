//! The weighted sliding window of `@upstash/ratelimit`: this window's count, and the last one's by its share in sight.
//!
//! The weight is `floor((1 - (t mod W) / W) * last)` in IEEE doubles over milliseconds, in exactly that order: exact
//! integers differ from it in some 3 % of all cases. Unlike theirs (2.2.0), a refused claim is not counted, and a cost
//! above what is left is refused.

use super::{
    Quota,
    level::{Expire, Level},
    state::{Cell, Tag},
};

/// Times are in milliseconds.
pub(super) struct SlidingWindow {
    start: u64,
    now: u64,
    last: u32,
    count: u32,
    // The end of a state of another quota, which counts whole until then.
    foreign: Option<u64>,
}

const MILLI: u64 = 1000;

impl Level for SlidingWindow {
    type Stored = Cell;

    fn load(stored: Option<Cell>, quota: &Quota, now: u64) -> Self {
        let window = quota.window / MILLI;
        let stored = stored.filter(|cell| cell.tag() == Tag::Sliding);
        // A clock that went back stays at the start of the window it was in.
        let now = (now / MILLI).max(stored.map_or(0, |cell| cell.a / MILLI));
        let start = now - now % window;
        let fresh = Self {
            start,
            now,
            last: 0,
            count: 0,
            foreign: None,
        };
        let Some(cell) = stored else { return fresh };
        let (then, length) = (
            cell.a / MILLI,
            cell.expires().saturating_sub(cell.a) / 2 / MILLI,
        );
        let kept = Self {
            start: then,
            now,
            last: (cell.b >> 32) as u32,
            count: cell.b as u32,
            foreign: None,
        };
        if length != window {
            // Another quota: what is in sight counts whole, in the window of the new one.
            return Self {
                count: kept.rolled(length, now).in_sight(length),
                foreign: Some(cell.expires()),
                ..fresh
            };
        }
        kept.rolled(window, start)
    }

    fn available(&self, quota: &Quota) -> u32 {
        quota
            .limit
            .saturating_sub(self.in_sight(quota.window / MILLI))
    }

    fn wait(&self, quota: &Quota, now: u64, cost: u32) -> u64 {
        if let Some(end) = self.foreign {
            return end.saturating_sub(now);
        }
        let window = quota.window / MILLI;
        let at = match (quota.limit - cost).checked_sub(self.count) {
            Some(room) => self.start + first_offset(self.last, room, window),
            // Not in this window: in the next one, this count is the last.
            None => self.start + window + first_offset(self.count, quota.limit - cost, window),
        };
        (at * MILLI).saturating_sub(now)
    }

    fn reset(&self, quota: &Quota, now: u64) -> u64 {
        if let Some(end) = self.foreign {
            return end.saturating_sub(now);
        }
        let windows = if self.count > 0 {
            2
        } else {
            u64::from(self.last > 0)
        };
        (self.start * MILLI + windows * quota.window).saturating_sub(now) * windows.min(1)
    }

    fn take(&mut self, _quota: &Quota, cost: u32) {
        self.foreign = None;
        self.count = self.count.saturating_add(cost);
    }

    fn give_back(&mut self, quota: &Quota, cost: u32, window: u64) -> bool {
        let charged = if window == self.start * MILLI {
            &mut self.count
        } else if window.saturating_add(quota.window) == self.start * MILLI {
            &mut self.last
        } else {
            return false;
        };
        let amount = cost.min(*charged);
        *charged -= amount;
        amount > 0
    }

    fn window(&self) -> u64 {
        self.start * MILLI
    }

    fn store(&self, quota: &Quota, fullness: u8) -> Cell {
        let start = self.start * MILLI;
        Cell::new(
            Tag::Sliding,
            fullness,
            start + 2 * quota.window,
            start,
            u64::from(self.last) << 32 | u64::from(self.count),
        )
    }
}

impl SlidingWindow {
    /// Moves on to the window of `at`.
    fn rolled(self, window: u64, at: u64) -> Self {
        match at.saturating_sub(self.start).checked_div(window) {
            Some(0) => self,
            Some(1) => Self {
                start: self.start + window,
                last: self.count,
                count: 0,
                ..self
            },
            _ => Self {
                start: at,
                last: 0,
                count: 0,
                ..self
            },
        }
    }

    fn in_sight(&self, window: u64) -> u32 {
        weight(self.last, self.now - self.start, window).saturating_add(self.count)
    }
}

fn weight(last: u32, offset: u64, window: u64) -> u32 {
    // The cast rounds down.
    ((1.0 - offset as f64 / window as f64) * f64::from(last)) as u32
}

/// Returns the first offset in a window at which the last one weighs at most `room`.
fn first_offset(last: u32, room: u32, window: u64) -> u64 {
    if last <= room {
        return 0;
    }
    let guess = window as f64 * (1.0 - (f64::from(room) + 1.0) / f64::from(last));
    // The guess is off by a rounding at most; these end after a step or two.
    let mut offset = (guess.max(0.0) as u64).min(window);
    while offset > 0 && weight(last, offset - 1, window) <= room {
        offset -= 1;
    }
    while offset < window && weight(last, offset, window) > room {
        offset += 1;
    }
    offset
}
