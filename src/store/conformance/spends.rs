//! What a claim may do with its units beside taking them. Every promise holds under every algorithm.

use super::{
    Fixture, Violation,
    limits::{TEN, TWO},
    trial::SHORT,
};
use crate::store::{Claim, Decision, Kind, Spend, Verdict};

/// A peek tells whether units are there, changes nothing, and refuses no call.
pub async fn a_peek_changes_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_peek_changes_nothing");
    for quota in TEN {
        let [key, other] = &trial.keys(Kind::Limit);
        for _ in 0..2 {
            let peek = trial.spend(key, quota, Spend::Peek(10)).await?;
            let fresh = peek.allowed() && peek.remaining() == 10 && peek.reset_after().is_zero();
            trial.holds(fresh, "a peek changed a limit")?;
        }
        trial.spend(key, quota, Spend::Take(4)).await?;
        let peek = Claim::new(key.clone(), quota).spend(Spend::Peek(7));
        let call = trial
            .acquire(&[peek, Claim::new(other.clone(), quota)])
            .await?;
        trial.holds(call.allowed(), "a peek refused a call")?;
        trial.same(
            call.first().map(Decision::allowed),
            Some(false),
            "7 of 6 units",
        )?;
        trial.same(trial.left(key, quota).await?, 6, "what a peek leaves")?;
    }
    Ok(())
}

/// A shadow takes the units that are there, tells when they are not, and refuses no call.
pub async fn a_shadow_is_charged_and_never_refuses(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_shadow_is_charged_and_never_refuses");
    for quota in TEN {
        let [key, other] = &trial.keys(Kind::Limit);
        let shadow = Claim::new(key.clone(), quota).spend(Spend::Shadow(6));
        let claims = [shadow, Claim::new(other.clone(), quota)];
        for (allowed, left) in [(true, [4, 9]), (false, [4, 8])] {
            let call = trial.acquire(&claims).await?;
            trial.holds(call.allowed(), "a shadow refused a call")?;
            trial.same(
                call.first().map(Decision::allowed),
                Some(allowed),
                "the shadow",
            )?;
            let seen = [
                trial.left(key, quota).await?,
                trial.left(other, quota).await?,
            ];
            trial.same(seen, left, "what the call leaves")?;
        }
    }
    Ok(())
}

/// A charge, as a shadow, is not made when another claim refuses the call.
pub async fn a_refused_call_makes_no_charge(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refused_call_makes_no_charge");
    for quota in TEN {
        let [key, other] = &trial.keys(Kind::Limit);
        for spend in [Spend::Charge(5), Spend::Shadow(5)] {
            let claim = Claim::new(key.clone(), quota).spend(spend);
            let refused = Claim::new(other.clone(), quota).spend(Spend::Take(11));
            let call = trial.acquire(&[claim, refused]).await?;
            trial.holds(!call.allowed(), "11 of 10 units were taken")?;
            trial.same(
                trial.left(key, quota).await?,
                10,
                "what a refused call leaves",
            )?;
        }
    }
    Ok(())
}

/// A charge is made even where the units are not there, and the debt has to be repaid first.
pub async fn a_charge_overdraws_and_is_repaid(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_charge_overdraws_and_is_repaid");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        let charge = trial.spend(key, quota, Spend::Charge(12)).await?;
        trial.holds(charge.allowed(), "a charge was refused")?;
        trial.same(charge.remaining(), 0, "what is left in debt")?;
        let take = trial.spend(key, quota, Spend::Take(1)).await?;
        trial.holds(!take.allowed(), "a unit was taken in debt")?;
        let window = charge.window();
        let refund = trial
            .spend(key, quota, Spend::Refund { cost: 3, window })
            .await?;
        trial.same(
            refund.remaining(),
            1,
            "what is left of 3 given back to a debt of 2",
        )?;
    }
    Ok(())
}

/// A refund gives units back to the window they were taken in.
pub async fn a_refund_gives_back(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refund_gives_back");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        let window = trial.spend(key, quota, Spend::Take(10)).await?.window();
        let refund = trial
            .spend(key, quota, Spend::Refund { cost: 4, window })
            .await?;
        trial.holds(refund.allowed(), "a refund was refused")?;
        trial.same(refund.remaining(), 4, "what a refund of 4 leaves of none")?;
        let take = trial.spend(key, quota, Spend::Take(4)).await?;
        trial.holds(take.allowed(), "units that were given back were not there")?;
    }
    Ok(())
}

/// A refund gives back no more than was taken: there is never more than the capacity.
pub async fn a_refund_never_exceeds_what_was_taken(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refund_never_exceeds_what_was_taken");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        let window = trial.spend(key, quota, Spend::Take(2)).await?.window();
        let refund = trial
            .spend(key, quota, Spend::Refund { cost: 9, window })
            .await?;
        trial.same(refund.remaining(), 10, "what a refund of 9 leaves of 8")?;
        let take = trial.spend(key, quota, Spend::Take(10)).await?;
        trial.same((take.allowed(), take.remaining()), (true, 0), "taking all")?;
        let peek = trial.spend(key, quota, Spend::Peek(1)).await?;
        trial.holds(!peek.allowed(), "there is more than the capacity")?;
    }
    Ok(())
}

/// A refund after the window in which units were taken gives nothing back.
pub async fn a_late_refund_gives_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_late_refund_gives_nothing");
    let mut charged = Vec::new();
    for quota in TWO {
        let key = trial.key(Kind::Limit);
        let window = trial.spend(&key, quota, Spend::Take(2)).await?.window();
        charged.push((key, quota, window));
    }
    trial.pass(SHORT * 3).await;
    for (key, quota, window) in charged {
        // In one call, so that nothing comes back in between.
        let claim = Claim::new(key, quota);
        let refund = claim.clone().spend(Spend::Refund { cost: 2, window });
        let call = trial
            .acquire(&[claim.spend(Spend::Take(2)), refund])
            .await?;
        trial.holds(call.allowed(), "a limit was not fresh after some windows")?;
        let left = call.last().map(Decision::remaining);
        let what = format!(
            "what a late refund to {:?} leaves of none",
            quota.algorithm()
        );
        trial.same(left, Some(0), &what)?;
    }
    Ok(())
}

/// A cost of zero is allowed, also when nothing is left, and costs nothing.
pub async fn a_cost_of_zero_is_allowed(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_cost_of_zero_is_allowed");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        let fresh = trial.spend(key, quota, Spend::Take(0)).await?;
        trial.same(
            (fresh.allowed(), fresh.remaining()),
            (true, 10),
            "taking none of 10",
        )?;
        trial.holds(fresh.reset_after().is_zero(), "taking none began a window")?;
        trial.spend(key, quota, Spend::Take(10)).await?;
        let used_up = trial.spend(key, quota, Spend::Take(0)).await?;
        trial.same(
            (used_up.allowed(), used_up.remaining()),
            (true, 0),
            "taking none of 0",
        )?;
    }
    Ok(())
}

/// A cost above the capacity is [never](Verdict::Never) allowed: there is no wait for it.
pub async fn a_cost_above_the_capacity_is_never_allowed(
    fixture: &Fixture,
) -> Result<(), Violation> {
    let trial = fixture.trial("a_cost_above_the_capacity_is_never_allowed");
    for quota in TEN {
        let key = &trial.key(Kind::Limit);
        for cost in [11, u32::MAX] {
            let decision = trial.spend(key, quota, Spend::Take(cost)).await?;
            trial.same(decision.verdict(), Verdict::Never, "the verdict")?;
            trial.same(decision.remaining(), 10, "what is left")?;
        }
    }
    Ok(())
}
