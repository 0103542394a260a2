//! R13: the quota of a live key changes. What was used stays used.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::{
    quota::{Algorithm, Quota},
    store::Spend,
};

use super::trace::{ALGORITHMS, Ask, Run, T0, at, moves, quota_of, quotas};

/// Used up over some time, so that a window that is shorter than that has something to forget.
fn used_up(quota: Quota) -> Run {
    let mut run = Run::new(quota);
    run.now += 123_457;
    run.ask(Ask::Few(1));
    for _ in 0..3 {
        run.now += quota.window().as_micros() as u64 / 10;
        run.ask(Ask::Rest);
    }
    assert_eq!(run.step(Spend::Peek(0)).decision.remaining(), 0);
    run
}

#[test]
fn a_used_up_limit_never_begins_anew_by_a_change_of_plan() {
    let windows = [1, 10, 60, 100, 86_400].map(Duration::from_secs);
    for algorithm in ALGORITHMS {
        for (before, after) in windows
            .iter()
            .flat_map(|a| windows.iter().map(move |b| (*a, *b)))
        {
            for (few, many) in [(10, 10), (10, 100), (100, 10)] {
                let run = used_up(Quota::new(algorithm, few, before).unwrap());
                let quota = Quota::new(algorithm, many, after).unwrap();
                let step = quota.step(run.state.as_ref(), at(run.now), Spend::Peek(1));
                assert!(
                    step.decision.remaining() < quota.capacity(),
                    "{algorithm:?}: {few} in {before:?} are used up, and {many} in {after:?} are free"
                );
            }
        }
    }
}

/// What a refusal says must be true, or the caller waits in vain again and again.
#[test]
fn a_change_of_plan_says_truly_how_long_to_wait() {
    let windows = [1, 10, 60, 100, 86_400].map(Duration::from_secs);
    for algorithm in ALGORITHMS {
        for (before, after) in windows
            .iter()
            .flat_map(|a| windows.iter().map(move |b| (*a, *b)))
        {
            for (few, many) in [(10, 10), (10, 100), (100, 10)] {
                let run = used_up(Quota::new(algorithm, few, before).unwrap());
                let quota = Quota::new(algorithm, many, after).unwrap();
                for cost in [1, 5, 10] {
                    let refused = quota.step(run.state.as_ref(), at(run.now), Spend::Take(cost));
                    let Some(wait) = refused.decision.retry_after() else {
                        continue;
                    };
                    let then = at(run.now).after(wait);
                    let step = quota.step(run.state.as_ref(), then, Spend::Take(cost));
                    assert!(
                        step.decision.allowed(),
                        "{algorithm:?}: from {few} in {before:?} to {many} in {after:?}, {cost} after {wait:?}: {:?}",
                        step.decision
                    );
                }
            }
        }
    }
}

/// With the same window, what was taken is taken, whatever the limit.
#[test]
fn a_larger_limit_adds_what_it_is_larger_by() {
    for algorithm in [
        Algorithm::FixedWindow,
        Algorithm::AlignedWindow,
        Algorithm::SlidingWindow,
        Algorithm::StrictWindow,
    ] {
        let small = Quota::new(algorithm, 10, Duration::from_secs(60)).unwrap();
        let large = Quota::new(algorithm, 100, Duration::from_secs(60)).unwrap();
        let used = small.step(None, at(T0), Spend::Take(10)).state;
        let left = |quota: Quota| {
            quota
                .step(used.as_ref(), at(T0), Spend::Peek(0))
                .decision
                .remaining()
        };
        assert_eq!((left(small), left(large)), (0, 90), "{algorithm:?}");
    }
}

