//! Asks the leases, the deny cache and the store, in this order.

use std::{pin::pin, sync::Arc};

use http::Request;
use smallvec::SmallVec;

use super::{
    Lease,
    answer::{Answer, Outcome, is_outage},
    charged::Charged,
    config::Config,
    front::Owed,
    question::{Pending, Question},
};
use crate::{
    head::{self, Head},
    store::{Decisions, Error, ErrorKind, MAX_CLAIMS, Result, Store},
};

impl Config {
    /// Asks, and decides what can be decided at once. `None`: the store takes time, or the `pending` identifiers do;
    /// nothing was done.
    #[inline]
    pub(super) fn begin<B>(
        &self,
        request: &mut Request<B>,
        answer: &mut Answer,
        pending: &mut Option<Vec<Pending>>,
    ) -> Option<Outcome> {
        let outcome = if self.needs_parts() {
            head::lend(request, |parts| {
                self.try_decide(&Head::whole(parts), answer, pending)
            })
        } else {
            self.try_decide(&Head::of(request), answer, pending)
        };
        if outcome == Some(Outcome::Pass) {
            self.pass(answer, request);
        }
        outcome
    }

    fn try_decide(
        &self,
        head: &Head<'_>,
        answer: &mut Answer,
        pending: &mut Option<Vec<Pending>>,
    ) -> Option<Outcome> {
        if let Err(refused) = self.ask(head, &mut answer.question, pending) {
            return Some(self.judge_refused(answer, refused));
        }
        if pending.is_some() {
            return None;
        }
        if answer.question.is_empty() {
            return Some(Outcome::Pass);
        }
        self.decide_at_once(answer)
    }

    /// Decides without waiting. `None`: that takes time, and nothing was done.
    #[inline]
    pub(super) fn decide_at_once(&self, answer: &mut Answer) -> Option<Outcome> {
        let Answer {
            question,
            decisions,
            ..
        } = answer;
        if self.leased {
            let leases = self.leases(question);
            if self
                .family
                .leases
                .try_take(&question.claims, &leases, decisions)
            {
                return Some(self.judge(answer));
            }
        }
        match self.store.try_acquire(&question.claims, decisions) {
            Some(Ok(())) => {
                if self.family.local.may_owe() {
                    self.hand_back_at_once(question);
                }
                Some(self.judge(answer))
            }
            Some(Err(error)) => Some(self.judge_failure(answer, &error)),
            None => self.deny(answer),
        }
    }

    /// Decides what takes time.
    ///
    /// # Cancellation
    /// The store has decided, or was not asked.
    pub(super) async fn decide(
        self: Arc<Self>,
        mut answer: Answer,
        pending: Vec<Pending>,
        charged: Option<Charged>,
    ) -> (Answer, Outcome) {
        if !pending.is_empty() {
            let asked = self.ask_later(&mut answer.question, pending, charged);
            if let Err(refused) = asked.await {
                let outcome = self.judge_refused(&mut answer, refused);
                return (answer, outcome);
            }
            if answer.question.is_empty() {
                return (answer, Outcome::Pass);
            }
            if let Some(outcome) = self.decide_at_once(&mut answer) {
                return (answer, outcome);
            }
        }
        let outcome = match self.acquire(&answer.question).await {
            Ok(decisions) => {
                answer.decisions = decisions;
                self.judge(&answer)
            }
            Err(error) => self.judge_failure(&mut answer, &error),
        };
        (answer, outcome)
    }

    async fn acquire(&self, question: &Question) -> Result<Decisions> {
        // While the store is away, nobody waits for it twice.
        let was_away = self.family.is_away();
        let handed_back = if was_away {
            Ok(())
        } else {
            self.hand_back(question).await
        };
        let answer = match handed_back {
            Ok(()) => self.ask_store(question).await,
            Err(error) => Err(error),
        };
        // An error that only these claims cause says nothing of the store.
        self.family.set_away(answer.as_ref().is_err_and(is_outage));
        if was_away && answer.is_ok() {
            // The request is decided; a debt that stays is told of with the next one.
            let _ = self.hand_back(question).await;
        }
        answer
    }

    async fn ask_store(&self, question: &Question) -> Result<Decisions> {
        // Before the call leaves: what is remembered of it never outlives the truth.
        let asked_at = self.family.clock.now();
        let claims = &question.claims;
        let decisions = if self.leased {
            let leases = self.leases(question);
            let leased = self.family.leases.acquire(&self.store, claims, &leases);
            self.limited(leased).await?
        } else {
            self.store.acquire_later(claims).await?
        };
        if !decisions.allowed() {
            let now = self.family.clock.now();
            self.family.denials.note(claims, &decisions, asked_at, now);
        }
        Ok(decisions)
    }

    /// Waits for the calls of others no longer than for one of its own, and for both together.
    async fn limited(&self, leased: impl Future<Output = Result<Decisions>>) -> Result<Decisions> {
        let Some((limit, timer)) = &self.time_limit else {
            return leased.await;
        };
        let answer = timer.within(*limit, pin!(leased)).await;
        answer.unwrap_or_else(|| {
            Err(Error::new(
                ErrorKind::Timeout,
                "no lease within the time limit, the outcome is unknown",
            ))
        })
    }

    /// Charges the store for what was admitted while it could not be asked.
    async fn hand_back(&self, question: &Question) -> Result<()> {
        let owed = self.family.local.owed(&question.claims);
        if owed.charges().is_empty() {
            return Ok(());
        }
        let answer = self.store.acquire(owed.charges()).await;
        self.handed_back(owed, answer.map(|_| ()))
    }

    /// Charges a store that answers at once. The request is decided; a debt that stays is told of with the next one.
    #[cold]
    fn hand_back_at_once(&self, question: &Question) {
        let owed = self.family.local.owed(&question.claims);
        if owed.charges().is_empty() {
            return;
        }
        let mut decisions = Decisions::new();
        match self.store.try_acquire(owed.charges(), &mut decisions) {
            Some(answer) => {
                let _ = self.handed_back(owed, answer);
            }
            None => self.family.local.keep(owed),
        }
    }

    fn handed_back(&self, owed: Owed, answer: Result<()>) -> Result<()> {
        match &answer {
            Ok(()) => {
                for charge in owed.charges() {
                    self.family.denials.forget(charge.key());
                }
            }
            Err(error) => self.family.local.owe_again(owed, error),
        }
        answer
    }

    /// Refuses by what the store has said within the last second.
    fn deny(&self, answer: &mut Answer) -> Option<Outcome> {
        if self.family.denials.is_empty() {
            return None; // no clock is read for nothing
        }
        let now = self.family.clock.now();
        let claims = answer.question.claims.iter();
        let denied: SmallVec<[_; MAX_CLAIMS]> = claims
            .map(|claim| self.family.denials.find(claim, now))
            .collect();
        if denied.iter().all(Option::is_none) {
            return None;
        }
        answer
            .question
            .retain(|at| denied.get(at).is_some_and(Option::is_some));
        for (claim, decision) in answer.question.claims.iter().zip(denied.iter().flatten()) {
            answer.decisions.push(claim, *decision);
        }
        Some(self.judge(answer))
    }

    fn leases(&self, question: &Question) -> SmallVec<[Option<Lease>; MAX_CLAIMS]> {
        let limits = question.limits.iter();
        limits
            .map(|at| self.limits.get(usize::from(*at))?.limit.lease)
            .collect()
    }
}
