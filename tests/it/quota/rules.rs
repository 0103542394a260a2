//! R2, R10, R11, R12, R15, R16: the rules that all algorithms share.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::{
    quota::{Algorithm, Quota, State},
    store::{Decision, Spend, Verdict},
};

use super::trace::{ALGORITHMS, Ask, LATEST, Run, T0, at, limits, moves, quotas};

fn ten_per_window(algorithm: Algorithm) -> Quota {
    Quota::new(algorithm, 10, Duration::from_secs(10)).unwrap()
}

fn retry(decision: Decision) -> u64 {
    match decision.verdict() {
        Verdict::Refused { retry_micros } => retry_micros,
        other => panic!("{other:?} is not a refusal for now"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// R2: to the microsecond, also out of debt and after refunds.
    #[test]
    fn a_refused_claim_passes_after_exactly_its_retry_after(
        quota in quotas(), moves in moves(2, 1), share in 1_u32..=16,
    ) {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            run.ask(each.ask);
            let cost = (u64::from(quota.capacity()) * u64::from(share) / 16).max(1) as u32;
            let decision = run.step(Spend::Take(cost)).decision;
            let Verdict::Refused { retry_micros } = decision.verdict() else {
                prop_assert!(decision.allowed());
                continue;
            };
            let state = run.state.as_ref();
            // Beyond the end of time there is nothing to wait for.
            prop_assume!(run.now + retry_micros < 1 << 53);
            prop_assert!(retry_micros >= 1);
            let early = quota.step(state, at(run.now + retry_micros - 1), Spend::Take(cost));
            prop_assert!(!early.decision.allowed(), "{retry_micros} µs is longer than it takes");
            let later = quota.step(state, at(run.now + retry_micros), Spend::Take(cost));
            prop_assert!(later.decision.allowed(), "{retry_micros} µs is not enough");
        }
    }

    /// R4: taking what is said to be there is allowed, and one more is not.
    #[test]
    fn what_remains_can_be_taken_and_no_more(quota in quotas(), moves in moves(2, 1)) {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            let Some(step) = run.ask(each.ask) else { continue };
            let left = step.decision.remaining();
            prop_assert_eq!(run.step(Spend::Peek(0)).decision.remaining(), left);
            prop_assert!(left <= quota.capacity());
            prop_assert_eq!(step.decision.limit(), quota.capacity());
            let all = run.step(Spend::Take(left));
            prop_assert!(all.decision.allowed() && all.decision.remaining() == 0);
            if let Some(more) = left.checked_add(1) {
                prop_assert!(!run.step(Spend::Take(more)).decision.allowed());
            }
        }
    }

    /// R10, from below: a state lives until everything has come back, and by then everything has.
    #[test]
    fn a_state_expires_when_everything_has_come_back(quota in quotas(), moves in moves(2, 0)) {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            run.ask(each.ask);
            let Some(expires) = run.state.map(|state| state.expires_at().as_micros()) else { continue };
            let reset = run.step(Spend::Peek(0)).decision.reset_after().as_micros() as u64;
            if reset == 0 {
                continue;
            }
            prop_assert!(run.now + reset <= expires, "a state that is still in use would be dropped");
            let exact = matches!(
                quota.algorithm(),
                Algorithm::Gcra | Algorithm::StrictWindow | Algorithm::TokenBucket
            );
            if exact {
                prop_assert_eq!(run.now + reset, expires);
            }
            let state = run.state.as_ref();
            let last = quota.step(state, at(expires - 1), Spend::Peek(1)).decision;
            if exact {
                prop_assert!(last.remaining() < quota.capacity(), "kept for longer than it matters");
            }
            let after = quota.step(state, at(run.now + reset), Spend::Peek(1)).decision;
            prop_assert_eq!(after.remaining(), quota.capacity());
        }
    }

    /// R10: an expired state and none are the same, for whatever comes.
    #[test]
    fn an_expired_state_is_as_good_as_none(
        quota in quotas(), before in moves(2, 1), after in moves(2, 1), late in 0_u64..3,
    ) {
        let mut old = Run::new(quota);
        for each in &before {
            old.wait(each.parts.abs(), each.micros.abs());
            old.ask(each.ask);
        }
        let Some(state) = old.state else { return Ok(()) };
        // A run does not go past the end of its time, where this state still lives.
        prop_assume!(state.expires_at().as_micros() < LATEST);
        let mut new = Run::new(quota);
        old.now = state.expires_at().as_micros().max(old.now) + late;
        new.now = old.now;
        old.log.clear();
        for each in &after {
            old.wait(each.parts.abs(), each.micros.abs());
            new.wait(each.parts.abs(), each.micros.abs());
            prop_assert_eq!(old.ask(each.ask), new.ask(each.ask));
        }
    }

    /// R11: any numbers make a quota or are refused, and no step overflows.
    #[test]
    fn extreme_quotas_are_refused_or_never_overflow(
        limit in prop_oneof![limits(), Just(0)],
        burst in prop_oneof![limits(), Just(0)],
        micros in prop_oneof![0_u64..3, 0..u64::MAX, Just(315_360_000_000_000), Just(315_360_000_000_001)],
        algorithm in prop::sample::select(ALGORITHMS.to_vec()),
        spends in prop::collection::vec((any::<u64>(), any::<u32>(), 0..4), 1..30),
    ) {
        for window in [micros, micros % 315_360_000_000_000, micros % 1_000_000 * 1000] {
            let Ok(quota) = Quota::new(algorithm, limit, Duration::from_micros(window)) else { continue };
            for quota in [Ok(quota), quota.try_burst(burst)].into_iter().flatten() {
                let mut state: Option<State> = None;
                let mut window = None;
                for &(now, cost, what) in &spends {
                    let spend = match (what, window) {
                        (0, _) => Spend::Charge(u32::MAX),
                        (1, _) => Spend::Charge(cost),
                        (2, Some(window)) => Spend::Refund { cost, window },
                        _ => Spend::Take(cost),
                    };
                    let step = quota.step(state.as_ref(), at(now), spend);
                    window = Some(step.decision.window());
                    state = step.state.or(state);
                }
            }
        }
    }

    /// R15: nothing that is given back is seen as more than was ever there.
    #[test]
    fn refunds_never_lift_a_limit_above_its_capacity(
        quota in quotas(), moves in moves(3, 1), cost in any::<u32>(),
    ) {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            run.ask(each.ask);
            for noted in run.log.clone() {
                let step = run.step(Spend::Refund { cost, window: noted.window });
                prop_assert!(step.decision.allowed());
                prop_assert!(step.decision.remaining() <= quota.capacity());
                let next = quota.step(step.state.as_ref(), at(run.now), Spend::Take(quota.capacity()));
                prop_assert_eq!(next.decision.remaining().checked_add(1).is_some(), true);
            }
        }
    }

    /// R12: whatever the state, nothing costs nothing.
    #[test]
    fn a_cost_of_zero_is_allowed_and_writes_nothing(quota in quotas(), moves in moves(2, 2)) {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts, each.micros);
            run.ask(each.ask);
            let window = run.step(Spend::Peek(0)).decision.window();
            let nothing = [
                Spend::Take(0), Spend::Peek(0), Spend::Shadow(0), Spend::Charge(0), Spend::Refund { cost: 0, window },
            ];
            for spend in nothing {
                let step = run.step(spend);
                prop_assert!(step.decision.allowed());
                prop_assert_eq!(step.state, None);
            }
        }
    }

    /// R27: a limit on trial counts as an enforced one, and tells what it would have done.
    #[test]
    fn a_shadow_is_charged_as_a_take_and_a_peek_not_at_all(quota in quotas(), moves in moves(2, 1), cost in 1_u32..30) {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            run.ask(each.ask);
            let take = run.step(Spend::Take(cost));
            prop_assert_eq!(run.step(Spend::Shadow(cost)), take);
            let peek = run.step(Spend::Peek(cost));
            prop_assert_eq!(peek.state, None);
            prop_assert_eq!(peek.decision.verdict(), take.decision.verdict());
        }
    }
}

