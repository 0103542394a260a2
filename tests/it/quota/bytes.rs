//! States as bytes: what was written is read, anything else is no state, and nothing panics.

use proptest::prelude::*;
use tower_upstash::{
    quota::{Quota, State},
    store::{Spend, Window},
    time::Timestamp,
};

use super::trace::{ALGORITHMS, Ask, Run, at, moves, quota_of, quotas};

fn states() -> impl Strategy<Value = (Quota, State)> {
    let used = |(quota, moves): (Quota, Vec<super::trace::Move>)| {
        let mut run = Run::new(quota);
        for each in &moves {
            run.wait(each.parts, each.micros);
            run.ask(each.ask);
        }
        run.ask(Ask::Charge(1));
        Some((quota, run.state?))
    };
    prop::sample::select(ALGORITHMS.to_vec())
        .prop_flat_map(|algorithm| (quota_of(algorithm), moves(2, 2)))
        .prop_filter_map("nothing was taken", used)
}

/// Takes everything there is to do with a state, at times near and far.
fn use_up(state: &State, quota: &Quota, numbers: (u64, u64, u32)) {
    let (now, window, cost) = numbers;
    let spends = [
        Spend::Take(cost),
        Spend::Take(1),
        Spend::Shadow(cost),
        Spend::Charge(cost),
        Spend::Charge(u32::MAX),
        Spend::Reset,
        Spend::Ban(std::time::Duration::from_micros(window)),
        Spend::Refund {
            cost,
            window: Window::from_u64(window),
        },
    ];
    let end = state.expires_at().as_micros();
    let times = [
        now,
        0,
        end.saturating_sub(1),
        end,
        end / 2,
        end.saturating_sub(quota.window().as_micros() as u64),
        u64::MAX,
    ];
    for (now, spend) in times
        .into_iter()
        .flat_map(|now| spends.map(|spend| (now, spend)))
    {
        let mut state = Some(*state);
        for _ in 0..3 {
            let step = quota.step(state.as_ref(), at(now), spend);
            assert!(step.decision.remaining() <= quota.capacity());
            let own = Spend::Refund {
                cost,
                window: step.decision.window(),
            };
            state = step.state.or(state);
            let _ = quota.step(state.as_ref(), at(now), own);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_state_survives_its_bytes((_, state) in states()) {
        prop_assert_eq!(State::from_bytes(&state.to_bytes()), Some(state));
    }

    #[test]
    fn truncated_lengthened_and_foreign_bytes_are_no_state((_, state) in states(), version in any::<u8>(), extra in 1_usize..60) {
        let bytes = state.to_bytes();
        for len in 0..bytes.len() {
            prop_assert_eq!(State::from_bytes(&bytes[..len]).is_some(), false, "cut to {}", len);
        }
        let mut long = bytes.clone();
        long.resize(bytes.len() + extra, 0);
        // A cell of zeroes behind a ring's words is not taken for either.
        prop_assert!(extra == 44 || State::from_bytes(&long).is_none());
        let mut foreign = bytes.clone();
        foreign[0] = version;
        prop_assert_eq!(State::from_bytes(&foreign).is_some(), version == bytes[0]);
    }

    #[test]
    fn mutated_bytes_never_make_a_step_panic(
        (own, state) in states(),
        other in quotas(),
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        numbers in any::<(u64, u64, u32)>(),
    ) {
        let mut bytes = state.to_bytes();
        for (at, byte) in &hits {
            let at = 1 + at.index(bytes.len() - 1);
            bytes[at] = *byte;
        }
        if let Some(state) = State::from_bytes(&bytes) {
            use_up(&state, &own, numbers);
            use_up(&state, &other, numbers);
        }
    }

    #[test]
    fn arbitrary_bytes_never_make_a_step_panic(
        quota in quotas(),
        tag in 0_u64..8,
        words in prop::collection::vec(prop_oneof![any::<u64>(), 0_u64..(1 << 53), 0_u64..20, Just(u64::MAX), Just(1 << 53)], 3),
        counts in prop::option::of(prop::collection::vec(any::<u32>(), 11)),
        numbers in any::<(u64, u64, u32)>(),
        noise in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = State::from_bytes(&noise);
        let mut bytes = vec![1];
        bytes.extend(((words[0] % ((1 << 53) + 2)) << 3 | tag).to_le_bytes());
        words[1..].iter().for_each(|word| bytes.extend(word.to_le_bytes()));
        counts.iter().flatten().for_each(|count| bytes.extend(count.to_le_bytes()));
        if let Some(state) = State::from_bytes(&bytes) {
            use_up(&state, &quota, numbers);
            // A window that fits the state's own length reaches the code that trusts it.
            let length = words[1] % 315_360_000_000_000;
            if let Ok(fitting) = Quota::new(quota.algorithm(), (words[2] >> 32) as u32, std::time::Duration::from_micros(length)) {
                use_up(&state, &fitting, numbers);
            }
        }
    }
}

#[test]
fn a_state_at_the_end_of_time_survives_its_bytes() {
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 10, std::time::Duration::from_secs(60)).unwrap();
        let now = Timestamp::from_micros(Timestamp::MAX.as_micros() - 1);
        let state = quota.step(None, now, Spend::Take(1)).state.unwrap();
        assert_eq!(
            State::from_bytes(&state.to_bytes()),
            Some(state),
            "{algorithm:?}"
        );
    }
}
