//! R1, R9, R15: whatever happens, a log of all that was taken stays within the bound of the algorithm.

use std::{collections::HashMap, time::Duration};

use proptest::{prelude::*, test_runner::TestCaseError};
use tower_upstash::quota::{Algorithm, Quota};

use super::trace::{ALGORITHMS, Ask, Move, Run, T0, moves, quota_of};

/// Checks the log of a run against the bound that the documentation of the algorithm states.
fn check(run: &Run) -> Result<(), TestCaseError> {
    let quota = run.quota;
    let window = quota.window().as_micros() as u64;
    let (limit, burst) = (u128::from(quota.limit()), u128::from(quota.capacity()));
    for (span, sum) in run.spans() {
        let most = match quota.algorithm() {
            Algorithm::Gcra => burst + u128::from(span) * limit / u128::from(window),
            Algorithm::TokenBucket => burst + limit * u128::from(span / window + 1),
            Algorithm::StrictWindow if span <= window => limit,
            Algorithm::StrictWindow => continue,
            _ if span < window => 2 * limit,
            _ => continue,
        };
        prop_assert!(
            sum <= most,
            "{sum} in {span} µs, at most {most}: {:?}",
            run.log
        );
    }
    let number = |micros: u64| match quota.algorithm() {
        Algorithm::AlignedWindow | Algorithm::SlidingWindow => Some(micros / window),
        _ => None,
    };
    let mut counts: HashMap<u64, u128> = HashMap::new();
    let mut starts = Vec::new();
    for noted in &run.log {
        let each = match number(noted.at) {
            Some(number) => number,
            None if quota.algorithm() == Algorithm::FixedWindow => noted.window.as_u64(),
            None => return Ok(()),
        };
        let count = counts.entry(each).or_default();
        *count += u128::from(noted.cost);
        prop_assert!(
            *count <= limit,
            "{count} in one window, at most {limit}: {:?}",
            run.log
        );
        starts.push(noted.window.as_u64());
    }
    starts.dedup();
    for pair in starts.windows(2) {
        prop_assert!(pair[1] >= pair[0] + window, "windows overlap: {pair:?}");
    }
    Ok(())
}

fn check_trace(quota: Quota, moves: &[Move], back: bool) -> Result<(), TestCaseError> {
    let mut run = Run::new(quota);
    run.now += moves.len() as u64 * 7919 % 1_000_003;
    for (turn, each) in moves.iter().enumerate() {
        let sign = if back && turn % 3 == 1 { -1 } else { 1 };
        let before = run.now;
        run.wait(sign * each.parts, each.micros);
        if !back {
            run.now = run.now.max(before);
        }
        run.ask(each.ask);
    }
    check(&run)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// R1.
    #[test]
    fn no_algorithm_ever_admits_more_than_its_bound(
        (quota, moves) in prop::sample::select(ALGORITHMS.to_vec()).prop_flat_map(|algorithm| (quota_of(algorithm), moves(0, 0)))
    ) {
        check_trace(quota, &moves, false)?;
    }

    /// R1, R15: units that were given back count as never taken, and the bound still holds.
    #[test]
    fn refunds_never_admit_more_than_if_nothing_had_been_taken(
        (quota, moves) in prop::sample::select(ALGORITHMS.to_vec()).prop_flat_map(|algorithm| (quota_of(algorithm), moves(5, 0)))
    ) {
        check_trace(quota, &moves, false)?;
    }

    /// R9: measured by the latest time there was, since a clock that goes back makes nothing younger.
    #[test]
    fn a_clock_that_goes_back_never_gives_anything_back(
        (quota, moves) in prop::sample::select(ALGORITHMS.to_vec()).prop_flat_map(|algorithm| (quota_of(algorithm), moves(0, 0)))
    ) {
        check_trace(quota, &moves, true)?;
    }
}

/// R1, by brute force where a random trace seldom goes: a claim at every instant, whatever the phase.
#[test]
fn asking_at_every_instant_never_gets_more_than_the_bound() {
    for algorithm in ALGORITHMS {
        for (limit, micros) in [(1, 10), (7, 10), (3, 1000), (5, 3000), (10, 10_000)] {
            let whole = if algorithm == Algorithm::SlidingWindow {
                micros * 1000
            } else {
                micros
            };
            let quota = Quota::new(algorithm, limit, Duration::from_micros(whole)).unwrap();
            for phase in 0..13 {
                let mut run = Run::new(quota);
                run.now = T0 + phase * whole / 13;
                for _ in 0..400 {
                    run.ask(Ask::Few(1));
                    run.now += (whole / 97).max(1);
                }
                check(&run).unwrap();
            }
        }
    }
}

/// R1: what the floor of the weight costs. The bound of the weighted window is twice the limit, and it is met.
#[test]
fn a_sliding_window_can_admit_twice_its_limit_but_no_more() {
    let mut run = Run::new(Quota::sliding(10, Duration::from_secs(10)));
    run.now = T0 + 9_999_999;
    run.ask(Ask::Few(10));
    run.now = T0 + 19_000_000;
    run.ask(Ask::Few(10));
    assert_eq!(run.spans().nth(1), Some((9_000_001, 20)));
    check(&run).unwrap();
}
