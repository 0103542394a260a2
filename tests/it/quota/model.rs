//! Decision by decision against models that are slow and plain: exact fractions for GCRA, the published formulas of
//! `@upstash/ratelimit` for the weighted window and the bucket.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::{
    quota::{Algorithm, Quota, State},
    store::{Spend, Verdict, Window},
};

use super::trace::{Ask, Run, T0, at, moves, quota_of};

/// What a decision says, as numbers: the wait (None: allowed, `u128::MAX`: never), the rest, the reset.
type Answer = (Option<u128>, u32, u128);

fn answer(run: &Run, spend: Spend) -> Answer {
    let decision = run.step(spend).decision;
    let wait = match decision.verdict() {
        Verdict::Allowed => None,
        Verdict::Refused { retry_micros } => Some(u128::from(retry_micros)),
        Verdict::Never => Some(u128::MAX),
    };
    (
        wait,
        decision.remaining(),
        decision.reset_after().as_micros(),
    )
}

/// Takes as many units as the move says, and returns how many.
fn cost_of(run: &Run, ask: Ask) -> u32 {
    match ask {
        Ask::Few(cost) => cost,
        Ask::Share(share, off) => (i64::from(run.quota.capacity()) * i64::from(share) / 16 + off)
            .clamp(0, i64::from(u32::MAX)) as u32,
        _ => run.step(Spend::Peek(0)).decision.remaining(),
    }
}

/// The theoretical arrival time, in 1/limit of a microsecond.
struct Gcra {
    tat: u128,
}

impl Gcra {
    fn take(&mut self, quota: &Quota, now: u64, cost: u32, dry: bool) -> Answer {
        let (limit, window) = (u128::from(quota.limit()), quota.window().as_micros());
        let now = u128::from(now) * limit;
        let full = u128::from(quota.capacity()) * window;
        let tat = self.tat.max(now);
        let after = tat + u128::from(cost) * window;
        let rest = |tat: u128| ((now + full).saturating_sub(tat) / window) as u32;
        let reset = |tat: u128| (tat - now).div_ceil(limit);
        if cost > quota.capacity() {
            (Some(u128::MAX), rest(tat), reset(tat))
        } else if cost > 0 && after > now + full {
            (
                Some((after - now - full).div_ceil(limit)),
                rest(tat),
                reset(tat),
            )
        } else {
            if cost > 0 && !dry {
                self.tat = after;
            }
            (None, rest(after), reset(after))
        }
    }
}

/// The counters of each window, as their script has them.
#[derive(Default)]
struct Sliding {
    counts: std::collections::HashMap<u64, u32>,
}

impl Sliding {
    /// Returns how much is left before the claim, and counts it if that is enough.
    fn take(&mut self, quota: &Quota, now_micros: u64, cost: u32) -> u32 {
        let (now, window) = (now_micros / 1000, quota.window().as_millis() as u64);
        let number = now / window;
        let count = |number: u64| self.counts.get(&number).copied().unwrap_or(0);
        let share = (now % window) as f64 / window as f64;
        let weight = ((1.0 - share) * f64::from(count(number - 1))).floor() as u32;
        let left = quota
            .limit()
            .saturating_sub(weight.saturating_add(count(number)));
        if cost <= left {
            *self.counts.entry(number).or_default() += cost;
        }
        left
    }
}

/// Their hash of two fields, with numbers that do not round.
struct Bucket {
    refilled_at: u64,
    tokens: i128,
}

impl Bucket {
    fn take(&mut self, quota: &Quota, now: u64, cost: u32) -> Answer {
        let window = quota.window().as_micros() as u64;
        let (most, rate) = (i128::from(quota.capacity()), i128::from(quota.limit()));
        let (mut refilled_at, mut tokens) = (self.refilled_at, self.tokens);
        if now >= refilled_at + window {
            let refills = (now - refilled_at) / window;
            tokens = most.min(tokens + i128::from(refills) * rate);
            refilled_at += refills * window;
        }
        if tokens == most {
            // A full bucket is forgotten: its phase begins with the next take.
            refilled_at = now;
        }
        let until = |tokens: i128, wanted: i128| {
            let refills = (wanted - tokens + rate - 1) / rate;
            (i128::from(refilled_at) + refills * i128::from(window) - i128::from(now)) as u128
        };
        let reset = |tokens: i128| {
            if tokens == most {
                0
            } else {
                until(tokens, most)
            }
        };
        let cost = i128::from(cost);
        if cost > most {
            (Some(u128::MAX), tokens as u32, reset(tokens))
        } else if tokens < cost {
            (Some(until(tokens, cost)), tokens as u32, reset(tokens))
        } else {
            tokens -= cost;
            if cost > 0 {
                *self = Self {
                    refilled_at,
                    tokens,
                };
            }
            (None, tokens as u32, reset(tokens))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gcra_agrees_with_exact_fractions(quota in quota_of(Algorithm::Gcra), moves in moves(0, 0), back in any::<bool>()) {
        let mut run = Run::new(quota);
        let mut model = Gcra { tat: 0 };
        for each in &moves {
            let forward = run.now;
            run.wait(each.parts, each.micros);
            if !back {
                run.now = run.now.max(forward);
            }
            let cost = cost_of(&run, each.ask);
            for peek in [0, 1, 2, quota.capacity()] {
                prop_assert_eq!(answer(&run, Spend::Peek(peek)).0, model.take(&quota, run.now, peek, true).0);
            }
            prop_assert_eq!(answer(&run, Spend::Take(cost)), model.take(&quota, run.now, cost, false));
            run.ask(Ask::Few(cost));
        }
    }

    #[test]
    fn the_sliding_window_agrees_with_the_published_formula(
        quota in quota_of(Algorithm::SlidingWindow), moves in moves(0, 0),
    ) {
        let mut run = Run::new(quota);
        let mut model = Sliding::default();
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            let cost = cost_of(&run, each.ask);
            let left = run.step(Spend::Peek(0)).decision.remaining();
            let allowed = run.ask(Ask::Few(cost)).unwrap().decision.allowed();
            prop_assert_eq!(left, model.take(&quota, run.now, cost));
            prop_assert_eq!(allowed, cost <= left);
        }
    }

    #[test]
    fn the_bucket_agrees_with_the_published_script(quota in quota_of(Algorithm::TokenBucket), moves in moves(0, 0)) {
        let mut run = Run::new(quota);
        let mut model = Bucket { refilled_at: T0, tokens: i128::from(quota.capacity()) };
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            let cost = cost_of(&run, each.ask);
            prop_assert_eq!(answer(&run, Spend::Take(cost)), model.take(&quota, run.now, cost));
            run.ask(Ask::Few(cost));
        }
    }
}

