//! What a policy allows, as far as the rules of HTTP need to know.

use std::time::Duration;

use http::{HeaderName, StatusCode};

/// What becomes of a response with `Set-Cookie`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetCookie {
    /// It is not stored.
    #[default]
    Refuse,
    /// It is stored without its cookies. Whoever gets it from the service gets them, too.
    Strip,
    /// It is stored with its cookies, which everybody gets who is answered from the cache.
    ///
    /// # Security
    /// A session's cookie that comes with a response for everybody makes one session of all of them.
    Store,
}

/// Part of a policy.
#[derive(Clone, Debug)]
pub(in crate::response_cache) struct Rules {
    /// Targeted fields (RFC 9213), the first that is there and valid decides.
    pub(in crate::response_cache) targets: Vec<HeaderName>,
    /// What the handler says, for this cache.
    pub(in crate::response_cache) handler_ttl: Option<Duration>,
    pub(in crate::response_cache) handler_stale: HandlerStale,
    /// The lifetime of answers that say nothing, with a status that is cacheable by default; not of 5xx.
    pub(in crate::response_cache) default_ttl: Option<Duration>,
    /// The lifetime of answers with a status that is cacheable by default, whatever they say (but `no-store` and
    /// `private` stay); not of 5xx.
    pub(in crate::response_cache) override_ttl: Option<Duration>,
    /// The lifetime of answers of a status that say nothing; never of 429.
    pub(in crate::response_cache) status_ttls: Vec<(StatusCode, Duration)>,
    /// Whether a tenth of the time since `Last-Modified` is the lifetime of what says nothing, at most that long.
    pub(in crate::response_cache) heuristic: Option<Duration>,
    /// What applies where the answer says nothing of it (RFC 5861).
    pub(in crate::response_cache) stale_while_revalidate: Duration,
    pub(in crate::response_cache) stale_if_error: Duration,
    /// For how long stale responses may be used where the service fails without an answer (RFC 9111, 4.2.4).
    pub(in crate::response_cache) stale_on_disconnect: Duration,
    pub(in crate::response_cache) set_cookie: SetCookie,
}

/// For how long the handler lets a stale response be used: before what `Cache-Control` says of it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::response_cache) struct HandlerStale {
    pub(in crate::response_cache) while_revalidate: Option<Duration>,
    pub(in crate::response_cache) if_error: Option<Duration>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            handler_ttl: None,
            handler_stale: HandlerStale::default(),
            default_ttl: None,
            override_ttl: None,
            status_ttls: Vec::new(),
            heuristic: None,
            stale_while_revalidate: Duration::ZERO,
            stale_if_error: Duration::ZERO,
            stale_on_disconnect: Duration::ZERO,
            set_cookie: SetCookie::Refuse,
        }
    }
}
