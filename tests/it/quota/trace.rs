//! Random quotas and random traces, shaped so that they meet the edges: whole windows, slices, units, one microsecond
//! off.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::{
    quota::{Algorithm, Quota, State, Step},
    store::{Spend, Window},
    time::Timestamp,
};

pub(super) const T0: u64 = 1_700_000_000_000_000;
/// The end of every run.
pub(super) const LATEST: u64 = 3_500_000_000_000_000;

pub(super) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Gcra,
    Algorithm::FixedWindow,
    Algorithm::AlignedWindow,
    Algorithm::SlidingWindow,
    Algorithm::StrictWindow,
    Algorithm::TokenBucket,
];

pub(super) fn at(micros: u64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// One move of a trace: how much time passes, in 1/64 of a window and microseconds, and what is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) parts: i64,
    pub(super) micros: i64,
    pub(super) ask: Ask,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// Takes so many units.
    Few(u32),
    /// Takes so many 1/16 of the capacity, and one unit more or less.
    Share(u32, i64),
    /// Takes all that is left.
    Rest,
    /// Gives back a charge counted from the last, so many 1/4 of it.
    Refund(usize, u32),
    /// Charges so many 1/4 of the capacity.
    Charge(u32),
}

fn gap() -> impl Strategy<Value = (i64, i64)> {
    let parts = prop_oneof![
        4 => Just(0),
        4 => 0_i64..8,
        2 => prop::sample::select(vec![6_i64, 7, 32, 57, 58, 63, 64, 65, 70, 71, 128]),
        1 => 0_i64..200,
    ];
    (parts, -1001_i64..=1001)
}

fn asks(refunds: u32, charges: u32) -> impl Strategy<Value = Ask> {
    let take = prop_oneof![
        3 => (1_u32..4).prop_map(Ask::Few),
        3 => (0_u32..=17, -1_i64..=1).prop_map(|(share, off)| Ask::Share(share, off)),
        3 => Just(Ask::Rest),
    ];
    let refund = (0_usize..4, 1_u32..=4).prop_map(|(back, share)| Ask::Refund(back, share));
    let charge = (0_u32..=12).prop_map(Ask::Charge);
    (0..10 + refunds + charges, take, refund, charge).prop_map(
        move |(dice, take, refund, charge)| {
            if dice < 10 {
                take
            } else if dice < 10 + refunds {
                refund
            } else {
                charge
            }
        },
    )
}

/// Traces of takes, and by weight of refunds and charges.
pub(super) fn moves(refunds: u32, charges: u32) -> impl Strategy<Value = Vec<Move>> {
    let one = (gap(), asks(refunds, charges)).prop_map(|((parts, micros), ask)| Move {
        parts,
        micros,
        ask,
    });
    prop::collection::vec(one, 1..60)
}

pub(super) fn limits() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => 1_u32..20,
        2 => prop::sample::select(vec![7_u32, 10, 1000, 3_000_000, u32::MAX - 1, u32::MAX]),
        1 => 1_u32..=u32::MAX,
    ]
}

pub(super) fn windows() -> impl Strategy<Value = Duration> {
    let named = [
        Duration::from_micros(1),
        Duration::from_micros(7),
        Duration::from_millis(1),
        Duration::from_millis(10),
        Duration::from_secs(1),
        Duration::from_secs(10),
        Duration::from_secs(60),
        Duration::from_secs(86_400),
        Duration::from_secs(3650 * 86_400),
    ];
    prop_oneof![
        4 => prop::sample::select(named.to_vec()),
        2 => (1_u64..100_000).prop_map(Duration::from_micros),
        2 => (1_u64..100_000).prop_map(Duration::from_millis),
    ]
}

pub(super) fn quota_of(algorithm: Algorithm) -> impl Strategy<Value = Quota> {
    let burst = prop::option::of(1_u32..=16);
    (limits(), windows(), burst).prop_filter_map("not a quota", move |(limit, window, burst)| {
        let whole_millis = Duration::from_millis((window.as_millis() as u64).max(1));
        let window = if algorithm == Algorithm::SlidingWindow {
            whole_millis
        } else {
            window
        };
        let quota = Quota::new(algorithm, limit, window).ok()?;
        match burst {
            Some(burst) if matches!(algorithm, Algorithm::Gcra | Algorithm::TokenBucket) => quota
                .try_burst(burst.saturating_mul(limit.div_ceil(4)))
                .ok(),
            _ => Some(quota),
        }
    })
}

