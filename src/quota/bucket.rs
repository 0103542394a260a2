//! Token buckets that are refilled in steps, as `@upstash/ratelimit` (2.2.0) does it.

use super::{
    Quota,
    level::{Expire, Level},
    state::{Cell, END, Tag},
};

pub(super) struct TokenBucket {
    refilled_at: u64,
    // Negative in debt.
    tokens: i64,
    // When the bucket of another quota is full: until then it is not refilled.
    foreign: Option<u64>,
}

/// A cell has the tokens in the lower bits of a word, and above them what tells the quota from others.
const TOKEN_BITS: u32 = 40;
/// The most that is owed: further charges are forgotten.
const DEBT: i64 = -(1 << (TOKEN_BITS - 1));

impl Level for TokenBucket {
    type Stored = Cell;

    fn load(stored: Option<Cell>, quota: &Quota, now: u64) -> Self {
        let capacity = i64::from(quota.burst);
        let Some(cell) = stored.filter(|cell| cell.tag() == Tag::Bucket) else {
            return Self {
                refilled_at: now,
                tokens: capacity,
                foreign: None,
            };
        };
        let stored = (cell.b << (u64::BITS - TOKEN_BITS)) as i64 >> (u64::BITS - TOKEN_BITS);
        if cell.b >> TOKEN_BITS != fingerprint(quota) {
            return Self {
                refilled_at: cell.a.max(now),
                tokens: stored.min(capacity),
                foreign: Some(cell.expires()),
            };
        }
        let refills = now.saturating_sub(cell.a) / quota.window;
        let refilled =
            (refills.min(u64::from(u32::MAX)) as i64).saturating_mul(i64::from(quota.limit));
        let tokens = stored.saturating_add(refilled).min(capacity);
        Self {
            refilled_at: cell.a + refills * quota.window,
            tokens,
            foreign: None,
        }
    }

    fn available(&self, _quota: &Quota) -> u32 {
        u32::try_from(self.tokens.max(0)).unwrap_or(u32::MAX)
    }

    fn wait(&self, quota: &Quota, now: u64, cost: u32) -> u64 {
        let end = self.foreign;
        end.unwrap_or_else(|| self.holds(quota, i64::from(cost)))
            .saturating_sub(now)
    }

    fn reset(&self, quota: &Quota, now: u64) -> u64 {
        let full = i64::from(quota.burst);
        if self.tokens >= full {
            0
        } else {
            let end = self.foreign;
            end.unwrap_or_else(|| self.holds(quota, full))
                .saturating_sub(now)
        }
    }

    fn take(&mut self, _quota: &Quota, cost: u32) {
        self.foreign = None;
        self.tokens = self.tokens.saturating_sub(i64::from(cost)).max(DEBT);
    }

    /// What refills have given back since the charge is not given back again, as with GCRA.
    fn give_back(&mut self, quota: &Quota, cost: u32, window: u64) -> bool {
        if self.foreign.is_some() {
            return false;
        }
        let refills = self.refilled_at.saturating_sub(window) / quota.window;
        let refilled = refills.saturating_mul(u64::from(quota.limit));
        let amount = u64::from(cost).saturating_sub(refilled) as i64;
        let before = self.tokens;
        self.tokens = before.saturating_add(amount).min(i64::from(quota.burst));
        self.tokens != before
    }

    fn window(&self) -> u64 {
        self.refilled_at
    }

    fn store(&self, quota: &Quota, fullness: u8) -> Cell {
        let expires = self.holds(quota, i64::from(quota.burst));
        Cell::new(
            Tag::Bucket,
            fullness,
            expires,
            self.refilled_at,
            fingerprint(quota) << TOKEN_BITS | self.tokens as u64 & ((1 << TOKEN_BITS) - 1),
        )
    }
}

impl TokenBucket {
    /// Returns when the bucket holds that many tokens.
    fn holds(&self, quota: &Quota, tokens: i64) -> u64 {
        let missing = tokens.saturating_sub(self.tokens).max(0) as u64;
        let refills = missing.div_ceil(u64::from(quota.limit.max(1)));
        self.refilled_at
            .saturating_add(refills.saturating_mul(quota.window))
            .min(END)
    }
}

/// Returns 24 bits that tell a quota from others: part of the format of states.
fn fingerprint(quota: &Quota) -> u64 {
    let counts = u64::from(quota.limit) << 32 | u64::from(quota.burst);
    let mixed = counts.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ quota.window;
    mixed.wrapping_mul(0xd1b5_4a32_d192_ed03) >> TOKEN_BITS
}
