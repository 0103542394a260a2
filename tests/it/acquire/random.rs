//! Random claims from a seed: quotas at the edges of doubles, times at the edges of windows.

use std::time::Duration;

use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{Spend, Window},
};

pub(crate) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Gcra,
    Algorithm::FixedWindow,
    Algorithm::AlignedWindow,
    Algorithm::SlidingWindow,
    Algorithm::StrictWindow,
    Algorithm::TokenBucket,
];

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Windows are long: a real server also measures real time.
    pub(crate) fn quota(&mut self, algorithms: &[Algorithm]) -> Quota {
        loop {
            let algorithm = self.pick(algorithms);
            let limit = match self.below(4) {
                0 => self.pick(&[1000, 3_000_000, 1_000_003, 4_294_967_291, u32::MAX]),
                _ => 1 + self.below(19) as u32,
            };
            let window = match self.below(3) {
                0 => 60_000_000 + self.below(60_000_000),
                1 => self.pick(&[600, 3600, 86_400, 30 * 86_400]) * 1_000_000,
                _ => 1000 * (60_000 + self.below(60_000)),
            };
            let whole_millis = algorithm == Algorithm::SlidingWindow;
            let window = if whole_millis {
                window - window % 1000
            } else {
                window
            };
            let quota = Quota::new(algorithm, limit, Duration::from_micros(window));
            let burst = limit / 2 + self.below(3 * u64::from(limit)).min(1 << 31) as u32;
            match quota {
                Ok(quota) if self.one_in(2) => return quota.try_burst(burst).unwrap_or(quota),
                Ok(quota) => return quota,
                Err(_) => {}
            }
        }
    }

    /// From a microsecond to ten years, from one unit to 2^32, and any burst. For clocks that are moved by hand: short
    /// windows would end in real time.
    pub(crate) fn extreme_quota(&mut self, algorithms: &[Algorithm]) -> Quota {
        const TEN_YEARS: u64 = 3650 * 86_400 * 1_000_000;
        loop {
            let algorithm = self.pick(algorithms);
            let limit = match self.below(4) {
                0 => self.pick(&[u32::MAX, u32::MAX - 1, 1 << 31, (1 << 24) + 1]),
                1 => (self.next() as u32 >> self.below(31)).max(1),
                _ => 1 + self.below(12) as u32,
            };
            let window = match self.below(5) {
                0 => 1 + self.below(20),
                1 => TEN_YEARS - self.below(3),
                2 => 1 + (self.next() >> self.below(60)) % TEN_YEARS,
                _ => 1000 * (1 + self.below(100_000)),
            };
            let window = if algorithm == Algorithm::SlidingWindow {
                window.div_ceil(1000) * 1000
            } else {
                window
            };
            let burst = match self.below(3) {
                0 => 1 + self.below(20) as u32,
                1 => (self.next() as u32 >> self.below(31)).max(1),
                _ => u32::MAX,
            };
            let quota = Quota::new(algorithm, limit, Duration::from_micros(window));
            match quota {
                Ok(quota) if self.one_in(3) => return quota.try_burst(burst).unwrap_or(quota),
                Ok(quota) => return quota,
                Err(_) => {}
            }
        }
    }

    /// Bans last from nothing to ten years.
    pub(crate) fn spend(&mut self, quota: &Quota, charges: &[(u32, Window)]) -> Spend {
        let capacity = u64::from(quota.capacity());
        let share = match self.below(4) {
            0 => capacity * self.below(17) / 16 + self.below(3),
            1 => capacity + self.below(3),
            _ => self.below(4),
        };
        let cost = share.saturating_sub(1).min(u64::from(u32::MAX)) as u32;
        if self.one_in(24) {
            return Spend::Reset;
        }
        if self.one_in(24) {
            let window = quota.window().as_micros() as u64;
            let lasts = self.pick(&[0, 1, 999, window / 3, 2 * window, u64::MAX]);
            return Spend::Ban(Duration::from_micros(lasts.min(1 << 60)));
        }
        match self.below(12) {
            0 => Spend::Peek(cost),
            1 => Spend::Shadow(cost),
            2 => Spend::Charge(cost.saturating_mul(self.pick(&[1, 1, 3]))),
            3 | 4 if !charges.is_empty() => {
                let (cost, window) = self.pick(charges);
                let cost = self.pick(&[cost, cost / 2, 1, cost.saturating_add(1)]);
                Spend::Refund { cost, window }
            }
            _ => Spend::Take(cost),
        }
    }

    /// Returns how much time passes, in microseconds.
    pub(crate) fn gap(&mut self, quota: &Quota) -> i64 {
        let window = quota.window().as_micros() as i64;
        let unit = (window / i64::from(quota.limit().max(1))).max(1);
        let odd = self.below(5) as i64 - 2;
        match self.below(8) {
            0..=2 => 0,
            3 => unit * self.below(4) as i64 + odd,
            4 => window / 64 * self.below(20) as i64 + odd,
            5 => window / 64 * self.pick(&[6, 7, 32, 57, 63, 64, 65, 70, 128]) + odd,
            6 => self.below(10_000) as i64,
            _ => window * self.below(4) as i64 + 1000 * odd,
        }
    }
}
