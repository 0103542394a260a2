//! Answers a request that is refused, and finishes the response of one that has passed.

use std::{mem, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header::RETRY_AFTER};
use smallvec::SmallVec;

use super::{
    Headers, Reason, Refusal, Report, Spending, answer::Answer, charged::Charged, config::Config,
    grpc::is_grpc, headers::Told, settlement::Stream, spent::Reserving,
};
use crate::{
    head::{self, Head},
    store::{MAX_CLAIMS, Spend},
};

impl Config {
    /// Prepares a request that passes.
    #[inline]
    pub(super) fn pass<B>(&self, answer: &mut Answer, request: &mut Request<B>) {
        if self.is_nested() {
            self.mark(answer, request.extensions_mut());
        }
        if self.reserves {
            request.extensions_mut().insert(Reserving);
        }
        // A gRPC call has no header fields for it.
        answer.silent =
            self.answers.headers == Headers::None || is_grpc(request.method(), request.headers());
    }

    /// Tells what was decided, and returns what is to be done at the end of the stream.
    #[inline(always)] // where nothing is to be told, nothing is called
    pub(super) fn finish<B>(
        self: &Arc<Self>,
        answer: &mut Answer,
        response: &mut Response<B>,
    ) -> Option<Box<Stream>> {
        if answer.question.is_empty() {
            return None;
        }
        if !answer.silent {
            self.write_headers(answer, response);
        }
        if self.answers.report {
            let report = self.report(answer);
            response.extensions_mut().insert(report);
        }
        let spending = response.extensions().get::<Spending>()?;
        Some(self.stream(answer, spending))
    }

    #[inline(never)]
    fn stream(self: &Arc<Self>, answer: &mut Answer, spending: &Spending) -> Box<Stream> {
        Box::new(Stream {
            config: Arc::clone(self),
            spending: spending.clone(),
            answer: mem::take(answer),
        })
    }
}

impl Config {
    /// Answers in place of the service.
    #[cold]
    pub(super) fn refuse<B>(
        &self,
        answer: &Answer,
        reason: Reason,
        request: &mut Request<B>,
    ) -> Response<Bytes> {
        let limits = answer.question.limits.iter();
        let mut limits = limits.filter_map(|at| self.limits.get(usize::from(*at)));
        if limits.clone().any(|ready| ready.limit.by.is_address()) {
            self.untrusted_proxy(request);
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
        let refusal = refusal.of(request.method());
        let grpc = is_grpc(request.method(), request.headers());
        let mut response = match &self.answers.on_refusal {
            None => refusal.answer(request.headers()),
            Some(hook) => {
                let response = head::lend(request, |parts| hook(parts, &refusal));
                with_retry_after(response, &refusal, grpc)
            }
        };
        if !grpc && self.answers.headers != Headers::None {
            self.write_headers(answer, &mut response);
        }
        if self.answers.report {
            response.extensions_mut().insert(self.report(answer));
        }
        response
    }

    /// Says that a proxy seems to be in front. A hook for the peer wants the whole head.
    fn untrusted_proxy<B>(&self, request: &mut Request<B>) {
        if self.addresses.needs_parts() {
            head::lend(request, |parts| {
                self.addresses.untrusted_proxy(&Head::whole(parts));
            });
        } else {
            self.addresses.untrusted_proxy(&Head::of(request));
        }
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
    #[inline]
    fn told<'a>(&'a self, answer: &'a Answer) -> impl Iterator<Item = Told<'a>> {
        self.decided(answer).map(|(ready, claim, decision)| Told {
            label: &ready.label,
            quota: claim.quota(),
            decision,
            enforced: !matches!(claim.spending(), Spend::Shadow(_)),
        })
    }

    #[inline(never)]
    fn write_headers<B>(&self, answer: &Answer, response: &mut Response<B>) {
        let mut listed: SmallVec<[Told<'_>; 4]> = SmallVec::new();
        for (ready, claim, decision) in self.decided(answer) {
            if ready.limit.is_listed() {
                listed.push(Told {
                    label: &ready.label,
                    quota: claim.quota(),
                    decision,
                    enforced: true,
                });
            }
        }
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
