//! What a request asks of the cache.

use http::{Extensions, HeaderMap, Method, Request, header::COOKIE};
use http_body::Body;

use super::{
    config::Config,
    digest::Digest,
    entry::Generation,
    key::CacheKey,
    personal::Outer,
    plan,
    ready::Ready,
    semantics::{directives::RequestDirectives, freshness::Freshness, vary},
    stored::StoredHead,
    target,
};
use crate::{
    grpc, head,
    rate_limit::{Reserving, Spent},
    time::Timestamp,
};

/// What a lookup and a fill need to know of the request.
#[derive(Clone)]
pub(super) struct Question {
    pub(super) key: CacheKey,
    pub(super) method: Method,
    /// Of a caller that is trusted.
    pub(super) directives: Option<RequestDirectives>,
    /// `Authorization`, or what the policy takes for the same.
    pub(super) has_authorization: bool,
    pub(super) has_credentials: bool,
    pub(super) is_range: bool,
    /// Whether it has a condition that a stored response may answer.
    pub(super) is_conditional: bool,
    /// Whether a rate limit has reserved something for it.
    is_reserved: bool,
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
    /// was purged before, here and as the store tells by the life of the key.
    pub(super) fn flight(&self, values: &Digest, dooms: u64, found: &plan::Lookup) -> Digest {
        let life = found.base().map(|base| (base.generation, base.soft_purges));
        let has_any_credentials = self.has_authorization || self.has_credentials;
        if *values == vary::NOTHING && dooms == 0 && life.is_none() && !has_any_credentials {
            // Most often there is nothing but the key.
            return *self.key.digest();
        }
        let (generation, soft_purges) = life.unwrap_or((Generation::from_bytes([0; 16]), 0));
        let parts = [
            &self.key.digest().as_bytes()[..],
            values.as_bytes(),
            &dooms.to_le_bytes(),
            generation.as_bytes(),
            &soft_purges.to_le_bytes(),
            // What comes of credentials is often nobody else's: those without shall neither wait for it nor learn from it
            // that nobody waits.
            &[u8::from(has_any_credentials)],
        ];
        Digest::of(parts)
    }

    /// Returns whether a stored response answers it as it is.
    pub(super) fn is_plain(&self) -> bool {
        !self.is_range && !self.is_conditional && !self.is_head()
    }

    /// Says that an answer of the cache has cost nothing, to whom it may concern.
    pub(super) fn note_spent(&self, extensions: &mut Extensions) {
        if self.is_reserved {
            extensions.insert(Spent::nothing());
        }
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
        if *request.method() != Method::GET && *request.method() != Method::HEAD {
            return Asked::Method;
        }
        if policy.policy.never {
            return Asked::Bypass;
        }
        let noted = Noted::of(request.headers(), policy);
        // The body of a GET is no part of the key.
        if noted.passes || !request.body().is_end_stream() {
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
            target::of(request),
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
            has_authorization: noted.authorization,
            has_credentials: noted.credentials,
            is_range: noted.range,
            is_conditional: noted.conditional,
            is_reserved: request.extensions().get::<Reserving>().is_some(),
        })
    }
}

/// What the fields of a request mean to a cache, found in one look at their names.
#[derive(Clone, Copy, Default)]
struct Noted {
    /// It wants to talk another protocol; or insists on a version, and may know a later one than is stored (RFC 9111, section
    /// 4.3.2).
    passes: bool,
    authorization: bool,
    credentials: bool,
    range: bool,
    conditional: bool,
}

impl Noted {
    fn of(headers: &HeaderMap, policy: &Ready) -> Self {
        let mut noted = Self::default();
        for name in headers.keys() {
            let text = name.as_str();
            if policy.may_be_credential(text.len()) && policy.is_credential(name) {
                // A cookie says who somebody is on every request, also for what is everybody's. Whatever else does is
                // meant for this one.
                if *name == COOKIE {
                    noted.credentials = true;
                } else {
                    noted.authorization = true;
                }
            }
            match text {
                "if-match" | "if-unmodified-since" | "upgrade" => noted.passes = true,
                "authorization" => noted.authorization = true,
                "range" => noted.range = true,
                "if-none-match" | "if-modified-since" => noted.conditional = true,
                _ => {}
            }
        }
        noted
    }
}

/// Returns whether a call is gRPC: nothing of it is cached, and no successful one changes what is.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    grpc::content_type(headers).is_some()
}