/// R2.
#[test]
fn a_rested_key_admits_its_whole_burst_at_once_or_in_pieces() {
    for algorithm in ALGORITHMS {
        let quota = ten_per_window(algorithm);
        assert!(quota.step(None, at(T0), Spend::Take(10)).decision.allowed());
        let mut run = Run::new(quota);
        for left in (0..10).rev() {
            let step = run.ask(Ask::Few(1)).unwrap();
            assert!(step.decision.allowed());
            assert_eq!(step.decision.remaining(), left, "{algorithm:?}");
        }
        assert!(!run.ask(Ask::Few(1)).unwrap().decision.allowed());
    }
}

/// R12.
#[test]
fn more_than_the_capacity_is_refused_for_good() {
    for algorithm in ALGORITHMS {
        let step = ten_per_window(algorithm).step(None, at(T0), Spend::Take(11));
        assert_eq!(step.decision.verdict(), Verdict::Never);
        assert_eq!(step.decision.retry_after(), None);
        assert_eq!((step.decision.remaining(), step.state), (10, None));
    }
}

/// R12.
#[test]
fn a_quota_of_nothing_refuses_for_good_and_lets_nothing_through_free() {
    let quota = Quota::NONE;
    let step = quota.step(None, at(T0), Spend::Take(1));
    assert_eq!(step.decision.verdict(), Verdict::Never);
    assert_eq!((step.decision.limit(), step.state), (0, None));
    assert!(quota.step(None, at(T0), Spend::Take(0)).decision.allowed());
    let charged = quota.step(None, at(T0), Spend::Charge(u32::MAX));
    let after = quota.step(charged.state.as_ref(), at(T0 + 1), Spend::Take(1));
    assert_eq!(after.decision.verdict(), Verdict::Never);
}

