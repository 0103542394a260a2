//! What only the handler of a request knows about caching its response.

use std::time::Duration;

use smallvec::SmallVec;

use super::semantics::rules::{HandlerStale, Rules};
use crate::store::{Identifier, Tag};

/// How a response is cached, in its extensions: for the cache in this server, and nobody else.
///
/// ```
/// use std::time::Duration;
/// use http::Response;
/// use tower_upstash::response_cache::Caching;
///
/// # let mut response = Response::new(());
/// let minute = Duration::from_secs(60);
/// response.extensions_mut().insert(Caching::ttl(minute).stale_if_error(60 * minute).tag("posts"));
/// ```
///
/// With axum, a handler returns `(Extension(Caching::ttl(minute)), response)`. A response has one of them: a second one
/// replaces the first.
///
/// It goes before `Cache-Control`, which still goes out to clients as it is: a page may live for an hour here, where it can be
/// purged, and for no time in a browser. What is said here counts as said by the response itself.
///
/// # Security
/// `private` and `no-store` in `Cache-Control` stay: a time to live does not make a user's response everybody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caching {
    lifetime: Lifetime,
    while_revalidate: Option<Duration>,
    if_error: Option<Duration>,
    tags: SmallVec<[Tag; 2]>,
}

/// What a handler says about how long its response may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Lifetime {
    #[default]
    Unsaid,
    For(Duration),
    Never,
}

impl Caching {
    /// The response is fresh for so long. Zero: it is stored, and validated before each use.
    #[must_use]
    pub fn ttl(ttl: Duration) -> Self {
        Self {
            lifetime: Lifetime::For(ttl),
            ..Self::default()
        }
    }

    /// The response is not stored, whatever else is said about it.
    #[must_use]
    pub fn never() -> Self {
        Self {
            lifetime: Lifetime::Never,
            ..Self::default()
        }
    }

    /// The response carries a tag. How long it lives, `Cache-Control` or the policy says.
    #[must_use]
    pub fn tagged(tag: impl Into<Identifier>) -> Self {
        Self::default().tag(tag)
    }

    /// For how long after it was fresh the response may be used while it is fetched anew (RFC 5861, section 3). Default:
    /// as the response or the policy says. `must-revalidate`, `proxy-revalidate`, `s-maxage` and `no-cache` forbid it.
    #[must_use]
    pub const fn stale_while_revalidate(mut self, duration: Duration) -> Self {
        self.while_revalidate = Some(duration);
        self
    }

    /// For how long after it was fresh the response may be used when the service fails (RFC 5861, section 4). Default: as
    /// the response or the policy says. Forbidden as [`stale_while_revalidate`](Self::stale_while_revalidate).
    #[must_use]
    pub const fn stale_if_error(mut self, duration: Duration) -> Self {
        self.if_error = Some(duration);
        self
    }

    /// Adds a tag to purge it by. The same text in `Cache-Groups`, `Surrogate-Key` or `Cache-Tag` is the same tag. A
    /// response with more than 128 tags, or one of more than 1,024 bytes, is not stored.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Identifier>) -> Self {
        self.tags.push(Tag::new(tag));
        self
    }

    /// Adds tags, see [`tag`](Self::tag).
    #[must_use]
    pub fn tags<T: Into<Identifier>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Tag::new));
        self
    }

    pub(super) const fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    pub(super) fn known_tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Puts what the handler says over what the response and the policy say. `Lifetime::Never` is not in rules: see
    /// [`lifetime`](Self::lifetime).
    pub(super) fn apply(&self, rules: &mut Rules) {
        if let Lifetime::For(ttl) = self.lifetime {
            rules.handler_ttl = Some(ttl);
        }
        rules.handler_stale = HandlerStale {
            while_revalidate: self.while_revalidate,
            if_error: self.if_error,
        };
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method, StatusCode, header::CACHE_CONTROL};

    use super::*;
    use crate::{
        response_cache::semantics::storable::{self, Asked, Judged},
        time::Timestamp,
    };

    const TTL: Duration = Duration::from_secs(60);
    const GRACE: Duration = Duration::from_secs(600);

    fn judged(fields: &str, rules: &Rules) -> Judged {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, fields.parse().expect("a field"));
        let asked = Asked {
            method: &Method::GET,
            has_authorization: false,
            has_credentials: true,
            is_keyed_by_user: false,
            is_range: false,
        };
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        storable::judge(&asked, StatusCode::OK, &headers, rules, now, now).expect("it is storable")
    }

    #[test]
    fn what_the_handler_says_counts_as_said_by_the_response_also_for_who_has_credentials() {
        let mut rules = Rules::default();
        Caching::ttl(TTL).apply(&mut rules);
        let judged = judged("max-age=1", &rules);
        assert_eq!(judged.freshness.lifetime, TTL);
        assert!(judged.is_explicit);
    }

    #[test]
    fn what_the_handler_says_of_stale_use_goes_before_cache_control_which_goes_before_the_policy() {
        let said = "max-age=1, stale-while-revalidate=30, stale-if-error=30";
        let policy = Rules {
            stale_while_revalidate: TTL,
            stale_if_error: TTL,
            ..Rules::default()
        };
        // At 100 seconds, only ten minutes of grace are enough; at 20, what `Cache-Control` says is, too.
        let serves = |caching: Caching, seconds: u64| {
            let mut rules = policy.clone();
            caching.apply(&mut rules);
            let freshness = judged(said, &rules).freshness;
            let at = freshness.received.after(Duration::from_secs(seconds));
            [
                freshness.may_serve_while_revalidating(at),
                freshness.may_serve_on_error(at),
            ]
        };
        assert_eq!(serves(Caching::default(), 20), [true, true]);
        assert_eq!(serves(Caching::default(), 50), [false, false]);
        let longer = Caching::default().stale_while_revalidate(GRACE);
        assert_eq!(serves(longer, 100), [true, false]);
        let none = Caching::default().stale_if_error(Duration::ZERO);
        assert_eq!(serves(none, 20), [true, false]);
    }

    #[test]
    fn a_tag_alone_says_nothing_about_a_lifetime() {
        let caching = Caching::tagged("posts").tags(["users", "posts"]);
        assert_eq!(caching.lifetime(), Lifetime::Unsaid);
        assert_eq!(
            caching.known_tags(),
            ["posts", "users", "posts"].map(Tag::new)
        );
        assert_eq!(Caching::never().tag("a").lifetime(), Lifetime::Never);
    }
}
