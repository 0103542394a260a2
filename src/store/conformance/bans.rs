//! Keys that are forgotten, and keys that are banned. Every promise holds under every algorithm.

use std::time::Duration;

use super::{
    Fixture, Violation,
    limits::TEN,
    trial::{SHORT, Trial},
};
use crate::{
    quota::Quota,
    store::{Claim, Decision, Kind, Spend},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A key that was reset is as if never used.
pub async fn a_reset_forgets_a_key(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_reset_forgets_a_key");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        for spend in [Spend::Take(10), Spend::Charge(25)] {
            trial.spend(key, quota, spend).await?;
            let reset = trial.spend(key, quota, Spend::Reset).await?;
            fresh(trial, &reset, "the answer to a reset")?;
            let peek = trial.spend(key, quota, Spend::Peek(10)).await?;
            fresh(trial, &peek, "a key that was reset")?;
        }
        // In one call, too.
        let claim = Claim::new(key.clone(), quota).spend(Spend::Take(10));
        let reset = claim.clone().spend(Spend::Reset);
        let call = trial.acquire(&[claim.clone(), reset, claim]).await?;
        trial.holds(call.allowed(), "a reset is not seen by a later claim")?;
        trial.same(
            trial.left(key, quota).await?,
            0,
            "what is left of ten after ten",
        )?;
    }
    Ok(())
}

/// A reset forgets what was taken under another quota or [algorithm](crate::quota::Algorithm), too.
pub async fn a_reset_forgets_every_algorithm(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_reset_forgets_every_algorithm");
    for old in TEN {
        for new in TEN {
            let key = &trial.key(Kind::Limit);
            trial.spend(key, old, Spend::Take(10)).await?;
            trial.spend(key, new, Spend::Reset).await?;
            let peek = trial.spend(key, old, Spend::Peek(10)).await?;
            fresh(trial, &peek, "a key that was reset by another algorithm")?;
        }
    }
    Ok(())
}

/// A reset or a ban, as a charge, is not made when another claim refuses the call; and refuses none itself.
pub async fn a_refused_call_resets_and_bans_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refused_call_resets_and_bans_nothing");
    for quota in TEN {
        let [key, other] = &trial.keys(Kind::Limit);
        trial.spend(key, quota, Spend::Take(4)).await?;
        for spend in [Spend::Reset, Spend::Ban(DAY)] {
            let claim = Claim::new(key.clone(), quota).spend(spend);
            let too_much = Claim::new(other.clone(), quota).spend(Spend::Take(11));
            let call = trial.acquire(&[claim, too_much]).await?;
            trial.holds(!call.allowed(), "11 of 10 units were taken")?;
            let left = trial.left(key, quota).await?;
            trial.same(left, 6, "what a refused call leaves")?;
        }
        let ban = Claim::new(key.clone(), quota).spend(Spend::Ban(DAY));
        let call = trial
            .acquire(&[ban, Claim::new(other.clone(), quota)])
            .await?;
        trial.holds(call.allowed(), "a ban refused a call")?;
    }
    Ok(())
}

/// Of a key that is banned no unit is there, and the wait is the rest of the ban. Nothing is allowed still.
pub async fn a_banned_key_is_refused(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_banned_key_is_refused");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        let ban = trial.spend(key, quota, Spend::Ban(DAY)).await?;
        trial.holds(ban.allowed(), "a ban was refused")?;
        told(trial, &ban)?;
        for spend in [Spend::Take(1), Spend::Peek(10), Spend::Shadow(1)] {
            let refused = trial.spend(key, quota, spend).await?;
            refuses(trial, &refused)?;
        }
        let nothing = trial.spend(key, quota, Spend::Take(0)).await?;
        trial.holds(nothing.allowed(), "taking nothing was refused")?;
        told(trial, &nothing)?;
    }
    Ok(())
}

/// A ban holds whatever the quota: no change of limit, window or [algorithm](crate::quota::Algorithm) lifts it.
pub async fn a_ban_outlives_a_change_of_quota(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_ban_outlives_a_change_of_quota");
    for old in TEN {
        let key = &trial.key(Kind::Limit);
        trial.spend(key, old, Spend::Ban(DAY)).await?;
        for new in TEN {
            let more = Quota::new(new.algorithm(), 30, new.window() / 3);
            let more = more.map_err(|error| trial.violated(error.to_string()))?;
            for quota in [new, more] {
                refuses(trial, &trial.spend(key, quota, Spend::Take(1)).await?)?;
            }
        }
    }
    Ok(())
}

