//! The [`ResponseCacheLayer`].

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderName, request::Parts, uri::Scheme};
use tower_layer::Layer;

use super::{
    CachePolicy, Event, ResponseCache, ResponseCacheHandle, config::Config,
    semantics::cache_status::Name,
};
use crate::{
    executor::Executor,
    func::Func,
    store::SharedStore,
    time::{Clock, Timer},
};

/// Caches the responses of a service.
///
/// See the [module docs](crate::response_cache) for examples. A layer is a value that is cheap to clone: make one for the
/// program, and give routes policies of their own by [`with`](Self::with). Layers that are made from one know of each
/// other: an unsafe request to one of them invalidates what the others have stored, and requests that miss wait for each
/// other.
#[derive(Clone)]
pub struct ResponseCacheLayer {
    pub(super) config: Arc<Config>,
}

impl ResponseCacheLayer {
    /// Creates a layer that stores what HTTP allows in so many words, see [`CachePolicy::new`], under the name `http`.
    pub fn new(store: impl Into<SharedStore>) -> Self {
        Self {
            config: Arc::new(Config::new(store.into(), CachePolicy::new("http"))),
        }
    }

    /// Sets the policy.
    ///
    /// # Panics
    /// If the policy names a header that is none, or not in lower case. Where a service is wrapped: if another policy of that
    /// name is in use among the layers that were made from one, with [keys of another kind](CachePolicy#names).
    #[must_use]
    pub fn policy(self, policy: CachePolicy) -> Self {
        self.set(|config| config.set_policy(policy))
    }

    /// Returns a layer with another policy, for a route; all other settings are shared or copied. A layer inside of another one
    /// decides alone what is stored: the outer one stores nothing of what it has seen, and costs a trip.
    ///
    /// # Panics
    /// As [`policy`](Self::policy).
    #[must_use]
    pub fn with(&self, policy: CachePolicy) -> Self {
        self.clone().policy(policy)
    }

