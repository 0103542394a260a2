//! Faults of limits.

use tower_upstash::{
    quota::Quota,
    store::{
        Claim, Decision, Decisions, Error, ErrorKind, Key, Kind, Result, Scope, Spend, Store,
        Verdict,
    },
};

use super::store::moved;
use super::{Broken, Fault};

impl Broken {
    pub(super) async fn faulty_acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        let mut asked = claims.to_vec();
        match self.fault {
            Fault::RefusesEmptyCalls if claims.is_empty() => {
                return Err(Error::new(ErrorKind::Invalid, "nothing to acquire"));
            }
            Fault::FailsOnOtherAlgorithms => self.remember_algorithms(claims)?,
            Fault::ChargesUntilRefused | Fault::WorksInSteps => {
                return self.claim_by_claim(claims).await;
            }
            Fault::KnowsNoMost if claims.len() > 8 => return self.claim_by_claim(claims).await,
            Fault::StopsAtTheFirstRefusal => return self.stop_early(claims).await,
            Fault::OverlooksEarlierClaims => return self.overlook_earlier(claims).await,
            Fault::KeepsBansApart => return self.ban_apart(claims).await,
            Fault::ChecksThenWrites => return self.check_then_charge(claims).await,
            Fault::TakesTheLastQuota => {
                let last = claims.last().map(|claim| *claim.quota());
                asked = with_quota(claims, |quota| last.unwrap_or(quota));
            }
            Fault::ChargesOnlyTheFirst => {
                for claim in asked.iter_mut().skip(1) {
                    if let Spend::Take(cost) = claim.spending() {
                        *claim = claim.clone().spend(Spend::Peek(cost));
                    }
                }
            }
            _ => {}
        }
        for claim in &mut asked {
            *claim = self.edited_claim(claim).await?;
        }
        let decisions = self.inner.acquire(&asked).await?;
        if let [claim] = claims
            && let Some(admitted) = self.admitted_too_much(claim, &decisions).await?
        {
            return Ok(admitted);
        }
        let refused = !decisions.allowed();
        Ok(told(&asked, &decisions, |claim, decision| {
            self.told_decision(claim, decision, refused)
        }))
    }

    async fn edited_claim(&self, claim: &Claim) -> Result<Claim> {
        let key = self.edited_limit(claim);
        let spend = match (self.fault, claim.spending()) {
            (Fault::TakesOnPeek, Spend::Peek(cost)) => Spend::Shadow(cost),
            (Fault::RefusesByShadows, Spend::Shadow(cost)) => Spend::Take(cost),
            (Fault::ForgetsRefunds, Spend::Refund { .. }) => Spend::Peek(0),
            (Fault::CountsZeroAsOne, Spend::Take(0)) => Spend::Take(1),
            (Fault::TakesNoneAsUnlimited, _) if *claim.quota() == Quota::NONE => Spend::Peek(0),
            (Fault::ChargesOnlyWhatIsThere, Spend::Charge(cost)) => {
                let now = self.peek(claim).await?;
                Spend::Charge(cost.min(now.remaining()))
            }
            (Fault::RefundsAnyWindow, Spend::Refund { cost, .. }) => {
                let window = self.peek(claim).await?.window();
                Spend::Refund { cost, window }
            }
            (Fault::ForgetsResets, Spend::Reset) | (Fault::IgnoresBans, Spend::Ban(_)) => {
                Spend::Peek(0)
            }
            (Fault::LiftsBansByCharges, Spend::Charge(_)) => match self.is_banned(claim).await? {
                true => Spend::Reset,
                false => claim.spending(),
            },
            (Fault::KeepsTheLongestBan, Spend::Ban(time)) => {
                let now = self.peek(claim).await?;
                let longer = self.is_banned(claim).await? && now.reset_after() > time;
                if longer {
                    Spend::Peek(0)
                } else {
                    claim.spending()
                }
            }
            (_, spend) => spend,
        };
        Ok(Claim::new(key, *claim.quota()).spend(spend))
    }

    /// Returns the key under which the state of a limit is kept.
    fn edited_limit(&self, claim: &Claim) -> Key {
        let (key, quota) = (claim.key(), claim.quota());
        match self.fault {
            Fault::TakesAnyKind => {
                Scope::new(Kind::Limit, key.scope().name()).key(key.identifier().clone())
            }
            Fault::ResetsOneAlgorithm => moved(key, &format!("{:?}", quota.algorithm())),
            Fault::KeepsQuotasApart => moved(key, &format!("{quota:?}")),
            Fault::ForgetsLimitsSoon => {
                let tenth = self.now().as_micros() / 100_000;
                moved(key, &tenth.to_string())
            }
            _ => key.clone(),
        }
    }

    async fn peek(&self, claim: &Claim) -> Result<Decision> {
        let peek = claim.clone().spend(Spend::Peek(0));
        self.inner.acquire(&[peek]).await.map(|peeked| peeked[0])
    }

    async fn is_banned(&self, claim: &Claim) -> Result<bool> {
        let peeked = self.peek(claim).await?;
        Ok(peeked.remaining() == 0 && peeked.window().as_u64() == 1 << 53)
    }

    /// Keeps a ban beside the state of a limit, which is there again when it is over.
    async fn ban_apart(&self, claims: &[Claim]) -> Result<Decisions> {
        let [claim] = claims else {
            return self.inner.acquire(claims).await;
        };
        let key = moved(claim.key(), "ban");
        let ban = Claim::new(key, *claim.quota()).spend(claim.spending());
        let banned = matches!(ban.spending(), Spend::Ban(_)) || self.is_banned(&ban).await?;
        let asked = if banned { &ban } else { claim };
        self.inner.acquire(std::slice::from_ref(asked)).await
    }

    /// Admits one unit more than is left: a `<=` where there should be a `<`.
    async fn admitted_too_much(
        &self,
        claim: &Claim,
        decisions: &Decisions,
    ) -> Result<Option<Decisions>> {
        let Spend::Take(cost) = claim.spending() else {
            return Ok(None);
        };
        let faulty = self.fault == Fault::AdmitsOneMore(claim.quota().algorithm());
        if !faulty || decisions.allowed() || cost != decisions[0].remaining() + 1 {
            return Ok(None);
        }
        let charge = claim.clone().spend(Spend::Charge(cost));
        self.inner.acquire(&[charge]).await.map(Some)
    }

    fn told_decision(&self, claim: &Claim, decision: Decision, refused: bool) -> Decision {
        let (verdict, mut remaining) = (decision.verdict(), decision.remaining());
        let mut reset = decision.reset_after().as_micros() as u64;
        let verdict = match (self.fault, verdict) {
            (Fault::TellsHalfTheWait, Verdict::Refused { retry_micros }) => Verdict::Refused {
                retry_micros: retry_micros / 2,
            },
            (Fault::TellsAWaitForNever, Verdict::Never) => Verdict::Refused {
                retry_micros: 1_000_000,
            },
            (Fault::BlamesEveryClaim, Verdict::Allowed) if refused => {
                Verdict::Refused { retry_micros: 1 }
            }
            (_, verdict) => verdict,
        };
        match (self.fault, claim.spending()) {
            (Fault::TellsHalfTheReset, _) => reset /= 2,
            (Fault::RefundsWithoutEnd, Spend::Refund { cost, .. }) => {
                remaining = remaining.max(cost) + 1;
            }
            _ => {}
        }
        Decision::new(
            verdict,
            decision.limit(),
            remaining,
            reset,
            decision.window(),
        )
    }

    fn remember_algorithms(&self, claims: &[Claim]) -> Result<()> {
        for claim in claims {
            let now = claim.quota().algorithm();
            let mut notes = self.notes();
            let first = notes.algorithms.entry(claim.key().to_text()).or_insert(now);
            if *first != now {
                return Err(Error::new(
                    ErrorKind::Corrupt,
                    "a state of another algorithm",
                ));
            }
        }
        Ok(())
    }

    /// A trip for each claim, whatever becomes of the others.
    async fn claim_by_claim(&self, claims: &[Claim]) -> Result<Decisions> {
        let mut decisions = Decisions::new();
        for claim in claims {
            let decision = self.inner.acquire(std::slice::from_ref(claim)).await?[0];
            tokio::task::yield_now().await;
            decisions.push(claim, decision);
        }
        Ok(decisions)
    }

    /// Does not look at the claims after one that is refused.
    async fn stop_early(&self, claims: &[Claim]) -> Result<Decisions> {
        let decisions = self.inner.acquire(claims).await?;
        let mut stopped = false;
        Ok(told(claims, &decisions, |claim, decision| {
            let unseen = stopped && !decision.allowed();
            stopped |= !decision.allowed() && matches!(claim.spending(), Spend::Take(_));
            let limit = decision.limit();
            match unseen {
                true => Decision::new(Verdict::Allowed, limit, limit, 0, decision.window()),
                false => decision,
            }
        }))
    }

    /// Decides each claim on what is stored, not on what earlier claims of the call will store.
    async fn overlook_earlier(&self, claims: &[Claim]) -> Result<Decisions> {
        let mut decisions = Decisions::new();
        for claim in claims {
            let Spend::Take(cost) = claim.spending() else {
                return self.inner.acquire(claims).await;
            };
            let peek = claim.clone().spend(Spend::Peek(cost));
            decisions.push(claim, self.inner.acquire(&[peek]).await?[0]);
        }
        Ok(decisions)
    }

    async fn check_then_charge(&self, claims: &[Claim]) -> Result<Decisions> {
        let peek = |claim: &Claim| match claim.spending() {
            Spend::Take(cost) => claim.clone().spend(Spend::Peek(cost)),
            _ => claim.clone(),
        };
        let peeks: Vec<_> = claims.iter().map(peek).collect();
        let decisions = self.inner.acquire(&peeks).await?;
        let decisions = told(claims, &decisions, |_, decision| decision);
        tokio::task::yield_now().await;
        if decisions.allowed() {
            let charge = |claim: &Claim| match claim.spending() {
                Spend::Take(cost) => claim.clone().spend(Spend::Charge(cost)),
                _ => claim.clone(),
            };
            let charges: Vec<_> = claims.iter().map(charge).collect();
            self.inner.acquire(&charges).await?;
        }
        Ok(decisions)
    }
}

/// Tells other decisions to the same claims.
fn told(
    claims: &[Claim],
    decisions: &Decisions,
    mut tell: impl FnMut(&Claim, Decision) -> Decision,
) -> Decisions {
    let mut changed = Decisions::new();
    for (claim, decision) in claims.iter().zip(decisions.iter()) {
        changed.push(claim, tell(claim, *decision));
    }
    changed
}

fn with_quota(claims: &[Claim], quota: impl Fn(Quota) -> Quota) -> Vec<Claim> {
    let changed = |claim: &Claim| {
        Claim::new(claim.key().clone(), quota(*claim.quota())).spend(claim.spending())
    };
    claims.iter().map(changed).collect()
}
