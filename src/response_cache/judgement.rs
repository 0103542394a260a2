//! Whether the answer of the service is stored, and as what.

use std::borrow::Cow;

use http::{
    HeaderMap, Method, StatusCode, Uri,
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST},
    response::Parts,
    uri::{Authority, Scheme},
};

use super::{
    Caching, Reason,
    caching::Lifetime,
    called::{Called, MOST_FIELDS},
    config::Config,
    key::url_tag,
    semantics::{
        date,
        fields::{self, Strips},
        rules::Rules,
        storable::{self, Asked, Judged},
    },
    stored::{StoredHead, Varied},
    tags::{self, Origin},
};
use crate::{jitter, store::Tag};

impl Called {
    /// Returns the head to store, or why nothing is stored.
    pub(super) fn judge(&self, parts: &Parts) -> Result<StoredHead, Reason> {
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
            tags.extend(url_tag(&config.policy.key_parts, &self.uri, &self.asked));
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

/// Returns the announced length of a body, if it is one number.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
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