/// When a ban is over, the key is as if never used.
pub async fn a_key_is_fresh_after_its_ban(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_key_is_fresh_after_its_ban");
    let mut keys = Vec::new();
    for quota in TEN {
        let key = trial.key(Kind::Limit);
        trial.spend(&key, quota, Spend::Take(7)).await?;
        trial.spend(&key, quota, Spend::Ban(SHORT)).await?;
        keys.push(key);
    }
    trial.pass(SHORT).await;
    for (key, quota) in keys.iter().zip(TEN) {
        let peek = trial.spend(key, quota, Spend::Peek(10)).await?;
        fresh(trial, &peek, "a key after its ban")?;
    }
    Ok(())
}

/// Charges and refunds change nothing while a key is banned: it stays so, and owes nothing afterwards.
pub async fn nothing_is_charged_during_a_ban(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("nothing_is_charged_during_a_ban");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        let taken = trial.spend(key, quota, Spend::Take(3)).await?.window();
        trial.spend(key, quota, Spend::Ban(DAY)).await?;
        let charge = trial.spend(key, quota, Spend::Charge(5)).await?;
        trial.holds(charge.allowed(), "a charge was refused")?;
        for window in [taken, charge.window()] {
            let refund = Spend::Refund { cost: 5, window };
            let refund = trial.spend(key, quota, refund).await?;
            trial.holds(refund.allowed(), "a refund was refused")?;
            refuses(trial, &trial.spend(key, quota, Spend::Take(1)).await?)?;
        }
    }
    Ok(())
}

/// A reset lifts a ban, also under another quota.
pub async fn a_reset_lifts_a_ban(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_reset_lifts_a_ban");
    for old in TEN {
        for new in TEN {
            let key = &trial.key(Kind::Limit);
            trial.spend(key, old, Spend::Ban(DAY)).await?;
            let reset = trial.spend(key, new, Spend::Reset).await?;
            fresh(trial, &reset, "the answer to a reset")?;
            for quota in [new, old] {
                let peek = trial.spend(key, quota, Spend::Peek(10)).await?;
                fresh(trial, &peek, "a key whose ban was lifted")?;
            }
        }
    }
    Ok(())
}

/// Another ban replaces the first one, be it longer or shorter. One of no time does nothing.
pub async fn the_last_ban_counts(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("the_last_ban_counts");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        for ban in [DAY / 2, DAY * 30, DAY, Duration::ZERO] {
            trial.spend(key, quota, Spend::Ban(ban)).await?;
        }
        refuses(trial, &trial.spend(key, quota, Spend::Take(1)).await?)?;
        let other = &trial.key(Kind::Limit);
        trial.spend(other, quota, Spend::Take(4)).await?;
        trial
            .spend(other, quota, Spend::Ban(Duration::ZERO))
            .await?;
        let left = trial.left(other, quota).await?;
        trial.same(left, 6, "what a ban of no time leaves")?;
    }
    Ok(())
}

fn fresh(trial: Trial<'_>, decision: &Decision, what: &str) -> Result<(), Violation> {
    let fresh =
        decision.allowed() && decision.remaining() == 10 && decision.reset_after().is_zero();
    trial.holds(fresh, &format!("{what} is in use: {decision:?}"))
}

/// Expects the refusal of a key that is banned for a day.
fn refuses(trial: Trial<'_>, decision: &Decision) -> Result<(), Violation> {
    trial.holds(!decision.allowed(), "a unit of a banned key is there")?;
    let rest = Some(decision.reset_after());
    trial.same(decision.retry_after(), rest, "the wait of a banned key")?;
    told(trial, decision)
}

/// Expects that a day is told, less what this check has taken.
fn told(trial: Trial<'_>, decision: &Decision) -> Result<(), Violation> {
    trial.same(decision.remaining(), 0, "what is left of a banned key")?;
    let rest = decision.reset_after();
    let what = format!("a ban of {DAY:?} is told to last {rest:?}");
    trial.holds(rest <= DAY && rest > DAY * 3 / 4, &what)
}