#[test]
fn a_state_of_another_algorithm_counts_as_none() {
    let ten = |algorithm| Quota::new(algorithm, 10, Duration::from_secs(60)).unwrap();
    for before in ALGORITHMS {
        for after in ALGORITHMS.into_iter().filter(|after| *after != before) {
            let windows = [Algorithm::FixedWindow, Algorithm::AlignedWindow];
            let used = ten(before).step(None, at(T0), Spend::Take(10)).state;
            let left = ten(after)
                .step(used.as_ref(), at(T0), Spend::Peek(0))
                .decision
                .remaining();
            // The two that count a plain window have one kind of state.
            let shared = windows.contains(&before) && windows.contains(&after);
            assert_eq!(left, if shared { 0 } else { 10 }, "{before:?} to {after:?}");
        }
    }
}

/// It was a matter of time taken: 23 hours more to wait for who had paid for another plan.
#[test]
fn who_has_used_up_a_day_and_pays_for_hours_waits_seconds() {
    let (small, large) = (Quota::per_day(100), Quota::per_hour(6000));
    let used_up = small.step(None, at(T0), Spend::Take(100)).state;
    let refused = large.step(used_up.as_ref(), at(T0), Spend::Take(1));
    // One of 6000 parts of the share, by the pace of the day that is still the state's.
    let wait = Duration::from_millis(14_400);
    assert_eq!(refused.decision.retry_after(), Some(wait));
    let first = large.step(used_up.as_ref(), at(T0).after(wait), Spend::Take(1));
    assert!(first.decision.allowed());
    let next = large.step(first.state.as_ref(), at(T0).after(wait), Spend::Take(1));
    assert_eq!(
        next.decision.retry_after(),
        Some(Duration::from_millis(600))
    );

    let half = small.step(None, at(T0), Spend::Take(50)).state;
    for (quota, left) in [
        (large, 3000),
        (Quota::per_minute(10), 5),
        (Quota::per_hour(7), 3),
        (Quota::per_day(1000), 500),
    ] {
        let peek = quota.step(half.as_ref(), at(T0), Spend::Peek(0)).decision;
        assert_eq!(peek.remaining(), left, "{quota:?}");
    }
}

/// A bucket was refilled by the windows of the new quota since its last refill, hence full at once.
#[test]
fn a_bucket_keeps_its_tokens_under_another_quota_until_it_would_have_been_full() {
    let day = Duration::from_secs(86_400);
    let small = Quota::token_bucket(10, day);
    let noon = at(T0).after(day / 2);
    let used = small.step(None, at(T0), Spend::Take(7)).state;
    for (quota, left) in [
        (Quota::token_bucket(10, Duration::from_secs(1)), 3),
        (Quota::token_bucket(600, Duration::from_secs(60)), 3),
        (small.burst(50), 3),
        (small.burst(2), 2),
    ] {
        let peek = quota.step(used.as_ref(), noon, Spend::Peek(4)).decision;
        assert_eq!(peek.remaining(), left);
        if quota.capacity() > 3 {
            assert_eq!(peek.retry_after(), Some(day / 2), "{quota:?}");
        }
        let full = quota.step(used.as_ref(), at(T0).after(day), Spend::Peek(0));
        assert_eq!(full.decision.remaining(), quota.capacity());
    }
    // From the first take on it is a bucket of the new quota.
    let second = Quota::token_bucket(10, Duration::from_secs(1));
    let taken = second.step(used.as_ref(), noon, Spend::Take(1)).state;
    let left = |seconds| {
        let then = noon.after(Duration::from_millis(seconds));
        second
            .step(taken.as_ref(), then, Spend::Peek(0))
            .decision
            .remaining()
    };
    assert_eq!((left(0), left(999), left(1000)), (2, 2, 10));
}

/// R2: who asks for nothing changes nothing, so the reset is that of the state.
#[test]
fn taking_nothing_under_another_quota_tells_the_reset_of_what_is_kept() {
    for algorithm in ALGORITHMS {
        let quota = |seconds| Quota::new(algorithm, 10, Duration::from_secs(seconds)).unwrap();
        let used = quota(60).step(None, at(T0), Spend::Take(4)).state;
        let none = quota(600).step(used.as_ref(), at(T0), Spend::Take(0));
        let peek = quota(600).step(used.as_ref(), at(T0), Spend::Peek(0));
        assert_eq!(none, peek, "{algorithm:?}");
    }
}

