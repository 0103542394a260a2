//! A named cache policy: a `const` value.

mod lifetimes;

use std::{fmt, time::Duration};

use http::{request, response};

use super::{
    key::Query,
    semantics::{rules::SetCookie, vary::Normalise},
};
use crate::{few::replace, func::Func, store::Identifier};

/// How the responses of a route are cached.
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::response_cache::{CachePolicy, Query};
///
/// const PAGE: CachePolicy = CachePolicy::new("page")
///     .default_ttl(Duration::from_secs(300))
///     .stale_while_revalidate(Duration::from_secs(3600))
///     .query(Query::Only(&["page"]))
///     .tags(&["posts"]);
/// ```
///
/// A policy by [`new`](Self::new) is RFC 9111 and nothing else: what a response does not allow in so many words is not
/// stored. Settings that take a function also take a closure that captures something, by the name with `_with`; a policy
/// that has one is no `const`.
///
/// # Who says how long
/// The first that says it: [`Caching`](super::Caching); [`override_ttl`](Self::override_ttl); the response, by a [targeted
/// field](super::ResponseCacheLayer::targeted_by), else by `s-maxage`, `max-age` or `Expires`; [`status_ttl`](Self::status_ttl);
/// [`default_ttl`](Self::default_ttl); [`heuristic`](Self::heuristic). What nobody gives a
/// lifetime is stored, to be validated, only if it says `public`, `no-cache` or `must-revalidate`, or the policy guesses.
///
/// # Names
/// The name is part of every key: two policies never answer for each other. It is not secret. Two policies of one name
/// among layers that were made from one must make their keys of the same: [`query`](Self::query),
/// [`key_headers`](Self::key_headers), [`per`](Self::per).
#[derive(Clone)]
pub struct CachePolicy {
    pub(super) name: &'static str,
    pub(super) never: bool,
    pub(super) default_ttl: Option<Duration>,
    pub(super) override_ttl: Option<Duration>,
    pub(super) status_ttls: [Option<(u16, Duration)>; 8],
    pub(super) heuristic: Option<Duration>,
    pub(super) jitter_percent: u8,
    pub(super) stale_while_revalidate: Duration,
    pub(super) stale_if_error: Duration,
    pub(super) stale_on_disconnect: Duration,
    pub(super) wait_at_most: Option<Duration>,
    pub(super) keep: Duration,
    pub(super) query: Query,
    pub(super) key_headers: &'static [&'static str],
    pub(super) per: Option<Func<request::Parts, Option<Identifier>>>,
    pub(super) bypass: Option<Func<request::Parts, bool>>,
    pub(super) no_store: Option<Func<response::Parts, bool>>,
    pub(super) tags: &'static [&'static str],
    pub(super) set_cookie: SetCookie,
    pub(super) credential_headers: &'static [&'static str],
    pub(super) max_body: usize,
    pub(super) collapse: bool,
    pub(super) collapse_wait: Duration,
    pub(super) finish_abandoned: bool,
    pub(super) normalise: Normalise,
}

