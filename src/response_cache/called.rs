//! The service has been called: what becomes of its answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, Uri, response::Parts};
use http_body::Body;

use super::{
    BoxError, Event, Reason, ResponseBody,
    answer::How,
    commit::Commit,
    config::Config,
    digest::Digest,
    entry::Packed,
    exchange::{Before, Leading},
    forget::Forgotten,
    judgement::content_length,
    landed::Landed,
    lookup::{Lookup, Verdict},
    personal::Marks,
    question::Question,
    recording::{HOLD, Hold, KeepFilling, Options, Recording},
    semantics::{
        cache_status::FwdReason,
        conditional::{self, Precondition},
        validation::Sent,
    },
    stored::{Stored, StoredHead},
    tags,
};
use crate::time::Timestamp;

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
            && self.question.takes_what_is_revalidated()
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
            Err(reason) => {
                if self.replaces(parts.status, reason) {
                    self.supersede().await;
                }
                self.unstored(parts, body, reason)
            }
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

    /// Returns whether an answer that is not stored says what has become of the resource, and not of the request: else whoever
    /// sends a bad one, or is known by a cookie and gets a page of their own, would end what all others are served.
    fn replaces(&self, status: StatusCode, reason: Reason) -> bool {
        let question = &self.question;
        let is_anybodys = self.config.policy.is_per_user()
            || !(question.has_authorization || question.has_credentials);
        let is_gone = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
        let is_other = is_anybodys && (status.is_success() || status.is_redirection());
        reason.is_of_response() && (is_gone || is_other)
    }

    /// Forgets what was stored: the service has answered with something else, which is not stored.
    pub(super) async fn supersede(&self) {
        if self.usable().is_some() {
            let write = self.config.forget(Forgotten {
                places: vec![self.config.place(&self.question)],
                ..Forgotten::default()
            });
            self.config.hold(write).await;
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
}

/// For how long nobody waits for a response that was for nobody else.
pub(super) const UNSHAREABLE: Duration = Duration::from_secs(60);

/// A map of fields takes 24,576 names, and panics beyond.
pub(super) const MOST_FIELDS: usize = 8192;

/// RFC 5861, section 4.
fn is_failure(status: StatusCode) -> bool {
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}
