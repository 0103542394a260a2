//! R13: the quota of a live key changes. What was used stays used.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::{
    quota::{Algorithm, Quota},
    store::Spend,
};

use super::trace::{ALGORITHMS, Ask, Run, T0, at, moves, quotas};

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
                // A window, or a bucket's last refill, that is over by the new length is over.
                let began = run.step(Spend::Peek(0)).decision.window().as_u64();
                let counts = [
                    Algorithm::FixedWindow,
                    Algorithm::AlignedWindow,
                    Algorithm::TokenBucket,
                ];
                if counts.contains(&algorithm) && run.now - began >= after.as_micros() as u64 {
                    continue;
                }
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
}
