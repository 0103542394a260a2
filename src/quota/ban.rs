//! What is decided whatever the algorithm: bans, resets, and what is asked of a key that is banned.

use std::time::Duration;

use super::{
    Quota,
    level::{Expire, Level},
    state::{Cell, Ring, SLICES, Tag},
};
use crate::{
    store::{Decision, MAX_TTL, Spend, Verdict, Window},
    time::micros,
};

/// State that can be a ban instead, which every algorithm knows.
pub(crate) trait Bannable: Expire + Copy {
    /// Returns a ban until an instant. One until zero is over at any time, and stands for no state.
    fn ban(end: u64) -> Self;

    fn is_ban(&self) -> bool;
}

impl Bannable for Cell {
    fn ban(end: u64) -> Self {
        Self::new(Tag::Ban, u8::MAX >> 1, end, 0, 0)
    }

    #[inline]
    fn is_ban(&self) -> bool {
        self.tag() == Tag::Ban
    }
}

/// A ring without a width.
impl Bannable for Ring {
    fn ban(end: u64) -> Self {
        Self {
            expires: end,
            width: 0,
            head: 0,
            counts: [0; SLICES],
            fullness: u8::MAX >> 1,
        }
    }

    #[inline]
    fn is_ban(&self) -> bool {
        self.width == 0
    }
}

/// Returns how many microseconds a ban lasts.
pub(crate) fn ban_micros(duration: Duration) -> u64 {
    micros(duration.min(MAX_TTL))
}

/// Decides a reset or a ban.
#[cold]
#[inline(never)]
pub(super) fn settle<L: Level>(
    quota: &Quota,
    stored: Option<L::Stored>,
    now: u64,
    spend: Spend,
) -> (Option<L::Stored>, Decision) {
    let lasts = match spend {
        Spend::Ban(duration) => ban_micros(duration),
        _ => {
            return (
                stored.map(|_| Bannable::ban(0)),
                look::<L>(quota, None, now),
            );
        }
    };
    if lasts == 0 {
        return (None, look::<L>(quota, stored, now));
    }
    let ban = L::Stored::ban(now + lasts);
    (Some(ban), refuse(quota, ban.expires(), now, spend))
}

/// Decides any other claim on a key that is banned.
#[cold]
#[inline(never)]
pub(super) fn refuse(quota: &Quota, end: u64, now: u64, spend: Spend) -> Decision {
    let rest = end.saturating_sub(now);
    let verdict = match spend {
        Spend::Take(cost) | Spend::Shadow(cost) | Spend::Peek(cost) if cost > 0 => {
            if cost > quota.capacity() {
                Verdict::Never
            } else {
                Verdict::Refused { retry_micros: rest }
            }
        }
        _ => Verdict::Allowed,
    };
    Decision::new(verdict, quota.capacity(), 0, rest, Window::NEVER)
}

fn look<L: Level>(quota: &Quota, stored: Option<L::Stored>, now: u64) -> Decision {
    let stored = stored.filter(|stored| stored.expires() > now);
    if let Some(ban) = stored.filter(Bannable::is_ban) {
        return refuse(quota, ban.expires(), now, Spend::Peek(0));
    }
    let level = L::load(stored, quota, now);
    Decision::new(
        Verdict::Allowed,
        quota.capacity(),
        level.available(quota),
        level.reset(quota, now),
        Window::from_u64(level.window()),
    )
}