#[test]
fn what_was_charged_under_another_window_is_not_given_back() {
    for algorithm in [Algorithm::Gcra, Algorithm::TokenBucket] {
        let quota = |n, seconds| Quota::new(algorithm, n, Duration::from_secs(seconds)).unwrap();
        let charged = quota(1000, 60).step(None, at(T0), Spend::Take(500));
        let window = charged.decision.window();
        let refund = Spend::Refund { cost: 5, window };
        let step = quota(10, 3600).step(charged.state.as_ref(), at(T0), refund);
        assert_eq!(step.state, None, "{algorithm:?}");
    }
}

const COUNTS: [Algorithm; 2] = [Algorithm::FixedWindow, Algorithm::AlignedWindow];

/// It was 54 000 in an hour: the window ended with the minute, whatever the day had charged in it.
#[test]
fn fixed_windows_that_take_turns_give_no_plan_more_than_alone() {
    let day = Duration::from_secs(86_400);
    for (long, short) in COUNTS.iter().flat_map(|a| COUNTS.map(|b| (*a, b))) {
        for short_first in [true, false] {
            let long = Quota::new(long, 1000, day).unwrap();
            let mut plans = [
                Quota::new(short, 10, Duration::from_secs(60)).unwrap(),
                long,
            ];
            if !short_first {
                plans.reverse();
            }
            let mut run = Run::new(long);
            let mut taken = 0;
            for _ in 0..3600 {
                for plan in plans {
                    run.quota = plan;
                    let before = run.log.len();
                    run.ask(Ask::Rest);
                    taken += run.log[before..]
                        .iter()
                        .map(|noted| noted.cost)
                        .sum::<u32>();
                }
                run.now += 1_000_000;
            }
            // An hour of one day: nothing of it comes back.
            assert_eq!(taken, 1000, "{plans:?}");
        }
    }
}

#[test]
fn a_window_ends_with_the_longest_plan_that_has_charged_in_it() {
    let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
    for algorithm in COUNTS {
        let short = Quota::new(algorithm, 10, minute).unwrap();
        let long = Quota::new(algorithm, 1000, day).unwrap();
        let begins = |window: Duration| match algorithm {
            Algorithm::AlignedWindow => T0 - T0 % window.as_micros() as u64,
            _ => T0,
        };
        let end_of = |window: Duration| at(begins(window)).after(window);

        // Up: the window keeps its name, by which what was charged in it is given back.
        let first = short.step(None, at(T0), Spend::Take(10));
        let window = first.decision.window();
        assert_eq!(first.state.unwrap().expires_at(), end_of(minute));
        let second = long.step(first.state.as_ref(), at(T0), Spend::Take(1));
        assert_eq!(second.decision.window(), window);
        let refund = Spend::Refund { cost: 4, window };
        let kept = long.step(second.state.as_ref(), at(T0), refund);
        assert_eq!(kept.decision.remaining(), 993);
        for step in [&second, &kept] {
            assert_eq!(step.state.unwrap().expires_at(), end_of(day));
            assert_eq!(at(T0).after(step.decision.reset_after()), end_of(day));
        }

        // Down: no shorter plan ends it, nor waits for less.
        let third = short.step(kept.state.as_ref(), at(T0), Spend::Take(3));
        assert_eq!(third.state.unwrap().expires_at(), end_of(day));
        let refused = short.step(third.state.as_ref(), at(T0), Spend::Take(1));
        let wait = refused.decision.retry_after().unwrap();
        assert_eq!(at(T0).after(wait), end_of(day));
        let next = short.step(third.state.as_ref(), end_of(day), Spend::Take(10));
        assert!(next.decision.allowed());
    }
}

