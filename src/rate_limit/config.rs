//! What the layer does, apart from waiting: `ask` makes the claims of a request, `answer` judges the decisions.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::Response;
use smallvec::SmallVec;

use super::{
    Limit, Missing, OnStoreError, Report,
    by::{Extractor, Head},
    refusal,
};
use crate::store::{
    Claim, Decisions, Error, Identifier, Kind, MAX_CLAIMS, MemoryStore, Result, Scope, SharedStore,
    Store,
};

#[derive(Clone)]
pub(super) struct Config {
    pub(super) store: SharedStore,
    pub(super) report: bool,
    pub(super) on_error: Option<Hook>,
    needs_parts: bool,
    limits: Vec<Ready>,
    // Counts while the store cannot be asked.
    local: Arc<OnceLock<MemoryStore>>,
}

pub(super) type Hook = Arc<dyn Fn(&Error) + Send + Sync>;

/// A limit that is ready for use.
#[derive(Clone)]
struct Ready {
    limit: Limit,
    scope: Scope,
    extractor: Extractor,
}

/// The claims of a request, and the place of the limit that made each.
#[derive(Default)]
pub(super) struct Question {
    pub(super) claims: SmallVec<[Claim; 3]>,
    limits: SmallVec<[u8; MAX_CLAIMS]>,
}

/// What becomes of a request.
pub(super) enum Verdict {
    Pass(Option<Report>),
    Refuse(Response<Bytes>),
}

impl Config {
    pub(super) fn new(store: SharedStore) -> Self {
        Self {
            store,
            report: false,
            on_error: None,
            needs_parts: false,
            limits: Vec::new(),
            local: Arc::default(),
        }
    }

    pub(super) fn add(&mut self, limit: Limit) {
        assert!(
            self.limits.len() < MAX_CLAIMS,
            "a rate limit layer has at most eight limits"
        );
        assert!(
            self.limits
                .iter()
                .all(|ready| ready.limit.name != limit.name),
            "two limits of one name in a rate limit layer: {}",
            limit.name
        );
        let extractor = Extractor::new(limit.by);
        self.needs_parts |= extractor.needs_parts();
        self.limits.push(Ready {
            limit,
            scope: Scope::new(Kind::Limit, limit.name),
            extractor,
        });
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.limits.iter().map(|ready| ready.limit.name).collect()
    }

    /// Returns whether the limits need the whole head of a request.
    #[inline]
    pub(super) const fn needs_parts(&self) -> bool {
        self.needs_parts
    }

    /// Asks what the request needs. `Err` names a limit that refuses for want of an identifier.
    #[inline]
    pub(super) fn ask(&self, head: &Head<'_>, question: &mut Question) -> Result<(), &'static str> {
        for (at, ready) in self.limits.iter().enumerate() {
            let identifier = match (ready.extractor.identifier(head), ready.limit.missing) {
                (Some(identifier), _) => identifier,
                (None, Missing::Shared) => Identifier::missing(),
                (None, Missing::Refuse) => return Err(ready.limit.name),
                (None, Missing::Exempt) => continue,
            };
            question
                .claims
                .push(Claim::new(ready.scope.key(identifier), ready.limit.quota));
            question.limits.push(at as u8);
        }
        Ok(())
    }

    /// Judges the answer of the store.
    #[inline]
    pub(super) fn answer(
        &self,
        question: &Question,
        answer: Result<&Decisions, &Error>,
    ) -> Verdict {
        match answer {
            Ok(decisions) if decisions.allowed() && !self.report => Verdict::Pass(None),
            Ok(decisions) => self.judge(question, decisions),
            Err(error) => self.answer_locally(question, error),
        }
    }

    fn judge(&self, question: &Question, decisions: &Decisions) -> Verdict {
        let report = self.report.then(|| {
            let names = question
                .limits
                .iter()
                .filter_map(|at| self.limits.get(usize::from(*at)));
            Report::new(
                names
                    .map(|ready| ready.limit.name)
                    .zip(decisions.iter().copied()),
            )
        });
        if decisions.allowed() {
            return Verdict::Pass(report);
        }
        let mut response = refusal::too_many_requests(decisions.retry_after());
        if let Some(report) = report {
            response.extensions_mut().insert(report);
        }
        Verdict::Refuse(response)
    }

    #[cold]
    fn answer_locally(&self, question: &Question, error: &Error) -> Verdict {
        self.on_error.iter().for_each(|hook| hook(error));
        let mut local = Question::default();
        for (claim, at) in question.claims.iter().zip(&question.limits) {
            match self
                .limits
                .get(usize::from(*at))
                .map(|ready| ready.limit.on_store_error)
            {
                Some(OnStoreError::Refuse) => return Verdict::Refuse(refusal::unavailable()),
                Some(OnStoreError::CountLocally) => {
                    local.claims.push(claim.clone());
                    local.limits.push(*at);
                }
                Some(OnStoreError::Allow) | None => {}
            }
        }
        let mut decisions = Decisions::new();
        match self
            .local
            .get_or_init(MemoryStore::new)
            .try_acquire(&local.claims, &mut decisions)
        {
            Some(Ok(())) => self.answer(&local, Ok(&decisions)),
            // The memory store answers every claim of a layer.
            Some(Err(_)) | None => Verdict::Pass(None),
        }
    }
}