pub(super) fn quotas() -> impl Strategy<Value = Quota> {
    prop::sample::select(ALGORITHMS.to_vec()).prop_flat_map(quota_of)
}

/// A charge, as an observer outside notes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    /// The latest time at which anything was taken so far: a clock that goes back does not move it.
    pub(super) at: u64,
    pub(super) cost: u32,
    pub(super) left: u32,
    pub(super) window: Window,
}

/// A limit and its observer.
pub(super) struct Run {
    pub(super) quota: Quota,
    pub(super) state: Option<State>,
    pub(super) now: u64,
    latest: u64,
    pub(super) log: Vec<Noted>,
}

impl Run {
    pub(super) fn new(quota: Quota) -> Self {
        Self {
            quota,
            state: None,
            now: T0,
            latest: 0,
            log: Vec::new(),
        }
    }

    pub(super) fn step(&self, spend: Spend) -> Step {
        self.quota.step(self.state.as_ref(), at(self.now), spend)
    }

    pub(super) fn wait(&mut self, parts: i64, micros: i64) {
        let window = self.quota.window().as_micros() as i64;
        let unit = (window / i64::from(self.quota.limit())).max(1);
        // Half of the odd microseconds are of the unit's size.
        let odd = if micros % 2 == 0 {
            micros / 2 % 3
        } else {
            unit * (micros % 3) + micros / 500
        };
        let by = (window / 64 * parts + odd).clamp(-(T0 as i64) / 100, 1 << 50);
        self.now = (self.now as i64 + by).clamp(T0 as i64 / 2, LATEST as i64) as u64;
    }

    /// Asks, and notes what was given and given back.
    pub(super) fn ask(&mut self, ask: Ask) -> Option<Step> {
        let capacity = i64::from(self.quota.capacity());
        let spend = match ask {
            Ask::Few(cost) => Spend::Take(cost),
            Ask::Share(share, off) => {
                let cost = (capacity * i64::from(share) / 16 + off).clamp(0, i64::from(u32::MAX));
                Spend::Take(cost as u32)
            }
            Ask::Rest => Spend::Take(self.step(Spend::Peek(0)).decision.remaining().max(1)),
            Ask::Charge(share) => {
                let cost = capacity * i64::from(share) / 4;
                Spend::Charge(cost.clamp(1, i64::from(u32::MAX)) as u32)
            }
            Ask::Refund(back, share) => return self.refund(back, share),
        };
        let step = self.step(spend);
        let (Spend::Take(cost) | Spend::Charge(cost)) = spend else {
            return None;
        };
        if step.decision.allowed() && cost > 0 {
            self.state = Some(step.state.expect("what is taken is written"));
            self.latest = self.latest.max(self.now);
            self.log.push(Noted {
                at: self.latest,
                cost,
                left: cost,
                window: step.decision.window(),
            });
        } else {
            assert_eq!(
                step.state, None,
                "a refused claim leaves the state as it is"
            );
        }
        Some(step)
    }

    fn refund(&mut self, back: usize, share: u32) -> Option<Step> {
        let at = self.log.len().checked_sub(back + 1)?;
        let noted = self.log[at];
        let cost = (u64::from(noted.left) * u64::from(share) / 4) as u32;
        let step = self.step(Spend::Refund {
            cost,
            window: noted.window,
        });
        // A charge is named once for each of its units; one that did nothing back was not given back.
        self.log[at].left -= cost;
        if step.state.is_some() {
            self.state = step.state;
            self.log[at].cost -= cost;
        }
        Some(step)
    }

    /// Returns the sum of every run of charges, with the time from its first to its last.
    pub(super) fn spans(&self) -> impl Iterator<Item = (u64, u128)> {
        self.log.iter().enumerate().flat_map(|(first, start)| {
            let mut sum = 0;
            self.log.iter().skip(first).map(move |noted| {
                sum += u128::from(noted.cost);
                (noted.at - start.at, sum)
            })
        })
    }
}
