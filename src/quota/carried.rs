//! GCRA on a state of another window: it takes up the same share of this one.
//!
//! Until it is charged it goes on at its own pace, since a refusal writes nothing: the waits are by that pace, and true.

use super::{
    Quota,
    gcra::{Gcra, Span},
    level::{Expire, Level},
    state::{Cell, Tag},
};

pub(super) struct Carried {
    gcra: Gcra,
    // What the state has left, and its window. None: there is no state, or it has been charged.
    own: Option<(u64, u64)>,
}

impl Carried {
    /// Returns whether a state belongs to another window than the quota's.
    #[inline]
    pub(super) fn is(cell: Option<Cell>, quota: &Quota) -> bool {
        cell.is_some_and(|cell| cell.tag() == Tag::Gcra && cell.a != quota.window)
    }
}

impl Level for Carried {
    type Stored = Cell;

    fn load(stored: Option<Cell>, quota: &Quota, now: u64) -> Self {
        let Some(cell) = stored else {
            return Self {
                gcra: Gcra::load(None, quota, now),
                own: None,
            };
        };
        let left = cell.expires() - now;
        let share = u128::from(left) * u128::from(quota.window);
        let whole = share.div_ceil(u128::from(cell.a.max(1)));
        let taken = Span {
            whole: u64::try_from(whole).unwrap_or(u64::MAX),
            part: 0,
        };
        Self {
            gcra: Gcra::new(now, taken),
            own: Some((left, cell.a)),
        }
    }

    fn available(&self, quota: &Quota) -> u32 {
        self.gcra.available(quota)
    }

    fn wait(&self, quota: &Quota, now: u64, cost: u32) -> u64 {
        let Some((left, window)) = self.own else {
            return self.gcra.wait(quota, now, cost);
        };
        let limit = u64::from(quota.limit);
        let room = quota.full().minus(quota.unit().times(cost, limit), limit);
        // As much of its own time as takes up that room.
        let most = u128::from(room.whole) * u128::from(window) / u128::from(quota.window);
        left.saturating_sub(u64::try_from(most).unwrap_or(u64::MAX))
    }

    fn reset(&self, quota: &Quota, now: u64) -> u64 {
        self.own
            .map_or_else(|| self.gcra.reset(quota, now), |(left, _)| left)
    }

    fn take(&mut self, quota: &Quota, cost: u32) {
        self.own = None;
        self.gcra.take(quota, cost);
    }

    /// What was charged under another window is not given back: a unit of it was another share.
    fn give_back(&mut self, quota: &Quota, cost: u32, window: u64) -> bool {
        self.own.is_none() && self.gcra.give_back(quota, cost, window)
    }

    fn window(&self) -> u64 {
        self.gcra.window()
    }

    fn store(&self, quota: &Quota, fullness: u8) -> Cell {
        self.gcra.store(quota, fullness)
    }
}
