//! A named cache policy: a `const` value.

use std::{fmt, time::Duration};

use http::{StatusCode, request, response};

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

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

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
            credential_headers: &["cookie", "x-api-key", "x-auth-token", "proxy-authorization"],
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
    /// nothing here.
    #[must_use]
    pub const fn never(mut self) -> Self {
        self.never = true;
        self
    }

    /// Sets the lifetime of answers that say nothing of it, with a status that is cacheable by default (200, 404, … see
    /// RFC 9110, section 15.1), but for errors of the server. Default: they are not stored.
    ///
    /// Requests with credentials are neither answered so nor stored, unless the policy is [`per`](Self::per) user: an answer
    /// that says nothing may be for one of them.
    ///
    /// # Panics
    /// If it is zero. In a `const` it does not compile.
    #[must_use]
    pub const fn default_ttl(mut self, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a default lifetime of zero is none");
        self.default_ttl = Some(ttl);
        self
    }

    /// Sets the lifetime of answers with a status that is cacheable by default, but for errors of the server, whatever their
    /// fields say of it. `no-store` and `private` are obeyed all the same. Default: the answer decides.
    ///
    /// Requests with credentials: as for [`default_ttl`](Self::default_ttl).
    ///
    /// # Panics
    /// If it is zero. In a `const` it does not compile.
    #[must_use]
    pub const fn override_ttl(mut self, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a lifetime of zero is no lifetime");
        self.override_ttl = Some(ttl);
        self
    }

    /// Sets the lifetime of answers of one status that say nothing of it, such as of 404. Up to eight of them; a later one
    /// for the same status takes the place of the earlier. Goes before [`default_ttl`](Self::default_ttl).
    ///
    /// Requests with credentials: as for [`default_ttl`](Self::default_ttl).
    ///
    /// # Security
    /// A lifetime for errors lets whoever can cause one show it to others for so long.
    ///
    /// # Panics
    /// If it is zero, the status is none of 200 to 599, or is 206, 304 or 429, or there are eight already. In a `const` it does
    /// not compile.
    #[must_use]
    pub const fn status_ttl(mut self, status: u16, ttl: Duration) -> Self {
        assert!(!ttl.is_zero(), "a lifetime of zero is no lifetime");
        assert!(
            status >= 200 && status <= 599 && status != 206 && status != 304 && status != 429,
            "not a status that is stored for what it is"
        );
        let mut at = 0;
        while at < self.status_ttls.len() {
            match self.status_ttls[at] {
                Some((taken, _)) if taken != status => at += 1,
                _ => {
                    self.status_ttls[at] = Some((status, ttl));
                    return self;
                }
            }
        }
        panic!("at most eight statuses have lifetimes of their own")
    }

    /// Takes a tenth of the time since `Last-Modified`, at most a day, for the lifetime of what says nothing of it (RFC 9111,
    /// section 4.2.2); what has no `Last-Modified` but an `ETag` is stored to be validated. Default: off.
    ///
    /// Requests with credentials: as for [`default_ttl`](Self::default_ttl).
    #[must_use]
    pub const fn heuristic(mut self) -> Self {
        self.heuristic = Some(DAY);
        self
    }

    /// Shortens each lifetime by up to this many percent, by chance, so that what was stored together does not end
    /// together. Default: 0.
    ///
    /// # Panics
    /// Above 50. In a `const` it does not compile.
    #[must_use]
    pub const fn jitter(mut self, percent: u8) -> Self {
        assert!(
            percent <= 50,
            "at most half of a lifetime is left to chance"
        );
        self.jitter_percent = percent;
        self
    }

    /// Answers with what has ended no longer ago than this, while it is validated in the background (RFC 5861, section 3), where the
    /// response says nothing of it. Default: zero. A refresh that fails is tried again after five seconds at the earliest;
    /// at most 64 run at a time over all layers that were made from one.
    ///
    /// `must-revalidate`, `proxy-revalidate`, `s-maxage` and `no-cache` forbid it (RFC 9111, section 4.2.4).
    ///
    /// Needs an [executor](super::ResponseCacheLayer::executor); without one, the request waits.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.stale_while_revalidate = window;
        self
    }

    /// Answers with what has ended no longer ago than this instead of a 500, 502, 503 or 504, or of an error of the service
    /// (RFC 5861, section 4), where the response says nothing of it. Default: zero. Those who wait for the same get it as well, and for
    /// five seconds nobody asks the service again.
    ///
    /// `must-revalidate`, `proxy-revalidate`, `s-maxage` and `no-cache` forbid it.
    #[must_use]
    pub const fn stale_if_error(mut self, window: Duration) -> Self {
        self.stale_if_error = window;
        self
    }

    /// Answers with what has ended no longer ago than this where the service fails without any response (RFC 9111, section
    /// 4.2.4: "disconnected"), even if the stored response says nothing of stale use. Default: zero.
    ///
    /// Forbidden as [`stale_if_error`](Self::stale_if_error), which covers this case, too.
    #[must_use]
    pub const fn stale_on_disconnect(mut self, window: Duration) -> Self {
        self.stale_on_disconnect = window;
        self
    }

    /// Waits so long for a fresh answer before a stale one is used [while it is
    /// validated](Self::stale_while_revalidate); the refresh goes on. Default: not at all, as without a
    /// [timer](super::ResponseCacheLayer::timer).
    #[must_use]
    pub const fn wait_at_most(mut self, wait: Duration) -> Self {
        self.wait_at_most = Some(wait);
        self
    }

    /// Sets for how long a response with a validator (`ETag`, `Last-Modified`) is kept after the end of any use, to be
    /// validated. Default: an hour.
    #[must_use]
    pub const fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
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

    /// Sets the request headers, besides `Authorization`, that tell who somebody is: what is not explicitly cacheable is
    /// neither stored for such requests nor given to them. Default: `cookie`, `x-api-key`, `x-auth-token`,
    /// `proxy-authorization`. Names in lower case.
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

    pub(super) fn status_ttls(&self) -> impl Iterator<Item = (StatusCode, Duration)> {
        self.status_ttls
            .iter()
            .flatten()
            .filter_map(|(status, ttl)| Some((StatusCode::from_u16(*status).ok()?, *ttl)))
    }
}

impl fmt::Debug for CachePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachePolicy")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
