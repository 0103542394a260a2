//! The strict sliding window: ten slices of the window and the one they are moving out of, each counted whole.
//!
//! Whatever window of that length one lays over time, its slices are among the eleven: never more than the limit. The
//! price is that units come back up to a tenth of the window late.

use super::{
    Quota,
    level::Level,
    state::{END, Ring, SLICES},
};

pub(super) struct StrictWindow {
    width: u64,
    // The number of the current slice since the epoch; its count comes first, then older ones.
    head: u64,
    counts: [u32; SLICES],
    // The end of a state of another quota, which counts whole until then.
    foreign: Option<u64>,
}

impl Level for StrictWindow {
    type Stored = Ring;

    fn load(stored: Option<Ring>, quota: &Quota, now: u64) -> Self {
        let width = quota.window.div_ceil(SLICES as u64 - 1);
        let mut counts = [0; SLICES];
        let Some(ring) = stored else {
            return Self {
                width,
                head: now / width,
                counts,
                foreign: None,
            };
        };
        // A clock that went back stays in the slice it was in.
        let gone = (now / ring.width.max(1)).saturating_sub(ring.head);
        let gone = usize::try_from(gone).unwrap_or(SLICES).min(SLICES);
        let kept = ring.counts.iter().take(SLICES - gone);
        if ring.width == width {
            counts
                .iter_mut()
                .skip(gone)
                .zip(kept)
                .for_each(|(count, kept)| *count = *kept);
            return Self {
                width,
                head: ring.head.max(now / width),
                counts,
                foreign: None,
            };
        }
        // Another quota: what is in sight counts in the current slice of the new one.
        let start = now.max(ring.head.saturating_mul(ring.width).min(END));
        counts[0] = kept.fold(0, |sum, count| count.saturating_add(sum));
        Self {
            width,
            head: start / width,
            counts,
            foreign: Some(ring.expires),
        }
    }

    fn available(&self, quota: &Quota) -> u32 {
        let total = u32::try_from(self.total()).unwrap_or(u32::MAX);
        quota.limit.saturating_sub(total)
    }

    fn wait(&self, quota: &Quota, now: u64, cost: u32) -> u64 {
        if let Some(end) = self.foreign {
            return end.saturating_sub(now);
        }
        let mut excess = (self.total() + u64::from(cost)).saturating_sub(u64::from(quota.limit));
        let mut age = SLICES;
        for count in self.counts.iter().rev() {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(u64::from(*count));
            age -= 1;
        }
        self.leaves(age).saturating_sub(now)
    }

    fn reset(&self, _quota: &Quota, now: u64) -> u64 {
        self.foreign
            .unwrap_or_else(|| self.expires())
            .saturating_sub(now)
    }

    fn take(&mut self, _quota: &Quota, cost: u32) {
        self.foreign = None;
        self.counts[0] = self.counts[0].saturating_add(cost);
    }

    fn give_back(&mut self, _quota: &Quota, cost: u32, window: u64) -> bool {
        let slice = self
            .head
            .checked_sub(window)
            .and_then(|age| usize::try_from(age).ok());
        let Some(charged) = slice.and_then(|age| self.counts.get_mut(age)) else {
            return false;
        };
        let amount = cost.min(*charged);
        *charged -= amount;
        amount > 0
    }

    fn window(&self) -> u64 {
        self.head
    }

    fn store(&self, _quota: &Quota, fullness: u8) -> Ring {
        Ring {
            fullness,
            expires: self.expires(),
            width: self.width,
            head: self.head,
            counts: self.counts,
        }
    }
}

impl StrictWindow {
    fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }

    /// Returns when the slice of an age is no longer counted.
    fn leaves(&self, age: usize) -> u64 {
        let slice = (self.head + SLICES as u64).saturating_sub(age as u64);
        slice.saturating_mul(self.width).min(END)
    }

    /// Returns when the youngest slice with a count leaves; zero if there is none.
    fn expires(&self) -> u64 {
        self.counts
            .iter()
            .position(|count| *count > 0)
            .map_or(0, |age| self.leaves(age))
    }
}
