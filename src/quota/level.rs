//! One step, whatever the algorithm: the rules of the contract that all algorithms share.

use super::{
    Quota,
    ban::{self, Bannable},
};
use crate::{
    store::{Decision, Spend, Verdict, Window},
    time::Timestamp,
};

/// How full a limit is at one instant: what an algorithm has to know.
pub(super) trait Level {
    /// What is kept between two calls.
    type Stored: Bannable;

    /// Moves what was kept on to `now`. `None`: never used, expired, or of another algorithm.
    fn load(stored: Option<Self::Stored>, quota: &Quota, now: u64) -> Self;

    /// Returns how many units can be taken now: zero in debt. Taking `n` of them leaves `n` less.
    fn available(&self, quota: &Quota) -> u32;

    /// Returns after how many microseconds `cost` units can be taken: more than are there, at most the capacity.
    fn wait(&self, quota: &Quota, now: u64, cost: u32) -> u64;

    /// Returns after how many microseconds the limit is as if never used.
    fn reset(&self, quota: &Quota, now: u64) -> u64;

    /// Takes units, at least one, also where they are not there.
    fn take(&mut self, quota: &Quota, cost: u32);

    /// Gives back what was taken in `window`. Returns whether anything changed.
    fn give_back(&mut self, quota: &Quota, cost: u32, window: u64) -> bool;

    /// Returns the window in which units are taken now.
    fn window(&self) -> u64;

    /// Returns what is to be kept.
    fn store(&self, quota: &Quota, fullness: u8) -> Self::Stored;
}

/// State that is as good as none after a time.
pub(crate) trait Expire {
    /// Returns the first instant at which the state is indistinguishable from none.
    fn expires(&self) -> u64;
}

/// Returns how much of a limit is used up, from 0 to 127: what a full store evicts by.
#[inline]
fn fullness(capacity: u32, available: u32) -> u8 {
    // What is available is at most the capacity; and a quota of nothing stores nothing.
    let used = u64::from(capacity.wrapping_sub(available));
    (used * 127 / u64::from(capacity.max(1))) as u8
}

#[inline(always)] // as `Quota::step_cell`
pub(super) fn step<L: Level>(
    quota: &Quota,
    stored: Option<L::Stored>,
    now: Timestamp,
    spend: Spend,
) -> (Option<L::Stored>, Decision) {
    let now = now.as_micros();
    if matches!(spend, Spend::Reset | Spend::Ban(_)) {
        return ban::settle::<L>(quota, stored, now, spend);
    }
    let stored = stored.filter(|stored| stored.expires() > now);
    if let Some(ban) = stored.filter(Bannable::is_ban) {
        return (None, ban::refuse(quota, ban.expires(), now, spend));
    }
    let mut level = L::load(stored, quota, now);
    let mut available = level.available(quota);
    let mut verdict = Verdict::Allowed;
    let changed = match spend {
        Spend::Take(cost) | Spend::Shadow(cost) | Spend::Peek(cost) if cost > available => {
            verdict = refuse(&level, quota, now, cost);
            false
        }
        Spend::Peek(_) | Spend::Reset | Spend::Ban(_) => false,
        Spend::Take(cost) | Spend::Shadow(cost) | Spend::Charge(cost) => {
            available = available.saturating_sub(cost);
            if cost > 0 {
                level.take(quota, cost);
            }
            cost > 0
        }
        Spend::Refund { cost, window } => {
            let changed = cost > 0
                && window != Window::NEVER
                && level.give_back(quota, cost, window.as_u64());
            available = level.available(quota);
            changed
        }
    };
    let reset = level.reset(quota, now);
    let decision = Decision::new(
        verdict,
        quota.capacity(),
        available,
        reset,
        Window::from_u64(level.window()),
    );
    let fullness = || fullness(quota.capacity(), available);
    (changed.then(|| level.store(quota, fullness())), decision)
}

/// Takes units, at least one, from a state of the algorithm's own where it lies, or refuses: as [`step`], without all that
/// is rarely asked.
#[inline]
pub(super) fn take<L: Level>(
    quota: &Quota,
    kept: &mut L::Stored,
    now: Timestamp,
    cost: u32,
) -> Decision {
    let now = now.as_micros();
    let stored = Some(*kept).filter(|stored| stored.expires() > now);
    let mut level = L::load(stored, quota, now);
    let mut available = level.available(quota);
    let verdict = if cost > available {
        refuse(&level, quota, now, cost)
    } else {
        available -= cost;
        level.take(quota, cost);
        *kept = level.store(quota, fullness(quota.capacity(), available));
        Verdict::Allowed
    };
    Decision::new(
        verdict,
        quota.capacity(),
        available,
        level.reset(quota, now),
        Window::from_u64(level.window()),
    )
}

#[inline]
fn refuse<L: Level>(level: &L, quota: &Quota, now: u64, cost: u32) -> Verdict {
    if cost > quota.capacity() {
        Verdict::Never
    } else {
        // A wait of nothing would be a lie: the units are not there now.
        Verdict::Refused {
            retry_micros: level.wait(quota, now, cost).max(1),
        }
    }
}
