//! Answers a request that is refused, and finishes the response of one that has passed.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::RETRY_AFTER};
use smallvec::SmallVec;

use super::{
    Headers, Reason, Refusal, Report, Spending,
    answer::Answer,
    charged::Charged,
    config::Config,
    grpc::is_grpc,
    head::Head,
    headers::Told,
    settlement::{Stream, settle},
};
use crate::{
    body::{ResponseBody, Task},
    store::{MAX_CLAIMS, Spend},
};

/// A request that has passed, and what its response has to tell.
pub(super) struct Passed {
    config: Arc<Config>,
    answer: Answer,
    // A gRPC call has no header fields for it.
    silent: bool,
}

impl Passed {
    #[inline]
    pub(super) fn new<B>(config: &Arc<Config>, answer: Answer, request: &mut Request<B>) -> Self {
        if config.is_nested() {
            config.mark(&answer, request.extensions_mut());
        }
        Self {
            config: Arc::clone(config),
            silent: config.answers.headers == Headers::None
                || answer.question.is_empty()
                || is_grpc(request.headers()),
            answer,
        }
    }

    /// Corrects what the request was charged, if the response says so.
    #[inline]
    pub(super) fn settle<B>(&mut self, response: Response<B>) -> (Response<B>, Option<Task>) {
        if self.answer.question.is_empty() || !self.config.has_corrections(response.extensions()) {
            return (response, None);
        }
        let (parts, body) = response.into_parts();
        let corrections = self.config.corrections(&mut self.answer, &parts);
        let settling = settle(&self.config, corrections, self.answer.counted);
        (Response::from_parts(parts, body), settling)
    }

    /// Tells what was decided.
    #[inline]
    pub(super) fn finish<B>(self, mut response: Response<B>) -> Response<ResponseBody<B>> {
        if !self.silent {
            self.config.write_headers(&self.answer, &mut response);
        }
        if self.config.answers.report && !self.answer.question.is_empty() {
            let report = self.config.report(&self.answer);
            response.extensions_mut().insert(report);
        }
        let spending = response.extensions().get::<Spending>();
        match spending.filter(|_| !self.answer.question.is_empty()) {
            None => response.map(ResponseBody::inner),
            Some(spending) => {
                let stream = Stream {
                    config: self.config,
                    spending: spending.clone(),
                    answer: self.answer,
                };
                response.map(|body| ResponseBody::watched(body, Box::new(stream)))
            }
        }
    }
}

impl Config {
    /// Answers in place of the service.
    #[cold]
    pub(super) fn refuse<B>(
        &self,
        answer: &Answer,
        reason: Reason,
        request: Request<B>,
    ) -> Response<Bytes> {
        let (parts, _) = request.into_parts();
        let limits = answer.question.limits.iter();
        let mut limits = limits.filter_map(|at| self.limits.get(usize::from(*at)));
        if limits.clone().any(|ready| ready.limit.by.is_address()) {
            self.addresses.untrusted_proxy(&Head::whole(&parts));
        }
        let told: SmallVec<[Told<'_>; MAX_CLAIMS]> = self.told(answer).collect();
        let jitter = self.answers.jitter;
        let refusal = match (reason, limits.next()) {
            (Reason::MissingIdentifier, Some(ready)) => Refusal::missing_identifier(&ready.label),
            (Reason::StoreUnavailable, Some(ready)) => {
                Refusal::store_unavailable(&ready.label, jitter)
            }
            _ => Refusal::quota_exceeded(&told, jitter),
        };
        let grpc = is_grpc(&parts.headers);
        let mut response = match &self.answers.on_refusal {
            None => refusal.answer(&parts.headers),
            Some(hook) => with_retry_after(hook(&parts, &refusal), &refusal, grpc),
        };
        if !grpc && self.answers.headers != Headers::None {
            self.write_headers(answer, &mut response);
        }
        if self.answers.report {
            response.extensions_mut().insert(self.report(answer));
        }
        response
    }

    /// Marks what was charged, for layers further in.
    fn mark(&self, answer: &Answer, extensions: &mut http::Extensions) {
        if answer.question.claims.is_empty() {
            return;
        }
        let claims = answer.question.claims.iter();
        Charged::add(extensions, self.store_address(), claims);
    }

    fn report(&self, answer: &Answer) -> Report {
        let decided = self.decided(answer);
        Report::new(decided.map(|(ready, _, decision)| (ready.limit.name, *decision)))
    }

    /// Returns what clients may know.
    fn told<'a>(&'a self, answer: &'a Answer) -> impl Iterator<Item = Told<'a>> {
        self.decided(answer).map(|(ready, claim, decision)| Told {
            label: &ready.label,
            quota: claim.quota(),
            decision,
            enforced: !matches!(claim.spending(), Spend::Shadow(_)),
        })
    }

    fn write_headers<B>(&self, answer: &Answer, response: &mut Response<B>) {
        let told = self.decided(answer);
        let listed = told.filter(|(ready, ..)| ready.limit.is_listed());
        let listed: SmallVec<[Told<'_>; 4]> = listed
            .map(|(ready, claim, decision)| Told {
                label: &ready.label,
                quota: claim.quota(),
                decision,
                enforced: true,
            })
            .collect();
        let policies = self
            .answers
            .policies
            .as_ref()
            .filter(|_| listed.len() == self.listed);
        self.answers.headers.write(&listed, policies, response);
    }
}

/// A hook that forgets to say when to come again is helped.
fn with_retry_after(
    mut response: Response<Bytes>,
    refusal: &Refusal<'_>,
    grpc: bool,
) -> Response<Bytes> {
    if let Some(seconds) = refusal.retry_after_seconds().filter(|_| !grpc) {
        response
            .headers_mut()
            .entry(RETRY_AFTER)
            .or_insert_with(|| HeaderValue::from(seconds));
    }
    response
}
