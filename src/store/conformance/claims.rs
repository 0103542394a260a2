//! Several claims at once: all of them, or none.

use std::time::Duration;

use super::{Fixture, Violation, limits::TEN, trial::Trial};
use crate::{
    quota::Quota,
    store::{Claim, Decision, Decisions, ErrorKind, Key, Kind, MAX_CLAIMS, Spend, Store},
};

/// Where one claim is refused, whatever its place, no limit is charged.
pub async fn a_refused_call_charges_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refused_call_charges_nothing");
    for at in 0..MAX_CLAIMS {
        let keys: [Key; MAX_CLAIMS] = trial.keys(Kind::Limit);
        let claims = mixed(&keys, Spend::Take(1));
        trial
            .acquire(&[claims[at].clone().spend(Spend::Take(10))])
            .await?;
        let first = usize::from(at == 0);
        trial.acquire(&claims[first..=first]).await?;
        let before = trial.acquire(&mixed(&keys, Spend::Peek(0))).await?;
        let refused = trial.acquire(&claims).await?;
        trial.holds(
            !refused.allowed(),
            "a call was allowed with a limit used up",
        )?;
        let after = trial.acquire(&mixed(&keys, Spend::Peek(0))).await?;
        let charged = before.iter().zip(after.iter()).position(|(before, after)| {
            before.remaining() != after.remaining() || before.reset_after() < after.reset_after()
        });
        let what = format!("the limit that a call refused at {at} charged");
        trial.same(charged, None, &what)?;
    }
    Ok(())
}

/// An allowed call charges every limit, each once.
pub async fn an_allowed_call_charges_every_limit(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_allowed_call_charges_every_limit");
    let keys: [Key; MAX_CLAIMS] = trial.keys(Kind::Limit);
    for left in [7, 4] {
        let decisions = trial.acquire(&mixed(&keys, Spend::Take(3))).await?;
        trial.holds(
            decisions.allowed(),
            "a call was refused with all limits free",
        )?;
        trial.same(
            remaining(&decisions),
            vec![left; MAX_CLAIMS],
            "what is left of each",
        )?;
    }
    let decisions = trial.acquire(&mixed(&keys, Spend::Peek(0))).await?;
    trial.same(
        remaining(&decisions),
        vec![4; MAX_CLAIMS],
        "what is left of each",
    )
}

/// A refused call still reports for each claim whether it alone was allowed, and what is left.
pub async fn a_refused_call_reports_every_claim(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refused_call_reports_every_claim");
    let keys: [Key; 4] = trial.keys(Kind::Limit);
    let claims = mixed(&keys, Spend::Take(1));
    for used in [1, 3] {
        trial
            .acquire(&[claims[used].clone().spend(Spend::Take(10))])
            .await?;
    }
    let decisions = trial.acquire(&claims).await?;
    let allowed: Vec<_> = decisions.iter().map(Decision::allowed).collect();
    trial.same(
        allowed,
        vec![true, false, true, false],
        "the claims allowed",
    )?;
    trial.same(
        remaining(&decisions),
        vec![9, 0, 9, 0],
        "what is left of each",
    )
}

/// A refused call tells the longest wait of its takes; none if one will never be allowed.
pub async fn the_longest_wait_is_told(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("the_longest_wait_is_told");
    let quotas = [Quota::per_hour(1), Quota::per_day(1), Quota::per_minute(1)];
    let keys: [Key; 3] = trial.keys(Kind::Limit);
    let claims: Vec<_> = keys
        .iter()
        .zip(quotas)
        .map(|(key, quota)| Claim::new(key.clone(), quota))
        .collect();
    trial.acquire(&claims).await?;
    let mut refused = claims.clone();
    refused.push(claims[1].clone().spend(Spend::Peek(1)));
    let decisions = trial.acquire(&refused).await?;
    let longest = decisions.iter().filter_map(Decision::retry_after).max();
    let told = longest.is_some_and(|wait| wait > Duration::from_secs(3601));
    trial.holds(told, "the wait of a day is not told")?;
    trial.same(decisions.retry_after(), longest, "the wait of the call")?;
    refused[0] = refused[0].clone().spend(Spend::Take(2));
    let never = trial.acquire(&refused).await?;
    trial.holds(
        !never.allowed() && never.retry_after().is_none(),
        "a wait for what will never be",
    )
}

