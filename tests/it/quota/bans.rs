//! Resets and bans: the same whatever the algorithm.

use std::time::Duration;

use proptest::prelude::*;
use tower_upstash::{
    quota::{Quota, State},
    store::{Spend, Verdict},
};

use super::trace::{Run, T0, at, moves, quotas};

fn used(quota: Quota, moves: &[super::trace::Move]) -> Run {
    let mut run = Run::new(quota);
    for each in moves {
        run.wait(each.parts, each.micros);
        run.ask(each.ask);
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever was there, and whoever asks.
    #[test]
    fn a_reset_leaves_what_is_over_at_any_time(own in quotas(), other in quotas(), moves in moves(2, 2)) {
        let run = used(own, &moves);
        for quota in [own, other] {
            let step = quota.step(run.state.as_ref(), at(run.now), Spend::Reset);
            prop_assert_eq!(step.decision, quota.step(None, at(run.now), Spend::Peek(0)).decision);
            prop_assert_eq!(step.state.is_some(), run.state.is_some());
            let Some(state) = step.state else { continue };
            prop_assert_eq!(state.expires_at(), at(0));
            // R9: also if the clock goes back.
            for now in [0, 1, run.now] {
                let next = own.step(Some(&state), at(now), Spend::Take(1));
                prop_assert_eq!(next, own.step(None, at(now), Spend::Take(1)));
            }
        }
    }

    /// R10, R13: to the microsecond, under any quota, and through its bytes.
    #[test]
    fn a_ban_refuses_until_its_end_and_then_there_is_nothing(
        own in quotas(), other in quotas(), moves in moves(2, 2), lasts in 1_u64..1_000_000_000_000, cost in any::<u32>(),
    ) {
        let run = used(own, &moves);
        let now = run.now;
        let step = own.step(run.state.as_ref(), at(now), Spend::Ban(Duration::from_micros(lasts)));
        prop_assert!(step.decision.allowed());
        prop_assert_eq!(step.decision.reset_after(), Duration::from_micros(lasts));
        let ban = step.state.unwrap();
        prop_assert_eq!(State::from_bytes(&ban.to_bytes()), Some(ban));
        prop_assert_eq!(ban.expires_at(), at(now + lasts));
        for quota in [own, other] {
            let spends = [Spend::Take(1), Spend::Shadow(1), Spend::Peek(1), Spend::Take(cost), Spend::Take(0), Spend::Charge(cost)];
            // R9: a clock that goes back makes it longer.
            for (then, spend) in [now - 1, now, now + lasts - 1].into_iter().flat_map(|then| spends.map(|spend| (then, spend))) {
                let step = quota.step(Some(&ban), at(then), spend);
                let rest = now + lasts - then;
                let verdict = match spend {
                    Spend::Take(0) | Spend::Charge(_) => Verdict::Allowed,
                    Spend::Take(cost) if cost > quota.capacity() => Verdict::Never,
                    _ => Verdict::Refused { retry_micros: rest },
                };
                prop_assert_eq!(step.state, None);
                prop_assert_eq!(step.decision.verdict(), verdict);
                prop_assert_eq!(step.decision.remaining(), 0);
                prop_assert_eq!(step.decision.reset_after(), Duration::from_micros(rest));
                let refund = Spend::Refund { cost, window: step.decision.window() };
                prop_assert_eq!(quota.step(Some(&ban), at(then), refund).state, None);
                // What was charged during it is given back neither then nor later.
                let taken = quota.step(None, at(now + lasts), Spend::Take(1)).state;
                prop_assert_eq!(quota.step(taken.as_ref(), at(now + lasts), refund).state, None);
            }
            let after = quota.step(Some(&ban), at(now + lasts), Spend::Take(1));
            prop_assert_eq!(after, quota.step(None, at(now + lasts), Spend::Take(1)));
        }
    }

    #[test]
    fn a_ban_of_no_time_does_nothing(own in quotas(), other in quotas(), moves in moves(2, 2)) {
        let run = used(own, &moves);
        let none = Spend::Ban(Duration::from_nanos(999));
        for quota in [own, other] {
            let step = quota.step(run.state.as_ref(), at(run.now), none);
            prop_assert_eq!(step, quota.step(run.state.as_ref(), at(run.now), Spend::Peek(0)));
        }
    }
}

#[test]
fn another_ban_replaces_the_first_and_none_is_longer_than_ten_years() {
    let quota = Quota::per_hour(5);
    let mut state = None;
    let ten_years = Duration::from_secs(3650 * 86_400);
    for (asked, lasts) in [
        (60, Duration::from_secs(60)),
        (u64::MAX, ten_years),
        (1, Duration::from_secs(1)),
    ] {
        let ban = Spend::Ban(Duration::from_secs(asked));
        let step = quota.step(state.as_ref(), at(T0), ban);
        assert_eq!(step.decision.reset_after(), lasts);
        state = step.state;
        let refused = quota.step(state.as_ref(), at(T0), Spend::Take(1)).decision;
        assert_eq!(refused.retry_after(), Some(lasts));
    }
}

/// As a reader takes it that does not know bans.
#[test]
fn a_state_with_an_unknown_tag_is_none() {
    let banned = Quota::per_hour(5).step(None, at(T0), Spend::Ban(Duration::from_secs(1)));
    let bytes = banned.state.unwrap().to_bytes();
    for tag in [0, 6, 7] {
        let mut bytes = bytes.clone();
        bytes[1] = bytes[1] & !7 | tag;
        assert_eq!(State::from_bytes(&bytes), None);
    }
}