    /// Sets targeted fields (RFC 9213) that take the place of `Cache-Control` and `Expires`, in lower case; the first that is
    /// there and valid. Default: `tower-upstash-cache-control`.
    ///
    /// An application sets `cdn-cache-control` for the cache in front of it, which has a purge of its own; name it here only
    /// if this is that cache.
    ///
    /// # Panics
    /// If a name is no header name in lower case.
    #[must_use]
    pub fn targeted_by(self, fields: &[&'static str]) -> Self {
        let fields = fields.iter().copied().map(HeaderName::from_static);
        self.set(|config| config.set_targets(fields.collect()))
    }

    /// Obeys the `Cache-Control` (and `Pragma`) of requests that the function trusts: `no-cache`, `no-store`, `max-age`,
    /// `min-fresh`, `max-stale`, `only-if-cached` (RFC 9111, section 5.2.1). Default: of none, for they are advice.
    ///
    /// # Security
    /// Whoever is trusted can make each of their requests reach the service.
    #[must_use]
    pub fn trust_requests(self, trusts: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.set(|config| config.trusts = Some(Func::closure(trusts)))
    }

    /// Sets the scheme of requests whose URI has none, as in HTTP/1: part of the key. Default: `http`, but as nobody is sure of
    /// it, `example.com:80` is another host than `example.com`.
    ///
    /// Behind a proxy that ends TLS, it is `https`.
    #[must_use]
    pub fn scheme(self, scheme: Scheme) -> Self {
        self.set(|config| config.set_scheme(scheme))
    }

    /// Sets the name of this cache in `Cache-Status` (RFC 9211), which each response gets. Default: `tower-upstash`. `None`:
    /// no such field.
    ///
    /// # Security
    /// The field tells clients whether somebody has asked for the same before. So does the time that an answer takes.
    #[must_use]
    pub fn cache_status(self, name: impl Into<Option<&'static str>>) -> Self {
        let name = name.into().map(Name::new);
        self.set(|config| config.set_status(name))
    }

    /// Lets unsafe requests leave stored responses alone. Default: a successful one invalidates what is stored for its URL,
    /// for its `Location` and `Content-Location` (RFC 9111, section 4.4), and what is in the groups of its
    /// `Cache-Group-Invalidation` (RFC 9875, section 3), before it is answered, or after a second in the background: this process serves
    /// nothing of it meanwhile. That
    /// is a trip for each, and another one where there are groups, or policies [per user](CachePolicy::per) or with
    /// [headers](CachePolicy::key_headers) in their keys.
    #[must_use]
    pub fn without_invalidation(self) -> Self {
        self.set(|config| config.invalidates = false)
    }

    /// Lets purges by tag that other processes have made be seen this much later. Default: zero, for which each lookup asks
    /// for them, in the same trip: one billed command more.
    ///
    /// Those of this process are seen at once in any case, and so are purges by URL, but of what is kept
    /// [per user](CachePolicy::per) or by [headers](CachePolicy::key_headers).
    #[must_use]
    pub fn purge_lag(self, lag: Duration) -> Self {
        self.set(|config| config.purge_lag = lag)
    }

    /// Sets how many bytes all responses may hold together that are being recorded. Default: 64 MiB. Beyond that, responses
    /// are passed on and not stored. Of all layers that are made from one, before or after.
    #[must_use]
    pub fn recording_memory(self, bytes: usize) -> Self {
        self.config.family.budget.set(bytes as u64);
        self
    }

    /// Sets for how long a refresh in the background may take, and what is [received to its
    /// end](CachePolicy::finish_abandoned) for nobody. Default: 30 seconds. Without a [timer](Self::timer) there is no limit.
    #[must_use]
    pub fn refresh_limit(self, limit: Duration) -> Self {
        self.set(|config| config.refresh_limit = limit)
    }

    /// Sets the smallest body that is compressed at rest, in bytes, where the store is not in this process. Default: 4 KiB.
    /// `None`: nothing is compressed. With LZ4, if that saves an eighth; clients see the body as the service made it.
    #[must_use]
    pub fn compress_from(self, bytes: impl Into<Option<usize>>) -> Self {
        let bytes = bytes.into();
        self.set(|config| config.compress_from = bytes)
    }

    /// Sets what is told of each [`Event`]: for metrics, logs and alarms. It is called within requests, and must neither block
    /// nor panic. Default: nothing.
    #[must_use]
    pub fn on_event(self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.set(|config| config.on_event = Some(Arc::new(hook)))
    }

    /// Sets the timer of what is waited for. Default: tokio's, with the feature `tokio`. Without one, nothing that this layer
    /// waits for has an end but its own.
    #[must_use]
    pub fn timer(self, timer: Timer) -> Self {
        self.set(|config| config.timer = Some(timer))
    }

    /// Sets what runs refreshes and late writes. Default: tokio's. Without one, refreshes are waited for, and a write whose
    /// client has gone is given up.
    #[must_use]
    pub fn executor(self, executor: Executor) -> Self {
        self.set(|config| config.executor = Some(executor))
    }

    /// Sets the clock of ages and lifetimes. For tests; default: the system's.
    ///
    /// What was made of the layer before knows nothing of it any more, and goes by the old clock.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.set(|config| config.set_clock(Arc::new(clock)))
    }

    /// Returns a handle to the cache, to purge what this layer and all that were made from one with it have stored.
    #[must_use]
    pub fn handle(&self) -> ResponseCacheHandle {
        ResponseCacheHandle::new(Arc::clone(&self.config))
    }

    fn set(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }
}

impl<S> Layer<S> for ResponseCacheLayer {
    type Service = ResponseCache<S>;

    /// # Panics
    /// If another service of this family has a policy of the same name whose keys are made of something else.
    fn layer(&self, inner: S) -> ResponseCache<S> {
        self.config.family.add(&self.config.policy);
        ResponseCache::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for ResponseCacheLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseCacheLayer")
            .field("policy", &self.config.policy.policy)
            .finish_non_exhaustive()
    }
}