impl CachePolicy {
    /// Names a policy: RFC 9111, section 3, as a shared cache.
    ///
    /// # Panics
    /// If the name is empty. In a `const` it does not compile.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        assert!(
            !name.is_empty(),
            "a cache policy needs a name: it is part of its keys"
        );
        Self {
            name,
            never: false,
            default_ttl: None,
            override_ttl: None,
            status_ttls: [None; 8],
            heuristic: None,
            jitter_percent: 0,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            stale_on_disconnect: Duration::ZERO,
            wait_at_most: None,
            keep: Duration::from_secs(60 * 60),
            query: Query::Exact,
            key_headers: &[],
            per: None,
            bypass: None,
            no_store: None,
            tags: &[],
            set_cookie: SetCookie::Refuse,
            credential_headers: &[
                "cookie",
                "proxy-authorization",
                "x-api-key",
                "x-auth-token",
                "api-key",
                "x-access-token",
            ],
            max_body: 4 << 20,
            collapse: true,
            collapse_wait: Duration::from_secs(10),
            finish_abandoned: false,
            normalise: Normalise {
                codings: None,
                by_language: false,
                unknown_lists: false,
            },
        }
    }

    /// Caches nothing, and lets no layer outside do so: for a route below a layer that caches. Unsafe methods invalidate
    /// what others have stored all the same.
    #[must_use]
    pub const fn never(mut self) -> Self {
        self.never = true;
        self
    }

    /// Sets what of the query is part of the key. Default: all of it, as it is.
    #[must_use]
    pub const fn query(mut self, query: Query) -> Self {
        self.query = query;
        self
    }

    /// Makes request headers part of the key, for what changes the answer and is not in its `Vary`, such as
    /// `X-Forwarded-Host`. Names in lower case. Default: none.
    ///
    /// # Panics
    /// If a name is no header name in lower case, when the layer is made.
    #[must_use]
    pub const fn key_headers(mut self, names: &'static [&'static str]) -> Self {
        self.key_headers = names;
        self
    }

    /// Gives each user a cache of their own: what the function finds is part of the key, hashed. A request in which it finds
    /// nothing is not cached at all. Default: one cache for all.
    ///
    /// ```
    /// use tower_upstash::{response_cache::CachePolicy, store::Identifier};
    ///
    /// #[derive(Clone)]
    /// struct UserId(u64); // in the request's extensions, by an outer layer
    ///
    /// const MINE: CachePolicy = CachePolicy::new("mine")
    ///     .per(|parts| Some(Identifier::from(parts.extensions.get::<UserId>()?.0)));
    /// ```
    ///
    /// # Security
    /// Take what the server knows of the user, not what the client says. With it, `Authorization` and cookies no longer keep
    /// a response from being stored; `private` and `Set-Cookie` still do.
    #[must_use]
    pub const fn per(mut self, subject: fn(&request::Parts) -> Option<Identifier>) -> Self {
        replace(&mut self.per, Some(Func::Plain(subject)));
        self
    }

    /// As [`per`](Self::per), for a closure that captures something.
    #[must_use]
    pub fn per_with(
        mut self,
        subject: impl Fn(&request::Parts) -> Option<Identifier> + Send + Sync + 'static,
    ) -> Self {
        self.per = Some(Func::closure(subject));
        self
    }

    /// Lets requests pass by the cache: they are not answered by it, and their responses are not stored. Default: none that
    /// could be answered. It is asked of `GET` and `HEAD`; other methods pass and invalidate in any case.
    #[must_use]
    pub const fn bypass(mut self, when: fn(&request::Parts) -> bool) -> Self {
        replace(&mut self.bypass, Some(Func::Plain(when)));
        self
    }

    /// As [`bypass`](Self::bypass), for a closure that captures something.
    #[must_use]
    pub fn bypass_with(
        mut self,
        when: impl Fn(&request::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.bypass = Some(Func::closure(when));
        self
    }

    /// Does not store certain responses. It sees them as the service made them. Default: what HTTP allows is stored.
    #[must_use]
    pub const fn no_store(mut self, when: fn(&response::Parts) -> bool) -> Self {
        replace(&mut self.no_store, Some(Func::Plain(when)));
        self
    }

    /// As [`no_store`](Self::no_store), for a closure that captures something.
    #[must_use]
    pub fn no_store_with(
        mut self,
        when: impl Fn(&response::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.no_store = Some(Func::closure(when));
        self
    }

    /// Tags all responses of the policy, for [`purge_tags`](super::ResponseCacheHandle::purge_tags). Default: none but those
    /// that a response carries itself. More than 128 in all, or one of more than 1,024 bytes: the response is not stored.
    #[must_use]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// Sets what becomes of responses with `Set-Cookie`. Default: they are not stored.
    #[must_use]
    pub const fn set_cookie(mut self, set_cookie: SetCookie) -> Self {
        self.set_cookie = set_cookie;
        self
    }

    /// Sets the request headers, besides `Authorization`, that tell who somebody is. Default: `cookie`, `proxy-authorization`,
    /// `x-api-key`, `x-auth-token`, `api-key`, `x-access-token`. Names in lower case.
    ///
    /// Requests with `cookie` are neither answered by nor stored as what does not say itself how long it may be used. The
    /// others are taken for `Authorization`: a response has to say `public`, `s-maxage` or `must-revalidate` (RFC 9111, section
    /// 3.5).
    ///
    /// # Panics
    /// If a name is no header name in lower case, when the layer is made.
    #[must_use]
    pub const fn credential_headers(mut self, names: &'static [&'static str]) -> Self {
        self.credential_headers = names;
        self
    }

    /// Sets the largest body that is stored, in bytes. Default: 4 MiB. Larger ones stream through, and so do those whose
    /// entry would be larger than the [store takes](crate::store::Limits): of an announced length it is known at once, else
    /// when it is reached. What is stored already and larger is not used.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Lets each request that misses call the service. Default: requests that miss at the same time, in one process, wait for
    /// one of them, unless they have `Authorization` and no stored response is known to be for all.
    #[must_use]
    pub const fn without_collapsing(mut self) -> Self {
        self.collapse = false;
        self
    }

    /// Sets for how long a request waits for the head of the response to another one that misses, before it calls the service
    /// itself. Default: 10 seconds. Without a [timer](super::ResponseCacheLayer::timer) it waits as long as it takes.
    #[must_use]
    pub const fn collapse_wait(mut self, wait: Duration) -> Self {
        self.collapse_wait = wait;
        self
    }

    /// Goes on receiving, and stores, a response whose clients have all gone, in the
    /// [executor](super::ResponseCacheLayer::executor) and within the [limit of a
    /// refresh](super::ResponseCacheLayer::refresh_limit): for answers that are dear. Default: the body is dropped, and nothing
    /// stored. A client that goes before the head of the response is there ends the call all the same.
    #[must_use]
    pub const fn finish_abandoned(mut self) -> Self {
        self.finish_abandoned = true;
        self
    }

    /// Takes two `Accept-Encoding` fields for the same that accept the same of these codings, for responses with `Vary:
    /// Accept-Encoding`. The service must answer in one of them, or in none: another one is not stored. Default: they are the
    /// same if they differ in order, case and white space only.
    #[must_use]
    pub const fn vary_codings(mut self, codings: &'static [&'static str]) -> Self {
        self.normalise.codings = Some(codings);
        self
    }

    /// Gives a response with `Vary: Accept-Language` to everybody whose favourite language is that of its
    /// `Content-Language`. Default: to those who asked for the same languages.
    #[must_use]
    pub const fn vary_by_language(mut self) -> Self {
        self.normalise.by_language = true;
        self
    }

    /// Takes every field that `Vary` names for a list, in which white space around commas means nothing. Default: only those
    /// that are known to be lists.
    #[must_use]
    pub const fn vary_lists(mut self) -> Self {
        self.normalise.unknown_lists = true;
        self
    }
}

impl fmt::Debug for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachePolicy")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
