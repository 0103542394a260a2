//! Acquires: one shard for one claim; for several, all their shards, locked in ascending order.

use smallvec::SmallVec;

use super::{
    budget::MemoryEvent,
    shard::{Kept, Limits},
    store::Inner,
    table::Digest,
};
use crate::{
    quota::State,
    store::{Claim, Decision, Decisions, Result},
    time::Timestamp,
};

impl Inner {
    #[inline]
    pub(super) fn acquire(&self, claims: &[Claim], decisions: &mut Decisions) -> Result<()> {
        Claim::validate(claims)?;
        let now = self.now();
        let evicted = match claims {
            [claim] => {
                let digest = claim.key().digest();
                let (decision, evicted) =
                    acquire_one(&mut self.shard(digest).limits, digest, claim, now);
                decisions.push(claim, decision);
                evicted
            }
            _ => self.acquire_all(claims, now, decisions),
        };
        // After the locks are gone: the hook may call the store.
        (0..evicted).for_each(|_| self.report(MemoryEvent::LimitEvicted));
        Ok(())
    }

    fn acquire_all(&self, claims: &[Claim], now: Timestamp, decisions: &mut Decisions) -> u32 {
        let digests: SmallVec<[Digest; 8]> =
            claims.iter().map(|claim| claim.key().digest()).collect();
        let mut changes: SmallVec<[(Digest, State); 8]> = SmallVec::new();
        let mut shards = self.shards(&digests);
        for (claim, digest) in claims.iter().zip(digests) {
            // Claims on one key see each other; they have the same quota.
            let earlier = changes
                .iter()
                .rev()
                .find(|change| change.0 == digest)
                .map(|change| change.1);
            let state = earlier.or_else(|| shards.of(digest).limits.state(digest, claim.quota()));
            let step = claim.quota().step(state.as_ref(), now, claim.spending());
            decisions.push(claim, step.decision);
            changes.extend(step.state.map(|state| (digest, state)));
        }
        if !decisions.allowed() {
            return 0;
        }
        changes
            .iter()
            .map(|(digest, state)| {
                shards
                    .of(*digest)
                    .limits
                    .keep(*digest, state, now.as_micros())
            })
            .sum()
    }
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
