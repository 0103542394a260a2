//! The service has been called: what becomes of its answer.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, Method, Response, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST},
    response::Parts,
    uri::{Authority, Scheme},
};
use http_body::Body;

use super::{
    BoxError, Caching, Event, Reason, ResponseBody,
    answer::How,
    caching::Lifetime,
    commit::Commit,
    config::Config,
    digest::Digest,
    entry::Packed,
    exchange::{Before, Leading},
    key::url_tag,
    landed::Landed,
    lookup::{Lookup, Verdict},
    personal::Marks,
    question::Question,
    recording::{HOLD, Hold, KeepFilling, Options, Recording},
    semantics::{
        cache_status::FwdReason,
        conditional::{self, Precondition},
        date,
        fields::{self, Strips},
        rules::Rules,
        storable::{self, Asked, Judged},
        validation::Sent,
    },
    stored::{Stored, StoredHead, Varied},
    tags::{self, Origin},
};
use crate::{jitter, store::Tag, time::Timestamp};

pub(super) struct Called {
    pub(super) config: Arc<Config>,
    pub(super) question: Question,
    pub(super) lookup: Box<Lookup>,
    pub(super) leader: Option<Leading>,
    /// The flight that was waited for, for too long.
    pub(super) in_vain: Option<Digest>,
    pub(super) before: Before,
    pub(super) uri: Uri,
    /// The request as it came, with its own conditions.
    pub(super) asked: HeaderMap,
    pub(super) marks: Marks,
    pub(super) sent: Sent,
    pub(super) requested: Timestamp,
    pub(super) received: Timestamp,
}

impl Called {
    /// The service has failed: what is stale may take the place of its answer.
    pub(super) fn disconnected<B>(&mut self) -> Option<Response<ResponseBody<B>>> {
        self.received = self.config.now();
        let may = self.usable().is_some_and(|packed| {
            let freshness = packed.head.freshness;
            freshness.may_serve_on_disconnect(self.received)
        });
        let answer = may
            .then(|| self.stale_instead("disconnected", None))
            .flatten();
        if answer.is_none() {
            self.release(false);
        }
        answer
    }