/// Two claims on one key see each other: together they never take more than there is.
pub async fn claims_on_one_key_add_up(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("claims_on_one_key_add_up");
    for quota in TEN {
        let key = trial.key(Kind::Limit);
        let takes = |costs: &[u32]| -> Vec<Claim> {
            let claim = |cost: &u32| Claim::new(key.clone(), quota).spend(Spend::Take(*cost));
            costs.iter().map(claim).collect()
        };
        let refused = trial.acquire(&takes(&[6, 5])).await?;
        trial.holds(!refused.allowed(), "two claims took more than there is")?;
        trial.same(
            trial.left(&key, quota).await?,
            10,
            "what a refused call leaves",
        )?;
        let allowed = trial.acquire(&takes(&[6, 4])).await?;
        trial.same(remaining(&allowed), vec![4, 0], "what each claim leaves")?;
        trial.same(trial.left(&key, quota).await?, 0, "what both claims leave")?;
    }
    Ok(())
}

/// The order of claims on different keys has no influence on their decisions.
pub async fn the_order_of_claims_has_no_influence(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("the_order_of_claims_has_no_influence");
    for costs in [[1, 2, 3], [1, 11, 3], [11, 2, 12]] {
        let forward = trial.acquire(&spread(trial, costs)).await?;
        let mut claims = spread(trial, costs);
        claims.reverse();
        let mut backward: Vec<_> = outcomes(&trial.acquire(&claims).await?);
        backward.reverse();
        trial.same(
            backward,
            outcomes(&forward),
            "the decisions in reverse order",
        )?;
    }
    Ok(())
}

/// Up to [`MAX_CLAIMS`] claims make a call, and more are refused. None at all are allowed.
pub async fn up_to_8_claims_make_a_call(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("up_to_8_claims_make_a_call");
    let keys: [Key; MAX_CLAIMS + 1] = trial.keys(Kind::Limit);
    let claims = mixed(&keys, Spend::Take(1));
    let result = trial.store().acquire(&claims).await;
    trial.fails(result, ErrorKind::TooLarge, "a call of 9 claims")?;
    let most = trial.acquire(&claims[..MAX_CLAIMS]).await?;
    trial.same(
        remaining(&most),
        vec![9; MAX_CLAIMS],
        "what is left of each",
    )
}

/// A call without claims is allowed.
pub async fn a_call_without_claims_is_allowed(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_call_without_claims_is_allowed");
    let allowed = trial.acquire(&[]).await?.allowed();
    trial.holds(allowed, "a call without claims was refused")
}

/// Only a limit is claimed; any other kind is refused, wherever it stands, and nothing is charged.
pub async fn only_limits_are_claimed(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("only_limits_are_claimed");
    let (quota, limit) = (TEN[0], trial.key(Kind::Limit));
    for kind in [
        Kind::Data,
        Kind::Counter,
        Kind::Session,
        Kind::Index,
        Kind::Purge,
    ] {
        let claims = [limit.clone(), trial.key(kind)].map(|key| Claim::new(key, quota));
        let result = trial.store().acquire(&claims).await;
        trial.fails(result, ErrorKind::Invalid, "a claim on what is no limit")?;
    }
    trial.same(
        trial.left(&limit, quota).await?,
        10,
        "what an invalid call leaves",
    )
}

/// Two quotas for one key in a call are refused.
pub async fn a_key_has_one_quota_in_a_call(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_key_has_one_quota_in_a_call");
    let key = trial.key(Kind::Limit);
    for spend in [
        Spend::Take(1),
        Spend::Take(0),
        Spend::Peek(1),
        Spend::Take(11),
    ] {
        let claims = [
            Claim::new(key.clone(), TEN[0]).spend(spend),
            Claim::new(key.clone(), TEN[1]),
        ];
        let result = trial.store().acquire(&claims).await;
        trial.fails(result, ErrorKind::Invalid, "two quotas for one key")?;
    }
    Ok(())
}

/// Claims each key under an algorithm of its own.
fn mixed(keys: &[Key], spend: Spend) -> Vec<Claim> {
    let quotas = TEN.iter().cycle();
    keys.iter()
        .zip(quotas)
        .map(|(key, quota)| Claim::new(key.clone(), *quota).spend(spend))
        .collect()
}

fn spread(trial: Trial<'_>, costs: [u32; 3]) -> Vec<Claim> {
    let claims = mixed(&trial.keys::<3>(Kind::Limit), Spend::Take(1));
    let costs = claims.into_iter().zip(costs);
    costs
        .map(|(claim, cost)| claim.spend(Spend::Take(cost)))
        .collect()
}

fn remaining(decisions: &Decisions) -> Vec<u32> {
    decisions.iter().map(Decision::remaining).collect()
}

fn outcomes(decisions: &Decisions) -> Vec<(bool, u32)> {
    let outcome = |decision: &Decision| (decision.allowed(), decision.remaining());
    decisions.iter().map(outcome).collect()
}
