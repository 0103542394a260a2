//! GCRA: each unit takes `window / limit`, and a burst's worth of time may be taken in advance.
//!
//! Times are whole microseconds and parts of `1 / limit` of one, so that no quota drifts and no rate is rounded.

use super::{
    Quota,
    level::{Expire, Level},
    state::{Cell, END, Tag},
};

/// A time of `whole + part / limit` microseconds, `part < limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) whole: u64,
    pub(super) part: u64,
}

impl Span {
    pub(super) const ZERO: Self = Self { whole: 0, part: 0 };

    const fn micros(whole: u64) -> Self {
        Self { whole, part: 0 }
    }

    #[inline]
    pub(super) fn times(self, n: u32, limit: u64) -> Self {
        let whole = self.whole.saturating_mul(u64::from(n));
        if self.part == 0 {
            return Self::micros(whole);
        }
        let parts = self.part * u64::from(n); // both below 2³²
        Self {
            whole: whole.saturating_add(parts / limit),
            part: parts % limit,
        }
    }

    #[inline]
    fn plus(self, other: Self, limit: u64) -> Self {
        let whole = self.whole.saturating_add(other.whole);
        let part = self.part + other.part;
        if part < limit {
            Self { whole, part }
        } else {
            Self {
                whole: whole.saturating_add(1),
                part: part - limit,
            }
        }
    }

    #[inline]
    pub(super) fn minus(self, other: Self, limit: u64) -> Self {
        if self <= other {
            return Self::ZERO;
        }
        let whole = self.whole - other.whole;
        if self.part >= other.part {
            Self {
                whole,
                part: self.part - other.part,
            }
        } else {
            Self {
                whole: whole - 1,
                part: self.part + limit - other.part,
            }
        }
    }

    #[inline]
    const fn round_up(self) -> u64 {
        self.whole.saturating_add((self.part > 0) as u64)
    }
}

/// How much time is taken in advance of `now`.
pub(super) struct Gcra {
    now: u64,
    taken: Span,
}

impl Gcra {
    pub(super) const fn new(now: u64, taken: Span) -> Self {
        Self { now, taken }
    }

    /// Returns whether a state is one of this algorithm and this window.
    #[inline]
    pub(super) fn owns(cell: &Cell, quota: &Quota) -> bool {
        cell.tag() == Tag::Gcra && cell.a == quota.window
    }
}

impl Level for Gcra {
    type Stored = Cell;

    #[inline]
    fn load(stored: Option<Cell>, quota: &Quota, now: u64) -> Self {
        let Some(cell) = stored.filter(|cell| cell.tag() == Tag::Gcra) else {
            return Self {
                now,
                taken: Span::ZERO,
            };
        };
        let part = if cell.b >> 32 == u64::from(quota.limit) {
            cell.b & u64::from(u32::MAX)
        } else {
            0 // of another limit: rounded up
        };
        // It has not expired, so the difference is above zero.
        let whole = cell.expires() - now - u64::from(part > 0);
        let taken = Span { whole, part };
        Self { now, taken }
    }

    #[inline]
    fn available(&self, quota: &Quota) -> u32 {
        let limit = u64::from(quota.limit);
        let room = quota.full().minus(self.taken, limit);
        // Units in the room: (whole + part / limit) / (window / limit).
        let units = match room
            .whole
            .checked_mul(limit)
            .and_then(|parts| parts.checked_add(room.part))
        {
            Some(parts) => parts / quota.window,
            None => {
                let parts = u128::from(room.whole) * u128::from(limit) + u128::from(room.part);
                u64::try_from(parts / u128::from(quota.window)).unwrap_or(u64::MAX)
            }
        };
        u32::try_from(units).unwrap_or(u32::MAX).min(quota.burst)
    }

    #[inline]
    fn wait(&self, quota: &Quota, _now: u64, cost: u32) -> u64 {
        let limit = u64::from(quota.limit);
        self.taken
            .plus(quota.unit().times(cost, limit), limit)
            .minus(quota.full(), limit)
            .round_up()
    }

    #[inline]
    fn reset(&self, _quota: &Quota, _now: u64) -> u64 {
        self.taken.round_up()
    }

    #[inline]
    fn take(&mut self, quota: &Quota, cost: u32) {
        let limit = u64::from(quota.limit);
        self.taken = self.taken.plus(quota.unit().times(cost, limit), limit);
    }

    /// What time has given back since the charge is not given back again: the difference that a charge makes shrinks
    /// by at most the time gone by, so this never admits more than if the charge had not been.
    fn give_back(&mut self, quota: &Quota, cost: u32, window: u64) -> bool {
        let limit = u64::from(quota.limit);
        let gone = Span::micros(self.now.saturating_sub(window));
        let amount = quota.unit().times(cost, limit).minus(gone, limit);
        let before = self.taken;
        self.taken = before.minus(amount, limit);
        self.taken != before
    }

    #[inline]
    fn window(&self) -> u64 {
        self.now
    }

    #[inline]
    fn store(&self, quota: &Quota, fullness: u8) -> Cell {
        let expires = self.now.saturating_add(self.taken.round_up()).min(END);
        Cell::new(
            Tag::Gcra,
            fullness,
            expires,
            quota.window,
            u64::from(quota.limit) << 32 | self.taken.part,
        )
    }
}
