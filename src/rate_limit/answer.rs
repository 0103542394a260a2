//! Judges what the store has answered, or what to do without an answer.

use super::{
    Event, OnStoreError, Reason,
    config::Config,
    front::Counted,
    question::{Question, Refused},
    ready::Ready,
};
use crate::{
    store::{Claim, Decision, Decisions, Error, ErrorKind, Spend},
    time::Timestamp,
};

/// What was asked, and what was decided.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) question: Question,
    pub(super) decisions: Decisions,
    pub(super) counted: Counted,
    // The response tells nothing of it in header fields.
    pub(super) silent: bool,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Pass,
    Refuse(Reason),
}

impl Answer {
    fn refuse(&mut self, refused: Refused) -> Outcome {
        *self = Self::default();
        match refused {
            Refused::Missing(at) => {
                self.question.limits.push(at);
                Outcome::Refuse(Reason::MissingIdentifier)
            }
            Refused::Closed(at, claim) => {
                self.question.limits.push(at);
                let step = claim.quota().step(None, Timestamp::MAX, claim.spending());
                self.decisions.push(&claim, step.decision);
                self.question.claims.push(*claim);
                Outcome::Refuse(Reason::QuotaExceeded)
            }
        }
    }
}

impl Config {
    /// Refuses by one limit, which asks nothing.
    #[cold]
    pub(super) fn judge_refused(&self, answer: &mut Answer, refused: Refused) -> Outcome {
        let outcome = answer.refuse(refused);
        self.tell_all(answer);
        outcome
    }

    /// Judges the decisions of the store.
    #[inline]
    pub(super) fn judge(&self, answer: &Answer) -> Outcome {
        if self.on_event.is_some() {
            self.tell_all(answer);
        }
        if answer.decisions.allowed() {
            Outcome::Pass
        } else {
            Outcome::Refuse(Reason::QuotaExceeded)
        }
    }

    /// Decides what the store could not, as each limit says.
    ///
    /// A store that is there, and cannot decide just these claims, is no outage that a limit could allow for: else whoever
    /// finds an identifier that the store cannot take would not be limited.
    #[cold]
    pub(super) fn judge_failure(&self, answer: &mut Answer, error: &Error) -> Outcome {
        self.tell(&Event::StoreError { error });
        let notices = &self.addresses.notices;
        notices.store(error, self.on_event.is_some());
        let policy = |at: &u8| {
            let ready = self.limits.get(usize::from(*at));
            match ready.map_or(OnStoreError::Allow, |ready| ready.limit.on_store_error) {
                OnStoreError::Allow if !is_outage(error) => OnStoreError::CountLocally,
                policy => policy,
            }
        };
        let enforced = |at: &u8| {
            let ready = self.limits.get(usize::from(*at));
            ready.is_some_and(|ready| !ready.limit.shadow)
        };
        let policies: Vec<OnStoreError> = answer.question.limits.iter().map(policy).collect();
        let closed = answer
            .question
            .limits
            .iter()
            .position(|at| policy(at) == OnStoreError::Refuse && enforced(at));
        answer.decisions.clear();
        if let Some(closed) = closed {
            answer.question.retain(|at| at == closed);
            self.tell_first(answer, |limit| Event::Unavailable { limit });
            return Outcome::Refuse(Reason::StoreUnavailable);
        }
        answer
            .question
            .retain(|at| policies.get(at) == Some(&OnStoreError::CountLocally));
        answer.counted = Counted::Local;
        self.family
            .local
            .decide(&answer.question.claims, error, &mut answer.decisions);
        self.judge(answer)
    }

    /// Returns each limit that was asked, its claim and its decision.
    #[inline]
    pub(super) fn decided<'a>(
        &'a self,
        answer: &'a Answer,
    ) -> impl Iterator<Item = (&'a Ready, &'a Claim, &'a Decision)> + Clone {
        let asked = answer.question.limits.iter().zip(&answer.question.claims);
        asked
            .zip(answer.decisions.iter())
            .filter_map(|((at, claim), decision)| {
                let ready = self.limits.get(usize::from(*at))?;
                Some((ready, claim, decision))
            })
    }

    fn tell_first(&self, answer: &Answer, event: impl Fn(&str) -> Event<'_>) {
        let first = answer.question.limits.first();
        if let Some(ready) = first.and_then(|at| self.limits.get(usize::from(*at))) {
            self.tell(&event(ready.limit.name));
        }
    }

    fn tell_all(&self, answer: &Answer) {
        let allowed = answer.decisions.allowed();
        for (ready, claim, decision) in self.decided(answer) {
            let limit = ready.limit.name;
            match (claim.spending(), decision.allowed()) {
                (Spend::Shadow(_), false) => self.tell(&Event::WouldRefuse { limit, decision }),
                (_, false) => self.tell(&Event::Refused { limit, decision }),
                (_, true) if allowed => {
                    self.tell(&Event::Allowed { limit, decision });
                    if u64::from(decision.remaining()) * 5 <= u64::from(decision.limit()) {
                        self.tell(&Event::NearLimit { limit, decision });
                    }
                }
                (_, true) => {}
            }
        }
    }
}

/// Returns whether a store has failed whatever it was asked.
pub(super) const fn is_outage(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::TooLarge | ErrorKind::Corrupt | ErrorKind::Unsupported | ErrorKind::Invalid
    )
}
