//! How much each algorithm admits, and when again.

use std::time::Duration;

use super::{Fixture, Violation, trial::Trial};
use crate::{
    quota::Quota,
    store::{Claim, Decision, Kind, Spend, Verdict},
};

// So long that no unit comes back during a check, on any clock.
const UNIT: Duration = Duration::from_secs(100 * 24 * 60 * 60);
const LONG: Duration = UNIT.saturating_mul(10);
const BRIEF: Duration = Duration::from_millis(100);

/// Ten units that do not come back, under each algorithm.
pub(super) const TEN: [Quota; 6] = [
    Quota::every(UNIT).burst(10),
    Quota::fixed(10, LONG),
    Quota::aligned(10, LONG),
    Quota::sliding(10, LONG),
    Quota::strict(10, LONG),
    Quota::token_bucket(10, LONG),
];

/// Two units that come back soon, under each algorithm.
pub(super) const TWO: [Quota; 6] = [
    Quota::every(BRIEF).burst(2),
    Quota::fixed(2, BRIEF),
    Quota::aligned(2, BRIEF),
    Quota::sliding(2, BRIEF),
    Quota::strict(2, BRIEF),
    Quota::token_bucket(2, BRIEF),
];

/// [GCRA](crate::quota::Algorithm::Gcra) admits exactly its burst at once.
pub async fn gcra_admits_its_burst(fixture: &Fixture) -> Result<(), Violation> {
    exact(fixture.trial("gcra_admits_its_burst"), TEN[0]).await
}

/// A [fixed window](crate::quota::Algorithm::FixedWindow) admits exactly its limit.
pub async fn a_fixed_window_admits_its_limit(fixture: &Fixture) -> Result<(), Violation> {
    exact(fixture.trial("a_fixed_window_admits_its_limit"), TEN[1]).await
}

/// An [aligned window](crate::quota::Algorithm::AlignedWindow) admits exactly its limit.
pub async fn an_aligned_window_admits_its_limit(fixture: &Fixture) -> Result<(), Violation> {
    exact(fixture.trial("an_aligned_window_admits_its_limit"), TEN[2]).await
}

/// A [sliding window](crate::quota::Algorithm::SlidingWindow) admits exactly its limit.
pub async fn a_sliding_window_admits_its_limit(fixture: &Fixture) -> Result<(), Violation> {
    exact(fixture.trial("a_sliding_window_admits_its_limit"), TEN[3]).await
}

/// A [strict window](crate::quota::Algorithm::StrictWindow) admits exactly its limit.
pub async fn a_strict_window_admits_its_limit(fixture: &Fixture) -> Result<(), Violation> {
    exact(fixture.trial("a_strict_window_admits_its_limit"), TEN[4]).await
}

/// A [token bucket](crate::quota::Algorithm::TokenBucket) admits exactly its burst at once.
pub async fn a_token_bucket_admits_its_burst(fixture: &Fixture) -> Result<(), Violation> {
    exact(fixture.trial("a_token_bucket_admits_its_burst"), TEN[5]).await
}

async fn exact(trial: Trial<'_>, quota: Quota) -> Result<(), Violation> {
    let key = &trial.key(Kind::Limit);
    let mut remaining = quota.capacity();
    for cost in [1, 1, 3, 5] {
        let decision = trial.spend(key, quota, Spend::Take(cost)).await?;
        remaining -= cost;
        admitted(trial, &decision, quota, remaining)?;
        let more = trial.spend(key, quota, Spend::Take(remaining + 1)).await?;
        trial.holds(!more.allowed(), "more was admitted than is left")?;
        trial.same(more.remaining(), remaining, "what is left after a refusal")?;
    }
    let refused = trial.spend(key, quota, Spend::Take(1)).await?;
    let waits = matches!(refused.verdict(), Verdict::Refused { retry_micros } if retry_micros > 0);
    trial.holds(waits, "a refusal tells no wait")
}

fn admitted(
    trial: Trial<'_>,
    decision: &Decision,
    quota: Quota,
    remaining: u32,
) -> Result<(), Violation> {
    trial.holds(decision.allowed(), "less was admitted than is left")?;
    trial.same(
        decision.limit(),
        quota.capacity(),
        "the limit of a decision",
    )?;
    trial.same(decision.remaining(), remaining, "what is left")?;
    trial.holds(
        decision.retry_after().is_none(),
        "an allowed claim has to wait",
    )?;
    trial.holds(
        !decision.reset_after().is_zero(),
        "a limit in use is as if never used",
    )
}