/// R16.
#[test]
fn a_debt_is_repaid_before_anything_is_taken_again() {
    for algorithm in ALGORITHMS {
        let quota = ten_per_window(algorithm);
        let charged = quota.step(None, at(T0), Spend::Charge(100));
        assert!(charged.decision.allowed(), "{algorithm:?}");
        assert_eq!(charged.decision.remaining(), 0);
        let next = quota.step(charged.state.as_ref(), at(T0 + 1), Spend::Take(1));
        assert_eq!(next.state, None);
        let owed = match algorithm {
            // 90 in debt at one a second, and one more; ten every ten seconds, of which the tenth repays the last.
            Algorithm::Gcra => 91_000_000,
            Algorithm::TokenBucket => 100_000_000,
            Algorithm::FixedWindow | Algorithm::AlignedWindow => 10_000_000,
            // As the last window, 100 weigh nine and a bit from nine tenths on.
            Algorithm::SlidingWindow => 19_000_000,
            Algorithm::StrictWindow => 11_000_000,
            _ => unreachable!(),
        };
        assert_eq!(retry(next.decision) + 1, owed, "{algorithm:?}");
    }
}

/// R16: no number is too large to be charged, however often.
#[test]
fn charges_without_end_saturate() {
    for algorithm in ALGORITHMS {
        let mut run = Run::new(ten_per_window(algorithm));
        for _ in 0..1000 {
            run.state = run.step(Spend::Charge(u32::MAX)).state;
            let decision = run.step(Spend::Take(1)).decision;
            assert!(
                !decision.allowed() && decision.remaining() == 0,
                "{algorithm:?}"
            );
            run.now += 1_234_567;
        }
    }
}

/// R15.
#[test]
fn a_refund_in_its_window_gives_all_back_and_past_it_nothing() {
    for algorithm in ALGORITHMS {
        let quota = ten_per_window(algorithm);
        let taken = quota.step(None, at(T0), Spend::Take(10));
        let refund = |cost| Spend::Refund {
            cost,
            window: taken.decision.window(),
        };
        let back = quota.step(taken.state.as_ref(), at(T0), refund(4));
        assert_eq!(back.decision.remaining(), 4, "{algorithm:?}");
        let whole = quota.step(taken.state.as_ref(), at(T0), refund(u32::MAX));
        assert_eq!(whole.decision.remaining(), 10, "{algorithm:?}");

        // Two windows on, it is another's units that a late refund would give away.
        let again = quota.step(taken.state.as_ref(), at(T0 + 20_000_000), Spend::Take(10));
        let late = quota.step(again.state.as_ref(), at(T0 + 20_000_000), refund(10));
        assert_eq!(
            (late.decision.remaining(), late.state),
            (0, None),
            "{algorithm:?}"
        );
    }
}

/// R15: a refund of what was never taken, in a window that never was.
#[test]
fn a_refund_of_nothing_changes_nothing() {
    for algorithm in ALGORITHMS {
        let quota = ten_per_window(algorithm);
        let window = quota.step(None, at(T0), Spend::Peek(1)).decision.window();
        let step = quota.step(None, at(T0), Spend::Refund { cost: 5, window });
        assert_eq!((step.decision.remaining(), step.state), (10, None));
    }
}

#[test]
fn a_quota_that_cannot_be_is_an_error() {
    let second = Duration::from_secs(1);
    let ten_years = Duration::from_secs(3650 * 86_400);
    let micro = Duration::from_micros(1);
    for algorithm in ALGORITHMS {
        assert!(Quota::new(algorithm, 0, second).is_err());
        assert!(Quota::new(algorithm, 1, Duration::ZERO).is_err());
        assert!(Quota::new(algorithm, 1, Duration::from_nanos(999)).is_err());
        assert!(Quota::new(algorithm, 1, ten_years).is_ok());
        assert!(Quota::new(algorithm, 1, ten_years + Duration::from_millis(1)).is_err());
        let has_burst = matches!(algorithm, Algorithm::Gcra | Algorithm::TokenBucket);
        let quota = Quota::new(algorithm, 1, second).unwrap();
        assert_eq!(quota.try_burst(2).is_ok(), has_burst);
        assert!(quota.try_burst(0).is_err());
    }
    assert!(Quota::new(Algorithm::SlidingWindow, 1, micro).is_err());
    let slow = Quota::every(ten_years);
    assert!(slow.try_burst(14).is_ok(), "140 years");
    assert!(slow.try_burst(15).is_err(), "150 years");
}

/// R11: only where units take time is there a number too fine or too long to count.
#[test]
fn a_window_takes_any_limit() {
    for algorithm in ALGORITHMS {
        for window in [1, 60, 86_400, 3650 * 86_400] {
            let quota = Quota::new(algorithm, u32::MAX, Duration::from_secs(window));
            let exact = algorithm != Algorithm::Gcra || window == 1;
            assert!(quota.is_ok() || !exact, "{algorithm:?}, {window} s");
        }
    }
}

/// R11: as the documentation of `Quota::new` has it.
#[test]
fn gcra_takes_any_limit_up_to_ninety_million() {
    for seconds in [1, 60, 3600, 86_400, 3650 * 86_400] {
        let quota = |limit| Quota::new(Algorithm::Gcra, limit, Duration::from_secs(seconds));
        assert!((89_999_000..=90_000_000).all(|limit| quota(limit).is_ok()));
    }
    let day = Duration::from_secs(86_400);
    assert!(Quota::new(Algorithm::Gcra, 94_945_055, day).is_err());
}
