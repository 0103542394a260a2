//! What a request asks of the cache.

use http::{
    HeaderMap, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_UNMODIFIED_SINCE, RANGE, UPGRADE},
};
use http_body::Body;

use super::{
    config::Config,
    digest::Digest,
    key::CacheKey,
    personal::Outer,
    ready::Ready,
    semantics::{directives::RequestDirectives, freshness::Freshness},
    stored::StoredHead,
};
use crate::{head, time::Timestamp};

/// What a lookup and a fill need to know of the request.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) key: CacheKey,
    pub(super) method: Method,
    /// Of a caller that is trusted.
    pub(super) directives: Option<RequestDirectives>,
    pub(super) has_authorization: bool,
    pub(super) has_credentials: bool,
    pub(super) is_range: bool,
}

pub(super) enum Asked {
    /// The cache has nothing to do with it.
    Bypass,
    /// A method that the cache does not answer. What it changes is invalidated.
    Method,
    Question(Question),
}

impl Question {
    /// Returns what a fill is known by: the key, what the request has in the fields that its response varies by, and what
    /// was purged before.
    pub(super) fn flight(&self, values: &Digest, dooms: u64) -> Digest {
        let parts = [
            &self.key.digest().as_bytes()[..],
            values.as_bytes(),
            &dooms.to_le_bytes(),
        ];
        Digest::of(parts)
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Returns whether a stored response may be given to this request: whoever has credentials gets only what is for
    /// everybody (RFC 9111, section 3.5), or their own.
    pub(super) fn admits(&self, policy: &Ready, head: &StoredHead) -> bool {
        policy.is_per_user()
            || ((!self.has_authorization || head.is_for_authorized)
                && (!(self.has_authorization || self.has_credentials) || head.is_explicit))
    }

    /// Returns whether a response is fresh enough.
    pub(super) fn accepts(&self, freshness: &Freshness, now: Timestamp) -> bool {
        match &self.directives {
            None => freshness.is_fresh(now),
            Some(asked) => freshness.satisfies(now, asked),
        }
    }

    /// Returns whether what is stale may be an answer while it is validated in the background.
    pub(super) fn takes_what_is_revalidated(&self) -> bool {
        self.directives
            .as_ref()
            .is_none_or(RequestDirectives::takes_what_is_revalidated)
    }

    pub(super) fn is_no_store(&self) -> bool {
        self.directives.as_ref().is_some_and(|asked| asked.no_store)
    }

    pub(super) fn is_only_if_cached(&self) -> bool {
        self.directives
            .as_ref()
            .is_some_and(|asked| asked.only_if_cached)
    }
}

impl Config {
    pub(super) fn question<B: Body>(&self, request: &mut Request<B>) -> Asked {
        let policy = &self.policy;
        Outer::tell(request.extensions());
        if policy.policy.never {
            return Asked::Bypass;
        }
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return Asked::Method;
        }
        // The body of a GET is no part of the key; and whoever insists on a version may know a later one than is stored
        // (RFC 9111, section 4.3.2).
        let passes = [IF_MATCH, IF_UNMODIFIED_SINCE, UPGRADE];
        let mut passes = passes.iter();
        if !request.body().is_end_stream()
            || passes.any(|name| request.headers().contains_key(name))
        {
            return Asked::Bypass;
        }
        let needs_parts =
            policy.is_per_user() || policy.policy.bypass.is_some() || self.trusts.is_some();
        let mut subject = None;
        let mut is_trusted = false;
        if needs_parts {
            let wanted = head::lend(request, |parts| {
                is_trusted = self
                    .trusts
                    .as_ref()
                    .is_some_and(|trusts| trusts.call(parts));
                subject = policy.policy.per.as_ref().and_then(|per| per.call(parts));
                !policy
                    .policy
                    .bypass
                    .as_ref()
                    .is_some_and(|bypass| bypass.call(parts))
            });
            if !wanted || (policy.is_per_user() && subject.is_none()) {
                return Asked::Bypass;
            }
        }
        let headers = request.headers();
        let key = CacheKey::of_request(
            &self.policy.key_parts,
            request.uri(),
            headers,
            subject.as_ref(),
        );
        let Some(key) = key else {
            return Asked::Bypass;
        };
        Asked::Question(Question {
            key,
            method: request.method().clone(),
            directives: is_trusted.then(|| RequestDirectives::parse(headers)),
            has_authorization: headers.contains_key(AUTHORIZATION),
            has_credentials: policy.has_credentials(headers),
            is_range: headers.contains_key(RANGE),
        })
    }
}

/// Returns whether a call is gRPC: nothing of it is cached, and no successful one changes what is.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
