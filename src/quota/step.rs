//! The step of a [`Quota`]: which algorithm decides.

use super::{
    Algorithm, Bannable, Cell, Quota, Ring, State, Step, bucket::TokenBucket, carried::Carried,
    fixed::FixedWindow, gcra::Gcra, level, sliding::SlidingWindow, strict::StrictWindow,
};
use crate::{
    store::{Decision, Spend},
    time::Timestamp,
};

impl Quota {
    /// Decides one claim: what becomes of `state` at `now`, and the answer.
    ///
    /// `state` is what an earlier step returned, or `None`; a state that has [expired](State::expires_at), or belongs to
    /// another algorithm, counts as `None`; unless it is a [ban](Spend::Ban), which is one for all.
    ///
    /// A state of another limit, burst or window is carried over, so that a change of plan never gives a free burst, and a
    /// wait is true although a refusal writes nothing:
    ///
    /// - [GCRA](Algorithm::Gcra) carries over the share of the window that is taken. It goes on at the pace of the old
    ///   window until the first charge, then at that of the new one.
    /// - A [token bucket](Algorithm::TokenBucket) keeps its tokens until the old one would have been full, or the first
    ///   charge: from then on it is refilled by the new quota.
    /// - A fixed window goes on to its end. What sliding and strict windows counted counts whole until it expires or is
    ///   charged again.
    /// - What was charged to GCRA or a bucket is not given back before the first charge under another window, for a bucket
    ///   another quota.
    ///
    /// Plans of GCRA that take turns on one state give, as a share of each plan, no more than the largest burst and what
    /// comes back by the shortest window: who may choose between many a day and few a minute drains the day by the minute.
    /// Such plans need keys of their own.
    ///
    /// - A cost of zero is allowed and writes nothing. A cost above the [capacity](Self::capacity) is
    ///   [`Never`](crate::store::Verdict::Never).
    /// - A refused claim leaves the state as it is.
    /// - A `now` before the last step gives nothing back.
    /// - A [reset](Spend::Reset) of a state returns one that has expired, whatever the algorithm.
    #[must_use]
    pub fn step(&self, state: Option<&State>, now: Timestamp, spend: Spend) -> Step {
        let mut step = self.step_own(state, now, spend);
        if spend == Spend::Reset {
            // Also a state of another algorithm.
            step.state = state.map(|_| Cell::ban(0).into());
        }
        step
    }

    fn step_own(&self, state: Option<&State>, now: Timestamp, spend: Spend) -> Step {
        if self.keeps_ring() {
            let (ring, decision) = self.step_ring(state.and_then(State::ring), now, spend);
            Step {
                state: ring.map(State::from),
                decision,
            }
        } else {
            let (cell, decision) = self.step_cell(state.and_then(State::cell), now, spend);
            Step {
                state: cell.map(State::from),
                decision,
            }
        }
    }

    /// Returns whether the state is a [`Ring`], not a [`Cell`].
    #[inline]
    pub(crate) const fn keeps_ring(&self) -> bool {
        matches!(self.algorithm, Algorithm::StrictWindow)
    }

    #[inline(always)] // 20 of 150 instructions: what it returns stays in registers
    pub(crate) fn step_cell(
        &self,
        cell: Option<Cell>,
        now: Timestamp,
        spend: Spend,
    ) -> (Option<Cell>, Decision) {
        match self.algorithm {
            Algorithm::Gcra if Carried::is(cell, self) => self.step_carried(cell, now, spend),
            Algorithm::Gcra => level::step::<Gcra>(self, cell, now, spend),
            Algorithm::FixedWindow | Algorithm::AlignedWindow => {
                level::step::<FixedWindow>(self, cell, now, spend)
            }
            Algorithm::SlidingWindow => level::step::<SlidingWindow>(self, cell, now, spend),
            Algorithm::TokenBucket => level::step::<TokenBucket>(self, cell, now, spend),
            Algorithm::StrictWindow => {
                let (_, decision) = self.step_ring(None, now, spend);
                (None, decision)
            }
        }
    }

    /// Returns whether [`take_in_place`](Self::take_in_place) may do.
    #[inline]
    pub(crate) const fn takes_in_place(&self, spend: Spend) -> bool {
        matches!(self.algorithm, Algorithm::Gcra)
            && matches!(spend, Spend::Take(1..) | Spend::Shadow(1..))
    }

    /// Does what nearly every call asks, as [`step_cell`](Self::step_cell) would: by GCRA, takes units or refuses, on a state
    /// that is its own. Apart, since it needs fewer registers than there are. `None`: nothing was done.
    #[inline]
    pub(crate) fn take_in_place(
        &self,
        cell: &mut Cell,
        now: Timestamp,
        spend: Spend,
    ) -> Option<Decision> {
        match spend {
            Spend::Take(cost @ 1..) | Spend::Shadow(cost @ 1..) if Gcra::owns(cell, self) => {
                Some(level::take::<Gcra>(self, cell, now, cost))
            }
            _ => None,
        }
    }

    #[cold]
    #[inline(never)]
    fn step_carried(
        &self,
        cell: Option<Cell>,
        now: Timestamp,
        spend: Spend,
    ) -> (Option<Cell>, Decision) {
        level::step::<Carried>(self, cell, now, spend)
    }

    #[inline]
    pub(crate) fn step_ring(
        &self,
        ring: Option<Ring>,
        now: Timestamp,
        spend: Spend,
    ) -> (Option<Ring>, Decision) {
        level::step::<StrictWindow>(self, ring, now, spend)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn quota() -> impl Strategy<Value = Quota> {
        let window = prop::sample::select(vec![1_u64, 999, 1_000_000, 60_000_000]);
        (window, 1_u32..20, 1_u32..40).prop_map(|(window, limit, burst)| {
            Quota::new(Algorithm::Gcra, limit, Duration::from_micros(window))
                .and_then(|quota| quota.try_burst(burst))
                .expect("a quota of small numbers")
        })
    }

    fn spend() -> impl Strategy<Value = Spend> {
        prop_oneof![
            4 => (0_u32..50).prop_map(Spend::Take),
            2 => (0_u32..50).prop_map(Spend::Shadow),
            1 => (0_u32..50).prop_map(Spend::Charge),
            1 => (0_u64..9_000_000).prop_map(|micros| Spend::Ban(Duration::from_micros(micros))),
            1 => Just(Spend::Reset),
        ]
    }

    proptest! {
        #[test]
        fn the_short_way_decides_and_keeps_what_the_long_one_does(
            calls in prop::collection::vec((quota(), spend(), 0_u64..3_000_000), 1..40),
            plans in any::<bool>(),
        ) {
            let (mut kept, mut now) = (None, 1_000_000);
            let first = calls.first().map(|(quota, ..)| *quota);
            for (quota, spend, later) in calls {
                now += later;
                let quota = first.filter(|_| !plans).unwrap_or(quota);
                let at = Timestamp::from_micros(now);
                let (next, decision) = quota.step_cell(kept, at, spend);
                if let Some(mut cell) = kept {
                    let taken = quota.take_in_place(&mut cell, at, spend);
                    prop_assert!(taken.is_none() || quota.takes_in_place(spend));
                    prop_assert_eq!(taken.unwrap_or(decision), decision);
                    let same = taken.map_or(kept, |_| next.or(kept));
                    prop_assert_eq!(Some(cell), same);
                    let own = !plans && !cell.is_ban() && quota.takes_in_place(spend);
                    prop_assert!(taken.is_some() || !own);
                }
                kept = next.or(kept);
            }
        }
    }
}
