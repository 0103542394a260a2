//! Responses out of the cache.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{AGE, CONTENT_LENGTH, CONTENT_RANGE},
};

use super::{
    Event, ResponseBody,
    config::Config,
    landed::Followed,
    question::Question,
    semantics::{
        cache_status::{self, CacheStatus, FwdReason, Outcome},
        conditional::{self, Precondition},
        freshness::Freshness,
        range::{self, Ranged},
    },
    stored::{Stored, StoredHead},
};
use crate::time::Timestamp;

/// How an answer came about, for `Cache-Status`.
#[derive(Clone, Copy)]
pub(super) struct How {
    pub(super) fwd: Option<FwdReason>,
    pub(super) fwd_status: Option<StatusCode>,
    pub(super) collapsed: bool,
    pub(super) stored: bool,
    pub(super) detail: Option<&'static str>,
}

impl How {
    pub(super) const HIT: Self = Self {
        fwd: None,
        fwd_status: None,
        collapsed: false,
        stored: false,
        detail: None,
    };

    pub(super) const fn forwarded(fwd: FwdReason) -> Self {
        Self {
            fwd: Some(fwd),
            ..Self::HIT
        }
    }

    /// Returns whether no call of the service was made for it.
    const fn is_free(self) -> bool {
        self.fwd.is_none() || self.collapsed
    }

    pub(super) const fn detail(self, detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }
}

impl Config {
    /// Answers with a stored response, or what the request wants of it.
    pub(super) fn answer<B>(
        &self,
        question: &Question,
        request: &HeaderMap,
        stored: Stored,
        how: How,
        now: Timestamp,
    ) -> Response<ResponseBody<B>> {
        let Stored { head, body } = stored;
        let freshness = head.freshness;
        let mut response = Response::new(ResponseBody::own(Bytes::new()));
        let precondition = if question.is_conditional {
            conditional::evaluate(&question.method, request, &head)
        } else {
            Precondition::Full
        };
        let body = match precondition {
            Precondition::NotModified => {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.headers_mut() = conditional::not_modified_headers(&head.headers);
                None
            }
            Precondition::Failed => {
                *response.status_mut() = StatusCode::PRECONDITION_FAILED;
                None
            }
            Precondition::Full => {
                let ranged = if question.is_range {
                    let len = body.len() as u64;
                    range::answer(&question.method, request, &head, len)
                } else {
                    Ranged::Full
                };
                whole_or_part(&mut response, head, body, ranged)
            }
        };
        self.describe(response.headers_mut(), &freshness, how, now);
        if how.is_free() {
            question.note_spent(response.extensions_mut());
        }
        match body {
            Some(body) if question.is_head() && !body.is_empty() => {
                // That of a GET: a server would take it for zero.
                let len = HeaderValue::from(body.len());
                response.headers_mut().entry(CONTENT_LENGTH).or_insert(len);
                response
            }
            Some(body) if !question.is_head() => {
                response.map(|_: ResponseBody<B>| ResponseBody::own(body))
            }
            _ => response,
        }
    }

    /// Answers with a stored response, and tells of it.
    pub(super) fn hit<B>(
        &self,
        question: &Question,
        request: &HeaderMap,
        stored: Stored,
        how: How,
        now: Timestamp,
    ) -> Response<ResponseBody<B>> {
        let stale = !stored.head.freshness.is_fresh(now);
        let policy = self.name();
        self.tell(&Event::Hit { policy, stale });
        self.answer(question, request, stored, how, now)
    }

    /// Answers a follower of a fill.
    pub(super) fn answer_follower<B>(
        &self,
        question: &Question,
        request: &HeaderMap,
        head: &StoredHead,
        body: Followed,
        how: How,
    ) -> Response<ResponseBody<B>> {
        let now = self.now();
        let reader = match body {
            Followed::Complete(body) => {
                let head = head.clone();
                return self.answer(question, request, Stored { head, body }, how, now);
            }
            Followed::Growing(reader) => reader,
        };
        let is_full = conditional::evaluate(&question.method, request, head) == Precondition::Full;
        if !is_full || question.is_head() {
            let stored = Stored {
                head: head.clone(),
                body: Bytes::new(),
            };
            return self.answer(question, request, stored, how, now);
        }
        let mut response = Response::new(ResponseBody::recorded(reader));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers.clone();
        self.describe(response.headers_mut(), &head.freshness, how, now);
        if how.is_free() {
            question.note_spent(response.extensions_mut());
        }
        response
    }

    /// Says how old a response is, and where it comes from.
    pub(super) fn describe(
        &self,
        headers: &mut HeaderMap,
        freshness: &Freshness,
        how: How,
        now: Timestamp,
    ) {
        let age = cache_status::age(freshness.age(now));
        headers.insert(AGE, age);
        self.say(headers, how, Some(freshness.time_left(now)));
    }

    /// Adds `Cache-Status` (RFC 9211).
    pub(super) fn say(&self, headers: &mut HeaderMap, how: How, ttl: Option<i64>) {
        let Some(name) = &self.status else { return };
        let status = CacheStatus {
            name,
            outcome: how.fwd.map_or(Outcome::Hit, Outcome::Fwd),
            fwd_status: how.fwd_status,
            ttl,
            stored: how.stored,
            collapsed: how.collapsed,
            key: None,
            detail: how.detail,
        };
        status.append(headers);
    }
}

/// Fills in what the request gets, and returns the body.
fn whole_or_part<B>(
    response: &mut Response<B>,
    head: StoredHead,
    body: Bytes,
    ranged: Ranged,
) -> Option<Bytes> {
    let len = body.len() as u64;
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    let headers = response.headers_mut();
    if let Some(content_range) = ranged.content_range(len) {
        headers.insert(CONTENT_RANGE, content_range);
        headers.remove(CONTENT_LENGTH);
    }
    match ranged {
        Ranged::Full => Some(body),
        Ranged::Partial { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = usize::try_from(first).ok()?..=usize::try_from(last).ok()?;
            // `range::answer` stays within the body.
            (*range.end() < body.len()).then(|| body.slice(range))
        }
        Ranged::Unsatisfiable => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            None
        }
    }
}