/// After the wait that a refusal tells, the same claim is allowed, under every algorithm.
pub async fn a_claim_is_allowed_after_its_wait(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_claim_is_allowed_after_its_wait");
    for quota in TWO {
        let key = trial.key(Kind::Limit);
        let claim = Claim::new(key.clone(), quota);
        // In one call, so that nothing comes back in between.
        let claims = [2, 2].map(|cost| claim.clone().spend(Spend::Peek(cost)));
        let [take, peek] = claims;
        let decisions = trial.acquire(&[take.spend(Spend::Take(2)), peek]).await?;
        let wait = decisions.last().and_then(Decision::retry_after);
        let wait = wait.ok_or_else(|| trial.violated("a limit was not used up"))?;
        trial.pass(wait).await;
        let decision = trial.spend(&key, quota, Spend::Take(2)).await?;
        let what = format!("{:?} refused after {wait:?}, its wait", quota.algorithm());
        trial.holds(decision.allowed(), &what)?;
    }
    Ok(())
}

/// A claim is still refused well before its wait has passed.
pub async fn a_claim_is_refused_before_its_wait(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_claim_is_refused_before_its_wait");
    for quota in TEN {
        let key = trial.key(Kind::Limit);
        trial.spend(&key, quota, Spend::Take(10)).await?;
        trial.pass(BRIEF).await;
        let decision = trial.spend(&key, quota, Spend::Take(10)).await?;
        let what = format!("{:?} gave back too soon", quota.algorithm());
        trial.holds(!decision.allowed(), &what)?;
    }
    Ok(())
}

/// After the time that a decision tells, the limit is as if never used, under every algorithm.
pub async fn a_limit_is_fresh_after_its_reset(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_limit_is_fresh_after_its_reset");
    for quota in TWO {
        let key = trial.key(Kind::Limit);
        let reset = trial
            .spend(&key, quota, Spend::Take(2))
            .await?
            .reset_after();
        trial.pass(reset).await;
        let decision = trial.spend(&key, quota, Spend::Peek(2)).await?;
        let fresh = decision.allowed() && decision.reset_after().is_zero();
        let what = format!(
            "{:?} is in use after {reset:?}, its reset",
            quota.algorithm()
        );
        trial.holds(fresh, &what)?;
    }
    Ok(())
}

/// A changed quota takes over what was taken under the old one: nobody gets a free burst, and nothing fails.
pub async fn a_changed_quota_gives_no_free_burst(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_changed_quota_gives_no_free_burst");
    for old in TEN {
        for (limit, window) in [(3, LONG), (30, LONG.saturating_mul(2))] {
            let key = &trial.key(Kind::Limit);
            trial.spend(key, old, Spend::Take(10)).await?;
            let new = Quota::new(old.algorithm(), limit, window);
            let new = new.map_err(|error| trial.violated(error.to_string()))?;
            let decision = trial.spend(key, new, Spend::Take(limit)).await?;
            let what = format!("a free burst of {:?} by a changed quota", old.algorithm());
            trial.holds(!decision.allowed(), &what)?;
        }
    }
    Ok(())
}

/// A quota of another [algorithm](crate::quota::Algorithm) on a key in use fails nothing, and admits no more than itself.
pub async fn a_changed_algorithm_fails_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_changed_algorithm_fails_nothing");
    for old in TEN {
        let key = &trial.key(Kind::Limit);
        for new in TEN {
            trial.spend(key, old, Spend::Take(1)).await?;
            let decision = trial.spend(key, new, Spend::Take(11)).await?;
            trial.same(
                decision.verdict(),
                Verdict::Never,
                "a claim beyond the new quota",
            )?;
        }
    }
    Ok(())
}

/// [`Quota::NONE`] refuses everything, for good.
pub async fn a_quota_of_none_refuses_everything(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_quota_of_none_refuses_everything");
    let key = &trial.key(Kind::Limit);
    let decision = trial.spend(key, Quota::NONE, Spend::Take(1)).await?;
    trial.same(decision.verdict(), Verdict::Never, "the verdict")?;
    trial.same(decision.remaining(), 0, "what is left")
}