    pub(super) async fn answered<B>(mut self, parts: Parts, body: B) -> Response<ResponseBody<B>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if parts.status == StatusCode::NOT_MODIFIED
            && let Some(unmodified) = self.unmodified(&parts.headers)
        {
            return Box::pin(self.validated(&parts, unmodified)).await;
        }
        let may_be_stale = is_failure(parts.status)
            && self
                .usable()
                .is_some_and(|packed| packed.head.freshness.may_serve_on_error(self.received));
        if may_be_stale && let Some(answer) = self.stale_instead("error", Some(parts.status)) {
            return answer;
        }
        if self.question.is_head() {
            let policy = self.config.name();
            self.config.tell(&Event::Miss { policy });
            Box::pin(self.learn_from_head(&parts)).await;
            let how = How::forwarded(self.fwd());
            return self.config.pass(Response::from_parts(parts, body), how);
        }
        match self.judge(&parts) {
            Ok(head) => self.record(parts, body, head),
            Err(reason) => self.unstored(parts, body, reason),
        }
    }

    pub(super) fn usable(&self) -> Option<&Packed> {
        self.lookup.usable(&self.config, &self.question)
    }

    pub(super) fn fwd(&self) -> FwdReason {
        match self.lookup.verdict(&self.config, &self.question) {
            Verdict::Miss(reason) => reason,
            Verdict::Fresh => FwdReason::Request,
            _ => FwdReason::Stale,
        }
    }

    /// Lets those go who wait: each asks the service alone. If that is to be expected of the next answer, too, nobody waits
    /// for it.
    pub(super) fn release(&mut self, remember: bool) {
        let remember = if remember {
            UNSHAREABLE
        } else {
            Duration::ZERO
        };
        if let Some(leader) = self.leader.take() {
            leader.release(remember, self.received);
        } else if let Some(flight) = &self.in_vain {
            // Whoever leads it may take for ever: nobody else shall find out by waiting.
            let flights = &self.config.family.flights;
            flights.remember_unshareable(flight, remember, self.received);
        }
    }

    /// Answers with what is stale. Those who wait do so, too, with what they have found themselves.
    fn stale_instead<B>(
        &mut self,
        detail: &'static str,
        status: Option<StatusCode>,
    ) -> Option<Response<ResponseBody<B>>> {
        let stored = self.lookup.stored(&self.config)?;
        // First: whoever is let go shall see it.
        self.config.refresh_failed(&self.question);
        self.release(false);
        let how = How {
            fwd_status: status,
            ..How::forwarded(FwdReason::Stale).detail(detail)
        };
        let (question, asked) = (&self.question, &self.asked);
        Some(self.config.hit(question, asked, stored, how, self.received))
    }

    fn unstored<B>(mut self, parts: Parts, body: B, reason: Reason) -> Response<ResponseBody<B>> {
        // An error may be due to this request alone.
        self.release(parts.status.is_success() || parts.status.is_redirection());
        let (policy, status) = (self.config.name(), parts.status);
        self.config.tell(&Event::Miss { policy });
        self.config.tell(&Event::NotStored {
            policy,
            status,
            reason,
        });
        let how = How::forwarded(self.fwd()).detail(reason.as_str());
        let mut response = self.config.pass(Response::from_parts(parts, body), how);
        let (method, headers) = (&self.question.method, response.headers());
        let head = (response.status(), headers);
        let wanted = conditional::evaluate_on(method, &self.asked, head, self.received);
        if wanted == Precondition::NotModified {
            // The service was not asked that, since others might have taken part in its answer.
            *response.headers_mut() = conditional::not_modified_headers(headers);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response.map(|_| ResponseBody::own(Bytes::new()));
        }
        response
    }

    /// Passes the response on while it is recorded, to those who wait as well.
    fn record<B>(mut self, mut parts: Parts, body: B, head: StoredHead) -> Response<ResponseBody<B>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let config = Arc::clone(&self.config);
        let policy = &config.policy.policy;
        config.tell(&Event::Miss {
            policy: policy.name,
        });
        let is_shareable = head.freshness.is_fresh(self.received);
        if !is_shareable {
            self.release(true);
        }
        let how = How {
            stored: true,
            ..How::forwarded(self.fwd())
        };
        let is_full =
            conditional::evaluate(&self.question.method, &self.asked, &head) == Precondition::Full;
        let head = Arc::new(head);
        let leader = self.leader.take().map(Arc::new);
        let options = Options {
            expected: content_length(&parts.headers),
            most: policy.max_body as u64,
            budget: &config.family.budget,
            hold: Hold {
                timer: config.timer.clone(),
                executor: config.executor.clone(),
                limit: HOLD,
            },
            keep_filling: config
                .keep_filling()
                .filter(|_| policy.finish_abandoned || !is_full),
        };
        let marks = self.marks.clone().and_response(&parts.extensions);
        let (question, received) = (self.question.clone(), self.received);
        let asked = std::mem::take(&mut self.asked);
        let commit = Commit::new(self, Arc::clone(&head), marks.clone(), leader.clone());
        let reader = Recording::start(body, options, Box::new(commit));
        if let Some(leader) = leader {
            let growing = Landed::growing(Arc::clone(&head), reader.follow(), marks, received);
            leader.share(growing);
        }
        tags::strip(&mut parts.headers);
        config.say(
            &mut parts.headers,
            how,
            Some(head.freshness.time_left(received)),
        );
        if !is_full && config.keep_filling().is_some() {
            // The client has it already; the cache wants it: dropped, the reader goes on in the executor.
            let stored = Stored {
                head: StoredHead::clone(&head),
                body: Bytes::new(),
            };
            let mut answer = config.answer(&question, &asked, stored, how, received);
            *answer.extensions_mut() = parts.extensions;
            return answer;
        }
        Response::from_parts(parts, ResponseBody::recorded(reader))
    }

    /// Returns the head to store, or why nothing is stored.
    fn judge(&self, parts: &Parts) -> Result<StoredHead, Reason> {
        let config = &self.config;
        let policy = &config.policy;
        self.forbidden(parts)?;
        if is_stream(&parts.headers) {
            return Err(Reason::Stream);
        }
        let length = content_length(&parts.headers);
        if length.is_some_and(|length| length > policy.policy.max_body as u64) {
            return Err(Reason::TooLarge);
        }
        // Whoever reads one of several lengths ends the response elsewhere.
        if length.is_none() && parts.headers.contains_key(CONTENT_LENGTH) {
            return Err(Reason::Incomplete);
        }
        let rules = self.rules(parts);
        let judged = self.judge_head(parts.status, &parts.headers, &rules)?;
        let vary = Varied::of(&parts.headers, &self.asked, &policy.normalise);
        let tags = self.tags(parts)?;
        let mut headers = fields::to_store(&parts.headers, &Strips::of(&rules, &judged.without));
        // RFC 9110, section 6.6.1.
        headers
            .entry(DATE)
            .or_insert_with(|| date::format(self.received));
        Ok(StoredHead {
            status: parts.status,
            headers,
            freshness: judged.freshness,
            vary: vary.ok_or(Reason::Vary)?,
            is_for_authorized: judged.is_for_authorized,
            is_explicit: judged.is_explicit,
            tags,
            stamp: self.lookup.stamp,
        })
    }

    /// Returns why nothing of a response is stored, whatever its fields say.
    pub(super) fn forbidden(&self, parts: &Parts) -> Result<(), Reason> {
        if self.question.is_no_store() {
            return Err(Reason::Request);
        }
        let caching = parts.extensions.get::<Caching>();
        let is_never = caching.is_some_and(|caching| caching.lifetime() == Lifetime::Never);
        let refuses = self.config.policy.policy.no_store.as_ref();
        if is_never || refuses.is_some_and(|refuses| refuses.call(parts)) {
            return Err(Reason::Policy);
        }
        let marks = self.marks.clone().and_response(&parts.extensions);
        if marks.is_personal() {
            return Err(Reason::Personal);
        }
        if marks.is_nested() {
            return Err(Reason::Nested);
        }
        Ok(())
    }

    pub(super) fn tags(&self, parts: &Parts) -> Result<Vec<Tag>, Reason> {
        let config = &self.config;
        let caching = parts.extensions.get::<Caching>();
        let origin = config.origin(&self.uri, &self.asked);
        let tags = tags::tags_of(&parts.headers, config.policy.policy.tags, caching, origin);
        let mut tags = tags.map_err(|_| Reason::Tags)?;
        if self.question.key.has_more_than_url() {
            tags.extend(url_tag(config.scheme.as_ref(), &self.uri, &self.asked));
        }
        Ok(tags)
    }

    pub(super) fn judge_head(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        rules: &Rules,
    ) -> Result<Judged, Reason> {
        if headers.len() > MOST_FIELDS {
            return Err(Reason::TooLarge);
        }
        let asked = Asked {
            method: &Method::GET,
            has_authorization: self.question.has_authorization,
            has_credentials: self.question.has_credentials,
            is_keyed_by_user: self.config.policy.is_per_user(),
            is_range: self.is_range_passed(),
        };
        let (requested, received) = (self.requested, self.received);
        let mut judged = storable::judge(&asked, status, headers, rules, requested, received)?;
        let percent = u32::from(self.config.policy.policy.jitter_percent);
        let most = judged.freshness.lifetime * percent / 100;
        judged.freshness = judged.freshness.with_jitter(jitter::up_to(most));
        Ok(judged)
    }

    /// The request's `Range` has reached the service.
    fn is_range_passed(&self) -> bool {
        self.question.is_range && self.usable().is_none()
    }

    pub(super) fn rules(&self, parts: &Parts) -> Cow<'_, Rules> {
        let rules = &self.config.policy.rules;
        match parts.extensions.get::<Caching>() {
            None => Cow::Borrowed(rules),
            Some(caching) => {
                let mut rules = rules.clone();
                caching.apply(&mut rules);
                Cow::Owned(rules)
            }
        }
    }
}

