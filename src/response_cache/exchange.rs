//! A request that was not answered at once: looks further, waits for others, or asks the service.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;

use super::{
    BoxError, Event, ResponseBody,
    answer::How,
    config::Config,
    digest::Digest,
    fill::Fill,
    key::url_digest,
    landed::Landed,
    lookup::{Lookup, Verdict},
    question::Question,
    reading::Begun,
    refresh,
    semantics::{cache_status::FwdReason, vary},
    target,
};
use crate::{
    counts::Counts,
    flights::{Join, Leader, Waited},
};

pub(super) struct Exchange<S, ReqBody> {
    pub(super) config: Arc<Config>,
    /// Ready.
    pub(super) service: S,
    pub(super) request: Request<ReqBody>,
    pub(super) question: Question,
}

pub(super) type Leading = Leader<Digest, Landed>;

/// With whom a request misses.
enum Company {
    Leader(Leading),
    Follower(Landed),
    /// Whoever has waited in vain says whether that flight is worth a wait.
    Nobody(Option<Digest>),
}

impl<S, ReqBody, ResBody> Exchange<S, ReqBody>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Send + 'static,
    S::Future: Send + 'static,
    ReqBody: Body + Send + 'static,
    ResBody: Body<Data = Bytes> + Send + 'static,
    ResBody::Error: Into<BoxError>,
{
    pub(super) async fn run(
        self,
        begun: Begun<ResBody>,
    ) -> Result<Response<ResponseBody<ResBody>>, S::Error> {
        let Self {
            config,
            service,
            request,
            question,
        } = self;
        let before = config.before(&question, &request);
        let looked = match begun {
            Begun::Answered(response) => return Ok(response),
            Begun::Looked(lookup) => Ok(lookup),
            Begun::Failed(error) => Err(error),
            Begun::Ahead => {
                let looking = Box::pin(config.look_up(&question, request.headers()));
                looking.await.map(Box::new)
            }
        };
        let lookup = match looked {
            Ok(lookup) => lookup,
            Err(error) => {
                config.tell(&Event::StoreError { error: &error });
                if question.is_only_if_cached() {
                    return Ok(config.gateway_timeout());
                }
                return Box::pin(Self::pass_by(&config, service, request)).await;
            }
        };
        if let Some(answer) = config.settle(&question, request.headers(), &lookup) {
            return Ok(answer);
        }
        let exchange = Self {
            config,
            service,
            request,
            question,
        };
        if lookup.verdict(&exchange.config, &exchange.question) == Verdict::WhileRevalidating {
            // Boxed, like all that is rare: else every request that misses is moved with room for it.
            return Box::pin(refresh::run(exchange, lookup, before)).await;
        }
        exchange.miss(lookup, before).await
    }

    /// Waits for others who miss, or asks the service.
    pub(super) async fn miss(
        self,
        mut lookup: Box<Lookup>,
        before: Before,
    ) -> Result<Response<ResponseBody<ResBody>>, S::Error> {
        let (config, question) = (Arc::clone(&self.config), self.question.clone());
        let headers = self.request.headers();
        if !config.collapses(&question, &lookup) {
            return self.into_fill(lookup, None, before).run().await;
        }
        let company = config.company(&question, headers, &lookup, before).await;
        let mut in_vain = None;
        let leader = match company {
            Company::Nobody(flight) => {
                // The one that was waited for may have failed.
                if let Some(answer) = config.settle(&question, headers, &lookup) {
                    return Ok(answer);
                }
                in_vain = flight;
                None
            }
            Company::Follower(landed) => {
                if let Some(answer) = config.follow(&question, headers, &landed) {
                    return Ok(answer);
                }
                None
            }
            Company::Leader(leading) => {
                // Somebody has filled since we looked.
                let landings = config
                    .family
                    .landings
                    .count(question.key.digest().as_bytes());
                if landings != lookup.landings {
                    let again = Box::pin(config.look_up(&question, headers));
                    if let Ok(again) = again.await {
                        *lookup = again;
                    }
                    if let Some(answer) = config.settle(&question, headers, &lookup) {
                        config.hand_on(&leading, &lookup);
                        return Ok(answer);
                    }
                }
                Some(leading)
            }
        };
        let mut fill = self.into_fill(lookup, leader, before);
        fill.in_vain = in_vain;
        fill.run().await
    }

    /// Asks the service, for those who wait as well.
    pub(super) fn into_fill(
        self,
        lookup: Box<Lookup>,
        leader: Option<Leading>,
        before: Before,
    ) -> Fill<S, ReqBody> {
        Fill {
            config: self.config,
            service: self.service,
            request: self.request,
            question: self.question,
            lookup,
            leader,
            in_vain: None,
            before,
        }
    }

    /// The store could not be asked: the request passes by, as if there were no cache.
    async fn pass_by(
        config: &Config,
        mut service: S,
        request: Request<ReqBody>,
    ) -> Result<Response<ResponseBody<ResBody>>, S::Error> {
        let calling = service.call(request);
        drop(service);
        let how = How::forwarded(FwdReason::Bypass).detail("store");
        calling.await.map(|response| config.pass(response, how))
    }
}

