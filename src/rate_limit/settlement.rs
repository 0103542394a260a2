//! What is charged or given back once the truth about a request is known.

use std::sync::Arc;

use http::{Extensions, response::Parts};
use smallvec::SmallVec;

use super::{Event, Spending, Spent, answer::Answer, config::Config, front::Counted, limit::Cost};
use crate::{
    body::AtEnd,
    executor::Finish,
    store::{Claim, Decision, Decisions, MAX_CLAIMS, Result, Spend, Store},
};

/// Claims that correct what a request was charged.
type Corrections = SmallVec<[Claim; 2]>;

impl Config {
    /// Corrects what the request was charged, if its response says so. `None`: it is done.
    pub(super) fn settle(
        self: &Arc<Self>,
        answer: &mut Answer,
        response: &Parts,
    ) -> Option<Settling> {
        let corrections = self.corrections(answer, response);
        let counted = answer.counted;
        settle(self, corrections, counted, |corrected| {
            answer.correct(corrected);
        })
    }

    /// Returns what has to be corrected now that the response is there. From then on the answer says what is left of
    /// each charge, for what the end of a stream has to say.
    fn corrections(&self, answer: &mut Answer, response: &Parts) -> Corrections {
        let spent = response.extensions.get::<Spent>();
        let costs = self.decided(answer).map(|(ready, ..)| {
            let counts = ready.limit.counts.as_ref();
            if counts.is_some_and(|counts| !counts.call(response)) {
                return Some(0);
            }
            let reserved = matches!(ready.limit.cost, Cost::Reserved(_));
            spent?.spent(ready.limit.unit, reserved)
        });
        let costs: SmallVec<[_; MAX_CLAIMS]> = costs.collect();
        let claims = answer.question.claims.iter_mut();
        let taken = claims.zip(answer.decisions.iter()).zip(costs);
        let corrections = taken.filter_map(|((claim, decision), cost)| {
            let cost = cost?;
            let correction = correct(claim, decision, cost)?;
            *claim = claim.clone().spend(match claim.spending() {
                Spend::Shadow(_) => Spend::Shadow(cost),
                _ => Spend::Take(cost),
            });
            Some(correction)
        });
        corrections.collect()
    }

    /// Returns whether a response may have something to correct.
    #[inline]
    pub(super) fn has_corrections(&self, answer: &Answer, extensions: &Extensions) -> bool {
        !answer.question.is_empty() && (self.counts || extensions.get::<Spent>().is_some())
    }

    /// Returns what has to be corrected now that the stream has ended.
    fn last_corrections(&self, answer: &Answer, spent: &Spent) -> Corrections {
        let claims = self.decided(answer).filter_map(|(ready, claim, decision)| {
            let is_given_back = matches!(claim.spending(), Spend::Take(0) | Spend::Shadow(0));
            if ready.limit.counts.is_some() && is_given_back {
                return None; // the response does not count, whatever it costs
            }
            let reserved = matches!(ready.limit.cost, Cost::Reserved(_));
            correct(claim, decision, spent.spent(ready.limit.unit, reserved)?)
        });
        claims.collect()
    }
}

/// Corrects what a claim has taken to what it should have taken.
fn correct(claim: &Claim, decision: &Decision, cost: u32) -> Option<Claim> {
    let taken = match claim.spending() {
        Spend::Take(taken) => taken,
        Spend::Shadow(taken) if decision.allowed() => taken,
        _ => return None,
    };
    let spend = if cost > taken {
        Spend::Charge(cost - taken)
    } else if cost < taken {
        Spend::Refund {
            cost: taken - cost,
            window: decision.window(),
        }
    } else {
        return None;
    };
    Some(claim.clone().spend(spend))
}

/// What the store has made of corrections.
pub(super) struct Corrected {
    claims: Corrections,
    decisions: Decisions,
}

/// Corrections that take time.
pub(super) type Settling = Finish<Corrected>;

impl Answer {
    /// Tells what is left after corrections.
    pub(super) fn correct(&mut self, corrected: &Corrected) {
        for (claim, decision) in corrected.claims.iter().zip(corrected.decisions.iter()) {
            let mut claims = self.question.claims.iter();
            if let Some(at) = claims.position(|asked| asked.key() == claim.key()) {
                self.decisions.correct(at, decision);
            }
        }
    }
}

/// Corrects charges where they were made. `None`: it is done, and `done` was told what came of it.
fn settle(
    config: &Arc<Config>,
    mut claims: Corrections,
    counted: Counted,
    done: impl FnOnce(&Corrected),
) -> Option<Settling> {
    if counted == Counted::Local {
        // What was counted here is given back here; a charge goes to the store, whatever came before.
        claims.retain(|claim| {
            config.family.local.refund(claim);
            matches!(claim.spending(), Spend::Charge(_))
        });
    }
    if claims.is_empty() {
        return None;
    }
    let mut decisions = Decisions::new();
    if let Some(answer) = config.store.try_acquire(&claims, &mut decisions) {
        let answer = answer.map(|()| decisions);
        done(&settled(config, claims, answer));
        return None;
    }
    let running = config.family.background.begin();
    let config = Arc::clone(config);
    // Whoever asked may go: what was served is charged.
    let executor = config.executor.clone();
    let work = Box::pin(async move {
        let answer = config.store.acquire_later(&claims).await;
        let corrected = settled(&config, claims, answer);
        drop(running);
        corrected
    });
    Some(Finish::new(work, executor))
}

fn settled(config: &Config, claims: Corrections, answer: Result<Decisions>) -> Corrected {
    for claim in &claims {
        config.family.denials.forget(claim.key());
    }
    let decisions = answer.unwrap_or_else(|error| {
        config.tell(&Event::StoreError { error: &error });
        let charges = claims.iter();
        let charges = charges.filter(|claim| matches!(claim.spending(), Spend::Charge(_)));
        let charges: Corrections = charges.cloned().collect();
        let mut decisions = Decisions::new();
        config.family.local.decide(&charges, &error, &mut decisions);
        Decisions::new() // what they say is not what the store says
    });
    Corrected { claims, decisions }
}

/// What is settled when a streamed body ends.
pub(super) struct Stream {
    pub(super) config: Arc<Config>,
    pub(super) answer: Answer,
    pub(super) spending: Spending,
}

impl AtEnd for Stream {
    fn at_end(self: Box<Self>) -> Option<Finish<()>> {
        let spent = self.spending.spent()?;
        let claims = self.config.last_corrections(&self.answer, &spent);
        let settling = settle(&self.config, claims, self.answer.counted, |_| ());
        settling.map(|settling| settling.map(drop))
    }
}