impl Config {
    /// Returns what goes on to fill where nobody reads any more.
    fn keep_filling(&self) -> Option<KeepFilling> {
        let executor = self.executor.as_ref().filter(|executor| executor.is_here());
        Some(KeepFilling {
            executor: executor?.clone(),
            timer: self.timer.clone()?,
            limit: self.refresh_limit,
        })
    }

    /// Returns the origin of a request's target, as far as it tells.
    pub(super) fn origin<'a>(&'a self, uri: &'a Uri, headers: &'a HeaderMap) -> Origin<'a> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        Origin {
            scheme: uri
                .scheme_str()
                .or(self.scheme.as_ref().map(Scheme::as_str))
                .unwrap_or("http"),
            authority: uri
                .authority()
                .map(Authority::as_str)
                .or(host)
                .unwrap_or_default(),
        }
    }
}

/// For how long nobody waits for a response that was for nobody else.
pub(super) const UNSHAREABLE: Duration = Duration::from_secs(60);

/// A map of fields takes 24,576 names, and panics beyond.
pub(super) const MOST_FIELDS: usize = 8192;

/// RFC 5861, section 4.
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// Returns the announced length of a body, if it is one number.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let value = values.next()?.to_str().ok()?;
    let is_number = value.bytes().all(|digit| digit.is_ascii_digit());
    (is_number && values.next().is_none()).then(|| value.parse().ok())?
}

/// Returns whether a body is a stream that is not stored: one that may never end, or whose trailers matter.
fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| {
        let value = value.as_bytes();
        let begins = |with: &[u8]| {
            let start = value.get(..with.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(with))
        };
        begins(b"text/event-stream") || begins(b"application/grpc")
    })
}