/// R2: a refusal writes nothing, so what is kept ends as before.
#[test]
fn a_longer_plan_that_is_refused_waits_for_the_window_that_is_kept() {
    for algorithm in COUNTS {
        let short = Quota::new(algorithm, 10, Duration::from_secs(60)).unwrap();
        let long = Quota::new(algorithm, 10, Duration::from_secs(86_400)).unwrap();
        let state = short.step(None, at(T0), Spend::Take(10)).state.unwrap();
        let refused = long.step(Some(&state), at(T0), Spend::Take(1));
        let then = at(T0).after(refused.decision.retry_after().unwrap());
        assert_eq!((refused.state, then), (None, state.expires_at()));
        let later = long.step(Some(&state), then, Spend::Take(10));
        assert!(later.decision.allowed());
    }
}

/// Windows that do not divide each other: one begun by the round numbers of 31 s reaches into the next of 60 s.
#[test]
fn aligned_windows_that_cross_each_other_give_no_plan_more_than_alone() {
    let quota = |limit, seconds| Quota::aligned(limit, Duration::from_secs(seconds));
    let (short, long) = (quota(10, 31), quota(1000, 60));
    let mut run = Run::new(long);
    run.now -= run.now % (31 * 60 * 1_000_000);
    for minute in 0..31 {
        let mut taken = 0;
        for _ in 0..60 {
            for plan in [short, long] {
                run.quota = plan;
                let before = run.log.len();
                run.ask(Ask::Rest);
                taken += run.log[before..]
                    .iter()
                    .map(|noted| noted.cost)
                    .sum::<u32>();
            }
            run.now += 1_000_000;
        }
        assert!(taken <= 1000 + 20, "{taken} in minute {minute}");
    }
}

fn plans_of_counts() -> impl Strategy<Value = (Quota, Quota)> {
    prop::sample::select(COUNTS.to_vec())
        .prop_flat_map(|algorithm| (quota_of(algorithm), quota_of(algorithm)))
}

