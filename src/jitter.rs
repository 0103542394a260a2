//! Waits that are a little longer, by chance: those who are refused together shall not come back together.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use crate::time::micros;

thread_local! {
    static STATE: Cell<u64> = Cell::new(
        getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(0)),
    );
}

/// Returns a time between zero and `most`, both included, evenly and to the microsecond.
pub(crate) fn up_to(most: Duration) -> Duration {
    let most = micros(most);
    if most == 0 {
        return Duration::ZERO;
    }
    let choices = u128::from(most) + 1;
    let chosen = (u128::from(next()) * choices) >> 64;
    Duration::from_micros(chosen as u64)
}

/// SplitMix64: a few instructions, even enough to spread clients, and not meant to be hard to foretell.
fn next() -> u64 {
    let step = |state: &Cell<u64>| {
        state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        state.get()
    };
    let mut mixed = STATE.try_with(step).unwrap_or_default();
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_spread_evenly_from_none_to_all_of_it() {
        let mut histogram = [0_u32; 11];
        for _ in 0..110_000 {
            let drawn = up_to(Duration::from_micros(10)).as_micros() as usize;
            histogram[drawn] += 1; // more than the most would panic
        }
        // Ten thousand each; six standard deviations are 570.
        for count in histogram {
            assert!((9_400..10_600).contains(&count), "{histogram:?}");
        }
    }

    #[test]
    fn no_jitter_is_none_and_the_longest_is_no_overflow() {
        assert_eq!(up_to(Duration::ZERO), Duration::ZERO);
        assert!(up_to(Duration::MAX) > Duration::ZERO);
    }
}