const WINDOW: Duration = Duration::from_secs(10);

fn take(quota: Quota, state: &mut Option<State>, now: u64, cost: u32) -> (bool, u32) {
    let step = quota.step(state.as_ref(), at(now), Spend::Take(cost));
    *state = step.state.or(*state);
    (step.decision.allowed(), step.decision.remaining())
}

/// A claim beyond what is left consumes nothing, so the small one after it passes.
#[test]
fn eight_five_and_one_of_ten_as_every_algorithm_counts_them() {
    for algorithm in super::trace::ALGORITHMS {
        let quota = Quota::new(algorithm, 10, WINDOW).unwrap();
        let mut state = None;
        assert_eq!(take(quota, &mut state, T0, 8), (true, 2));
        assert_eq!(take(quota, &mut state, T0, 5), (false, 2));
        assert_eq!(take(quota, &mut state, T0, 1), (true, 1));
    }
}

/// In doubles, a tenth of ten is not quite one: the weight is 0 where exact integers say 1.
#[test]
fn ten_of_the_last_window_weigh_nothing_at_nine_tenths() {
    let quota = Quota::sliding(10, WINDOW);
    let mut state = None;
    take(quota, &mut state, T0, 10);
    let at_nine = quota.step(state.as_ref(), at(T0 + 19_000_000), Spend::Peek(10));
    assert_eq!(at_nine.decision.remaining(), 10);
    let just_before = quota.step(state.as_ref(), at(T0 + 18_999_999), Spend::Peek(10));
    assert_eq!(just_before.decision.remaining(), 9);
}

#[test]
fn a_bucket_keeps_its_phase_and_takes_only_whole_refills() {
    let quota = Quota::token_bucket(5, WINDOW).burst(10);
    let mut state = None;
    let first = quota.step(None, at(T0), Spend::Take(8));
    assert_eq!(first.decision.remaining(), 2);
    assert_eq!(first.decision.reset_after(), WINDOW * 2);
    // Refused until the refill at T0 + 10 s.
    let second = quota.step(first.state.as_ref(), at(T0), Spend::Take(5));
    assert_eq!(second.decision.retry_after(), Some(WINDOW));

    take(quota, &mut state, T0, 9);
    // One left at T0; at T0 + 25 s two refills have made it full, the last of them at T0 + 20 s.
    let taken = quota.step(state.as_ref(), at(T0 + 19_999_999), Spend::Take(1));
    assert_eq!(taken.decision.remaining(), 5);
    assert_eq!(take(quota, &mut state, T0 + 19_999_999, 6), (true, 0));
    let later = quota.step(state.as_ref(), at(T0 + 25_000_000), Spend::Take(6));
    assert_eq!(later.decision.retry_after(), Some(Duration::from_secs(5)));
    assert_eq!(later.decision.window(), Window::from_u64(T0 + 20_000_000));
}

/// Theirs lifts a fresh bucket to 13 and leaves it without an end.
#[test]
fn a_refund_never_overfills_a_bucket() {
    let quota = Quota::token_bucket(5, WINDOW).burst(10);
    let window = Window::from_u64(T0);
    let step = quota.step(None, at(T0), Spend::Refund { cost: 3, window });
    assert_eq!((step.decision.remaining(), step.state), (10, None));
    let beyond = quota.step(None, at(T0), Spend::Take(11));
    assert_eq!(
        (beyond.decision.verdict(), beyond.state),
        (Verdict::Never, None)
    );
}