fn plans_of_gcra() -> impl Strategy<Value = (Quota, Quota)> {
    (quota_of(Algorithm::Gcra), quota_of(Algorithm::Gcra))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the plans, no step fails, and the new one is never exceeded at one instant.
    #[test]
    fn any_quota_takes_over_any_state(plans in prop::collection::vec((quotas(), moves(2, 2)), 2..5)) {
        let mut run = Run::new(plans[0].0);
        for (quota, moves) in &plans {
            run.quota = *quota;
            run.log.clear();
            for each in moves {
                run.wait(each.parts, each.micros);
                if let Some(step) = run.ask(each.ask) {
                    prop_assert!(step.decision.remaining() <= quota.capacity());
                }
            }
        }
    }

    /// By exact fractions: the share of the window that is taken, rounded up to whole microseconds of the new one.
    #[test]
    fn gcra_carries_over_the_share_that_is_used_up((old, new) in plans_of_gcra(), moves in moves(2, 1)) {
        let mut run = Run::new(old);
        for each in &moves {
            run.wait(each.parts, each.micros);
            run.ask(each.ask);
            let end = run.state.map_or(0, |state| state.expires_at().as_micros());
            prop_assume!(end < 1 << 53); // later ones are told as that
            let left = u128::from(end.saturating_sub(run.now));
            let (before, after) = (old.window().as_micros(), new.window().as_micros());
            if before == after {
                continue;
            }
            let taken = (left * after).div_ceil(before);
            let full = u128::from(new.capacity()) * after; // in 1/limit
            let units = full.saturating_sub(taken.saturating_mul(u128::from(new.limit()))) / after;
            let peek = new.step(run.state.as_ref(), at(run.now), Spend::Peek(0)).decision;
            prop_assert_eq!(u128::from(peek.remaining()), units);
            prop_assert_eq!(peek.reset_after().as_micros(), left);
        }
    }

    /// R2: to the microsecond. The state goes on at its own pace, since a refusal writes nothing.
    #[test]
    fn a_wait_under_another_quota_is_exact(
        (old, new) in prop::sample::select(vec![Algorithm::Gcra, Algorithm::TokenBucket])
            .prop_flat_map(|algorithm| (quota_of(algorithm), quota_of(algorithm))),
        moves in moves(2, 1), share in 1_u32..=16,
    ) {
        let mut run = Run::new(old);
        for each in &moves {
            run.wait(each.parts.abs(), each.micros.abs());
            run.ask(each.ask);
            let cost = (u64::from(new.capacity()) * u64::from(share) / 16).max(1) as u32;
            let state = run.state.as_ref();
            let refused = new.step(state, at(run.now), Spend::Take(cost)).decision;
            let Some(wait) = refused.retry_after() else { continue };
            let then = run.now + wait.as_micros() as u64;
            prop_assume!(then < 1 << 53);
            prop_assert!(!new.step(state, at(then - 1), Spend::Take(cost)).decision.allowed());
            prop_assert!(new.step(state, at(then), Spend::Take(cost)).decision.allowed());
        }
    }

    /// Taking turns, too: as a share of its plan, nobody takes more than the largest burst, and what comes back by the
    /// shortest window.
    #[test]
    fn plans_that_take_turns_give_no_more_than_the_fastest_of_them(
        (one, two) in plans_of_gcra(), moves in moves(0, 0), turns in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut run = Run::new(one);
        let share = |quota: Quota, units: u32| f64::from(units) / f64::from(quota.limit());
        let burst = share(one, one.capacity()).max(share(two, two.capacity()));
        let fastest = one.window().min(two.window()).as_micros() as f64;
        let mut log: Vec<(u64, f64)> = Vec::new();
        for (each, turn) in moves.iter().zip(turns) {
            run.quota = if turn { one } else { two };
            run.wait(each.parts.abs(), each.micros.abs());
            let taken = run.log.len();
            run.ask(each.ask);
            log.extend(run.log.get(taken).map(|noted| (run.now, share(run.quota, noted.cost))));
        }
        for (first, (start, _)) in log.iter().enumerate() {
            let mut sum = 0.0;
            for (now, share) in &log[first..] {
                sum += share;
                let most = burst + (now - start) as f64 / fastest;
                prop_assert!(sum <= most * (1.0 + 1e-9), "{} of {} in {} µs", sum, most, now - start);
            }
        }
    }

    /// Taking turns, each plan gives what it would alone: twice the limit around the end of a window.
    #[test]
    fn fixed_windows_in_any_turns_give_no_plan_more_than_its_windows(
        (one, two) in plans_of_counts(), moves in moves(0, 0), turns in prop::collection::vec(any::<bool>(), 60),
    ) {
        let mut run = Run::new(one);
        let mut logs: [Vec<(u64, u128)>; 2] = Default::default();
        for (each, turn) in moves.iter().zip(turns) {
            run.quota = if turn { one } else { two };
            run.wait(each.parts.abs(), each.micros.abs());
            let taken = run.log.len();
            run.ask(each.ask);
            let now = run.now;
            logs[usize::from(turn)].extend(run.log[taken..].iter().map(|noted| (now, u128::from(noted.cost))));
        }
        for (quota, log) in [two, one].into_iter().zip(&logs) {
            let window = quota.window().as_micros() as u64;
            for (first, (start, _)) in log.iter().enumerate() {
                let mut sum = 0;
                for (now, cost) in &log[first..] {
                    sum += cost;
                    let most = u128::from(quota.limit()) * u128::from((now - start) / window + 2);
                    prop_assert!(sum <= most, "{} of {} in {} µs", sum, most, now - start);
                }
            }
        }
    }
}
