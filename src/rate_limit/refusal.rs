//! The [`Refusal`] of a request, and the answers to it.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use smallvec::SmallVec;

use super::{
    arena, grpc,
    headers::{Told, whole_seconds},
    label::Label,
    problem::Problem,
};
use crate::{
    jitter,
    store::{Decision, MAX_CLAIMS},
};

/// Why a request does not pass, and how to say so.
///
/// [`Display`](fmt::Display) is a sentence for humans, in printable ASCII. It names limits, never whose they are.
#[derive(Clone, Debug)]
pub struct Refusal<'a> {
    cause: Cause<'a>,
    retry_after: Option<Duration>,
    method: Method,
}

/// Why a request does not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is beyond at least one limit.
    QuotaExceeded,
    /// Nothing in it tells whose limit it counts for, and the limit insists.
    MissingIdentifier,
    /// The store cannot be asked, and a limit refuses meanwhile.
    StoreUnavailable,
}

#[derive(Clone, Debug)]
enum Cause<'a> {
    Quota(&'a [Told<'a>]),
    Missing(&'a Label),
    Store(&'a Label),
}

impl<'a> Refusal<'a> {
    /// Refuses for the limits that do not allow, with a wait that is up to `jitter` longer than theirs.
    pub(super) fn quota_exceeded(told: &'a [Told<'a>], jitter: Duration) -> Self {
        let retry_after = told
            .iter()
            .filter(|told| told.refuses())
            .try_fold(Duration::ZERO, |longest, told| {
                told.decision.retry_after().map(|wait| longest.max(wait))
            })
            .map(|wait| wait.saturating_add(jitter::up_to(jitter)));
        Self {
            cause: Cause::Quota(told),
            retry_after,
            method: Method::POST,
        }
    }

    /// Refuses for a limit that finds no identifier.
    pub(super) const fn missing_identifier(label: &'a Label) -> Self {
        Self {
            cause: Cause::Missing(label),
            retry_after: None,
            method: Method::POST,
        }
    }

    /// Refuses for a limit that cannot be checked: for a second, since nobody knows better, and up to `jitter`.
    pub(super) fn store_unavailable(label: &'a Label, jitter: Duration) -> Self {
        Self {
            cause: Cause::Store(label),
            retry_after: Some(Duration::from_secs(1).saturating_add(jitter::up_to(jitter))),
            method: Method::POST,
        }
    }

    /// Sets what the request was. Before, it is taken for a `POST`, which may be a call.
    pub(super) fn of(mut self, method: &Method) -> Self {
        self.method = method.clone();
        self
    }

    /// Returns why.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self.cause {
            Cause::Quota(_) => Reason::QuotaExceeded,
            Cause::Missing(_) => Reason::MissingIdentifier,
            Cause::Store(_) => Reason::StoreUnavailable,
        }
    }

    /// Returns the status of the answer: 429 for [`QuotaExceeded`](Reason::QuotaExceeded), 400 for
    /// [`MissingIdentifier`](Reason::MissingIdentifier), 503 for [`StoreUnavailable`](Reason::StoreUnavailable).
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.problem().status()
    }

    /// Returns the names of the limits that refuse, at least one.
    pub fn limits(&self) -> impl Iterator<Item = &'a str> {
        self.violations().map(|(label, _)| label.name())
    }

    /// Returns the name and the decision of each limit that was asked, also of those that would have allowed. None where
    /// the store was not, or did not answer.
    pub fn decisions(&self) -> impl Iterator<Item = (&'a str, &'a Decision)> {
        self.told()
            .iter()
            .map(|told| (told.label.name(), told.decision))
    }

    /// Returns when the same request is allowed if nobody else takes what there is: the longest wait of the limits that
    /// refuse, and the jitter of the layer. `None` when waiting is of no use.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns [`retry_after`](Self::retry_after) as the `Retry-After` of an answer: whole seconds, rounded up, at least
    /// one ([RFC 9110 section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3)).
    #[must_use]
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| whole_seconds(wait).max(1))
    }

    /// Answers as the layer does where no hook is set: a [gRPC call](Self::grpc) in its own way, everything else with
    /// [`problem_json`](Self::problem_json). Takes the header fields of the request.
    #[must_use]
    pub fn answer(&self, request: &HeaderMap) -> Response<Bytes> {
        if grpc::is_grpc(&self.method, request) {
            self.grpc(request)
        } else {
            self.problem_json()
        }
    }

    /// Answers with a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) and `Retry-After`.
    ///
    /// The types are those of the `RateLimit` draft: `quota-exceeded`, for a store that fails
    /// `temporary-reduced-capacity`, and `about:blank` for a missing identifier. `violated-policies` has the names of
    /// the limits that refuse, as they are in `RateLimit`.
    #[must_use]
    pub fn problem_json(&self) -> Response<Bytes> {
        const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

        let mut response = Response::new(self.document());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, PROBLEM);
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(RETRY_AFTER, arena::number(seconds));
        }
        response
    }

    /// Answers a gRPC or gRPC-Web call with the content type of the request: status 200, no body, and in the headers
    /// `grpc-status` 8 (`RESOURCE_EXHAUSTED`), 3 (`INVALID_ARGUMENT`) for a missing identifier or 14 (`UNAVAILABLE`)
    /// for a store that fails, `grpc-message`, `grpc-retry-pushback-ms` (-1 when waiting is of no use), and
    /// `grpc-status-details-bin` with `RetryInfo` and `QuotaFailure`.
    ///
    /// For gRPC-Web in browsers, CORS has to expose these header fields.
    #[must_use]
    pub fn grpc(&self, request: &HeaderMap) -> Response<Bytes> {
        grpc::answer(self, request)
    }

    /// Returns the limits that refuse, and what is wrong with each.
    pub(super) fn violations(&self) -> impl Iterator<Item = (&'a Label, Problem)> {
        let alone = match self.cause {
            Cause::Quota(_) => None,
            Cause::Missing(label) | Cause::Store(label) => Some((label, self.problem())),
        };
        let refusing = self
            .told()
            .iter()
            .filter(|told| told.refuses())
            .map(|told| {
                let waits = told.decision.retry_after().is_some();
                let problem = if waits {
                    Problem::UsedUp
                } else {
                    Problem::Never
                };
                (told.label, problem)
            });
        alone.into_iter().chain(refusing)
    }

    const fn told(&self) -> &'a [Told<'a>] {
        match self.cause {
            Cause::Quota(told) => told,
            Cause::Missing(_) | Cause::Store(_) => &[],
        }
    }

    const fn problem(&self) -> Problem {
        match (&self.cause, self.retry_after) {
            (Cause::Quota(_), Some(_)) => Problem::UsedUp,
            (Cause::Quota(_), None) => Problem::Never,
            (Cause::Missing(_), _) => Problem::MissingIdentifier,
            (Cause::Store(_), _) => Problem::StoreUnavailable,
        }
    }

    fn document(&self) -> Bytes {
        let mut violations = self.violations();
        match (violations.next(), violations.next()) {
            (Some((label, problem)), None) => label.document(problem).clone(),
            _ => self.problem().document(&self.names()),
        }
    }

    fn names(&self) -> SmallVec<[&'a str; MAX_CLAIMS]> {
        self.violations().map(|(label, _)| label.quoted()).collect()
    }
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem().detail(&self.names()))
    }
}

#[cfg(test)]
mod tests;