/// What may have changed by the time that a request leads, or its answer is stored.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) url: Digest,
    pub(super) dooms: u64,
}

impl Before {
    /// Returns whether the URL was purged since, in this process.
    pub(super) fn is_outdated(&self, config: &Config) -> bool {
        Counts::has_happened(self.dooms, config.family.dooms.count(self.url.as_bytes()))
    }
}

impl Config {
    fn before<B>(&self, question: &Question, request: &Request<B>) -> Before {
        let key = question.key.digest();
        let url = url_digest(
            &self.policy.key_parts,
            target::of(request),
            request.headers(),
        );
        let url = url.unwrap_or(*key);
        Before {
            dooms: self.family.dooms.count(url.as_bytes()),
            url,
        }
    }

    /// Returns the answer, where no service has to be asked.
    fn settle<B>(
        &self,
        question: &Question,
        headers: &HeaderMap,
        lookup: &Lookup,
    ) -> Option<Response<ResponseBody<B>>> {
        let verdict = lookup.verdict(self, question);
        if verdict == Verdict::Fresh {
            let stored = lookup.stored(self)?;
            return Some(self.hit(question, headers, stored, How::HIT, lookup.now));
        }
        let is_stale = matches!(verdict, Verdict::Validate | Verdict::WhileRevalidating);
        if is_stale && question.takes_what_is_revalidated() && self.is_backing_off(question) {
            let packed = lookup.usable(self, question)?;
            let freshness = packed.head.freshness;
            if freshness.may_serve_on_error(lookup.now)
                || freshness.may_serve_while_revalidating(lookup.now)
            {
                let stored = lookup.stored(self)?;
                let how = How::HIT.detail("backing-off");
                return Some(self.hit(question, headers, stored, how, lookup.now));
            }
        }
        (question.is_only_if_cached() && verdict != Verdict::WhileRevalidating)
            .then(|| self.gateway_timeout())
    }

    /// RFC 9111, section 5.2.1.7.
    fn gateway_timeout<B>(&self) -> Response<ResponseBody<B>> {
        let mut response = Response::new(ResponseBody::own(Bytes::new()));
        *response.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        let how = How::forwarded(FwdReason::Request).detail("only-if-cached");
        self.say(response.headers_mut(), how, None);
        response
    }

    fn collapses(&self, question: &Question, lookup: &Lookup) -> bool {
        // What is for one user is waited for by nobody, unless it is known to be for all.
        let is_known = lookup.usable(self, question).is_some();
        let is_private = question.has_authorization && !self.policy.is_per_user() && !is_known;
        self.policy.policy.collapse
            && !question.is_head()
            && !question.is_range
            && !question.is_no_store()
            && !is_private
    }

    /// Finds out who asks the service.
    async fn company(
        &self,
        question: &Question,
        headers: &HeaderMap,
        lookup: &Lookup,
        before: Before,
    ) -> Company {
        let hint = self.family.hints.find(question.key.digest(), lookup.now);
        let mut names = hint.map(|names| names.to_vec()).unwrap_or_default();
        // A second time where the first answer has told what it varies by.
        for _ in 0..2 {
            let values = vary::digest_for(&names, headers, &self.policy.normalise);
            let key = question.flight(&values, before.dooms, lookup.base());
            let landed = match self.family.flights.join(&key, self.now()) {
                Join::Lead(leader) => return Company::Leader(leader),
                Join::Alone => return Company::Nobody(None),
                Join::Follow(landed) => landed,
                Join::Wait(waiter) => {
                    let wait = self.policy.policy.collapse_wait;
                    let waited = match &self.timer {
                        Some(timer) => timer.within(wait, std::pin::pin!(waiter)).await,
                        None => Some(waiter.await),
                    };
                    match waited {
                        Some(Waited::Shared(landed)) => landed,
                        Some(Waited::Lead(leader)) => return Company::Leader(leader),
                        Some(Waited::Alone) => return Company::Nobody(None),
                        None => return Company::Nobody(Some(key)),
                    }
                }
            };
            if landed.suits(self, question, headers) {
                return Company::Follower(landed);
            }
            if landed.head().vary.names == names {
                return Company::Nobody(None);
            }
            names.clone_from(&landed.head().vary.names);
        }
        Company::Nobody(None)
    }

    fn follow<B>(
        &self,
        question: &Question,
        headers: &HeaderMap,
        landed: &Landed,
    ) -> Option<Response<ResponseBody<B>>> {
        let body = landed.body()?;
        self.tell(&Event::Collapsed {
            policy: self.name(),
        });
        let how = How {
            collapsed: true,
            ..How::forwarded(FwdReason::UriMiss)
        };
        Some(self.answer_follower(question, headers, landed.head(), body, how))
    }

    /// Gives those who wait what was found in the meantime.
    fn hand_on(&self, leader: &Leading, lookup: &Lookup) {
        if let Some(stored) = lookup.stored(self) {
            leader.share(Landed::complete(&stored));
        }
    }
}
