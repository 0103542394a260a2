//! Random claims, in front of a store that is asked all the same.

use std::sync::atomic::{AtomicU32, Ordering};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    test_runner::{Config, TestRunner},
};

use super::*;

const QUOTAS: [Quota; 7] = [
    Quota::per_second(7),
    Quota::per_minute(40).burst(6),
    Quota::fixed(7, Duration::from_millis(1500)),
    Quota::aligned(7, Duration::from_millis(900)),
    Quota::sliding(7, Duration::from_millis(700)),
    Quota::strict(7, Duration::from_millis(2000)),
    Quota::token_bucket(3, Duration::from_millis(400)).burst(7),
];

/// What happens to one key: after a while, with a trip there and back.
#[derive(Clone, Debug)]
struct Happening {
    key: u32,
    spend: Spend,
    after: u64,
    there: u64,
    back: u64,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let spend = prop_oneof![
        12 => (0..9_u32).prop_map(Spend::Take),
        2 => (0..9_u32).prop_map(Spend::Peek),
        1 => (0..9_u32).prop_map(Spend::Shadow),
        1 => (0..20_u32).prop_map(Spend::Charge),
        // The window is that of the last decision.
        1 => (0..9_u32).prop_map(|cost| Spend::Refund { cost, window: Window::from_u64(0) }),
    ];
    let while_ =
        || prop_oneof![3 => Just(0), 3 => 0..2_000_u64, 2 => 0..150_000_u64, 1 => 0..1_200_000_u64];
    let trip = || prop_oneof![2 => Just(0), 1 => 0..40_000_u64];
    let happening = (0..14_u32, spend, while_(), trip(), trip()).prop_map(
        |(key, spend, after, there, back)| Happening {
            key,
            spend,
            after,
            there,
            back,
        },
    );
    vec(happening, 1..250)
}

/// R20. Refused claims change nothing, so the store is its own twin without a cache: it is asked where the cache answers.
#[test]
fn what_is_refused_here_is_refused_by_the_store_and_not_sooner_allowed() {
    let hits = AtomicU32::new(0);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(400)
    });
    let replay = |happenings: Vec<Happening>| {
        let front = Front::new(8);
        let mut windows = [Window::from_u64(0); 14];
        for happening in happenings {
            front.clock.advance(Duration::from_micros(happening.after));
            let window = &mut windows[happening.key as usize];
            let spend = match happening.spend {
                Spend::Refund { cost, .. } => Spend::Refund {
                    cost,
                    window: *window,
                },
                spend => spend,
            };
            let quota = QUOTAS[happening.key as usize % QUOTAS.len()];
            let claim = Claim::new(key(happening.key), quota).spend(spend);
            if let Some(found) = front.find(&claim) {
                hits.fetch_add(1, Ordering::Relaxed);
                let truth = front.ask(&[claim])[0];
                assert!(!found.allowed() && !truth.allowed(), "{found:?} {truth:?}");
                assert!(found.retry_after() >= truth.retry_after());
                assert_eq!(found.retry_after().is_none(), truth.retry_after().is_none());
                assert!(found.reset_after() >= truth.reset_after());
                assert!(found.remaining() <= truth.remaining());
                continue;
            }
            let [there, back] = [happening.there, happening.back].map(Duration::from_micros);
            *window = front.trip(&claim, there, back).window();
            if matches!(
                spend,
                Spend::Charge(_) | Spend::Shadow(_) | Spend::Refund { .. }
            ) {
                front.denials.forget(claim.key());
            }
        }
        Ok(())
    };
    runner.run(&happenings(), replay).unwrap();
    assert!(hits.into_inner() > 1000, "the cache was hardly ever asked");
}
