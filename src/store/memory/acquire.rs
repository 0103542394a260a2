//! Acquires: one shard for one claim; for several, all their shards, locked in ascending order.

use std::sync::MutexGuard;

use smallvec::SmallVec;

use super::{
    budget::MemoryEvent,
    shard::{Kept, Limits, Shard},
    store::{Inner, Shards},
    table::Digest,
};
use crate::{
    quota::{Cell, Ring},
    store::{Claim, Decision, Decisions, MAX_CLAIMS, Result, Spend},
    time::Timestamp,
};

impl Inner {
    #[inline]
    pub(super) fn acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Result<()> {
        let [claim] = claims else {
            return self.acquire_all(claims, decisions);
        };
        let (quota, spend) = (claim.quota(), claim.spending());
        if is_settled(spend) {
            return self.acquire_all(claims, decisions);
        }
        claim.validate_kind()?;
        let (now, digest) = (self.now(), claim.key().digest());
        let mut shard = self.shard(digest);
        if quota.takes_in_place(spend)
            && let Some(cell) = Cell::table_mut(&mut shard.limits).find_mut(digest)
            && let Some(decision) = quota.take_in_place(cell, now, spend)
        {
            drop(shard);
            decisions.push(claim, decision);
            return Ok(());
        }
        self.acquire_one(shard, digest, claim, now, decisions);
        Ok(())
    }

    #[inline(never)] // with the way above in one function, the compiler runs out of registers
    fn acquire_one(
        &self,
        mut shard: MutexGuard<'_, Shard>,
        digest: Digest,
        claim: &Claim,
        now: Timestamp,
        decisions: &mut Decisions,
    ) {
        let (decision, evicted) = acquire_one(&mut shard.limits, digest, claim, now);
        drop(shard);
        decisions.push(claim, decision);
        self.report_evicted(evicted);
    }

    /// Called after the locks are gone: the hook may call the store.
    #[inline]
    fn report_evicted(&self, evicted: u32) {
        (0..evicted).for_each(|_| self.report(MemoryEvent::LimitEvicted));
    }

    #[inline(never)]
    fn acquire_all(&self, claims: &[Claim], decisions: &mut Decisions) -> Result<()> {
        let evicted = self.decide_all(claims, decisions)?;
        self.report_evicted(evicted);
        Ok(())
    }

    #[inline]
    fn decide_all(&self, claims: &[Claim], decisions: &mut Decisions) -> Result<u32> {
        Claim::validate_each(claims)?;
        let now = self.now();
        let mut digests = [(0, 0); MAX_CLAIMS];
        for (at, claim) in claims.iter().enumerate() {
            let digest = claim.key().digest();
            let earlier = claims.iter().zip(&digests).take(at);
            let mut same = earlier.filter(|(_, earlier)| **earlier == digest);
            same.try_for_each(|(earlier, _)| earlier.agrees(claim))?;
            digests[at] = digest;
        }
        let (mut cells, mut rings) = (SmallVec::new(), SmallVec::new());
        let mut shards = self.shards(&digests[..claims.len()]);
        for (claim, digest) in claims.iter().zip(digests) {
            let limits = &shards.of(digest).limits;
            let (quota, spend) = (claim.quota(), claim.spending());
            let decision = if quota.keeps_ring() {
                plan(limits, &mut rings, digest, |ring| {
                    quota.step_ring(ring, now, spend)
                })
            } else {
                plan(limits, &mut cells, digest, |cell| {
                    quota.step_cell(cell, now, spend)
                })
            };
            decisions.push(claim, decision);
        }
        if !decisions.allowed() {
            return Ok(0);
        }
        // New states last: they move the places of others.
        let new = replace(&cells, &mut shards) | replace(&rings, &mut shards);
        let now = now.as_micros();
        let mut evicted = if new {
            insert(&cells, &mut shards, now) + insert(&rings, &mut shards, now)
        } else {
            0
        };
        for (claim, digest) in claims.iter().zip(digests) {
            if is_settled(claim.spending()) {
                evicted += settle(&mut shards.of(digest).limits, digest, claim, now);
            }
        }
        Ok(evicted)
    }
}

/// What a claim changes, if no other one is refused.
struct Change<T> {
    digest: Digest,
    // Where the state is now; None if there is none.
    place: Option<u32>,
    state: T,
}

type Changes<T> = SmallVec<[Change<T>; 4]>;

#[inline]
fn plan<T: Kept>(
    limits: &Limits,
    changes: &mut Changes<T>,
    digest: Digest,
    step: impl FnOnce(Option<T>) -> (Option<T>, Decision),
) -> Decision {
    // Claims on one key see each other.
    let earlier = changes.iter().rev().find(|change| change.digest == digest);
    let (place, stored) = match earlier {
        Some(change) => (change.place, Some(change.state)),
        None => {
            let place = T::table(limits).find(digest);
            (place, place.map(|place| *T::table(limits).get(place)))
        }
    };
    let (next, decision) = step(stored);
    if let Some(state) = next {
        changes.push(Change {
            digest,
            place,
            state,
        });
    }
    decision
}

/// Stores the states that have a place, and returns whether there are others.
#[inline]
fn replace<T: Kept>(changes: &[Change<T>], shards: &mut Shards<'_>) -> bool {
    let mut others = false;
    for change in changes {
        match change.place {
            Some(place) => {
                *T::table_mut(&mut shards.of(change.digest).limits).get_mut(place) = change.state;
            }
            None => others = true,
        }
    }
    others
}

/// Stores the states that have no place, and returns how many states of other limits were evicted.
#[cold]
fn insert<T: Kept>(changes: &[Change<T>], shards: &mut Shards<'_>, now: u64) -> u32 {
    let new = changes.iter().filter(|change| change.place.is_none());
    new.map(|change| {
        shards
            .of(change.digest)
            .limits
            .insert(change.digest, change.state, now)
    })
    .sum()
}

#[inline]
fn acquire_one(
    limits: &mut Limits,
    digest: Digest,
    claim: &Claim,
    now: Timestamp,
) -> (Decision, u32) {
    let (quota, spend) = (claim.quota(), claim.spending());
    if quota.keeps_ring() {
        acquire_in(limits, digest, now, |ring| {
            quota.step_ring(ring, now, spend)
        })
    } else {
        acquire_in(limits, digest, now, |cell| {
            quota.step_cell(cell, now, spend)
        })
    }
}

/// Returns whether a spend also concerns what another algorithm has kept.
#[inline]
const fn is_settled(spend: Spend) -> bool {
    matches!(spend, Spend::Reset | Spend::Ban(_))
}

#[cold]
#[inline(never)]
fn settle(limits: &mut Limits, digest: Digest, claim: &Claim, now: u64) -> u32 {
    if claim.quota().keeps_ring() {
        limits.settle::<Ring>(digest, claim.spending(), now)
    } else {
        limits.settle::<Cell>(digest, claim.spending(), now)
    }
}

#[inline]
fn acquire_in<T: Kept>(
    limits: &mut Limits,
    digest: Digest,
    now: Timestamp,
    step: impl FnOnce(Option<T>) -> (Option<T>, Decision),
) -> (Decision, u32) {
    let kept = T::table_mut(limits).find_mut(digest);
    let (next, decision) = step(kept.as_deref().copied());
    let evicted = match (next, kept) {
        (Some(next), Some(kept)) => {
            *kept = next;
            0
        }
        (Some(next), None) => limits.insert(digest, next, now.as_micros()),
        (None, _) => 0,
    };
    (decision, evicted)
}
