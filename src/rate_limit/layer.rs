//! The [`RateLimitLayer`].

use std::{borrow::Borrow, fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Response, request::Parts};
use tower_layer::Layer;

use super::{
    Advice, Event, Headers, Limit, Overrides, RateLimit, RateLimitHandle, Refusal, TrustedProxies,
    When, advice, config::Config, family::Family,
};
use crate::{
    executor::Executor,
    func::Func,
    store::{SharedStore, TimeLimitedStore},
    time::{Clock, Timer},
};

/// Limits the requests to a service.
///
/// See the [module docs](crate::rate_limit) for examples. A layer is a value that is cheap to clone: make one for the
/// program, and adjust it per route, by [`with`](Self::with) and [`without`](Self::without).
#[derive(Clone)]
pub struct RateLimitLayer {
    config: Arc<Config>,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl RateLimitLayer {
    /// Creates a layer without limits, which lets everything pass.
    ///
    /// Layers of one program share a [`SharedStore`], or are made from one layer: then they know of each other. A limit
    /// that two layers have is charged once, and with two quotas it is refused. Of two handles that were made apart,
    /// from clones of a store, the one knows nothing of the other.
    pub fn new(store: impl Into<SharedStore>) -> Self {
        Self {
            config: Arc::new(Config::new(store.into())),
        }
    }

    /// Adds a limit. All limits of a layer are decided together: if one refuses, none is charged. A limit that the layer
    /// has already is not added again.
    ///
    /// # Panics
    /// If there is a limit of that name with another quota, in this layer or in another one over the same
    /// [`SharedStore`]; if the layer has one of that name with other settings; if it has eight limits; if [`Overrides`]
    /// have made a leased limit strict.
    #[must_use]
    pub fn limit(self, limit: Limit) -> Self {
        self.set(|config| config.add(limit))
    }

    /// Returns a layer with one more limit, as [`limit`](Self::limit) adds it: for a route.
    ///
    /// One trip decides them all. A layer with `LOGIN` inside of one with `API` would take two, and charge `API` for what
    /// `LOGIN` refuses; what both layers have is charged once there, too.
    ///
    /// # Panics
    /// As [`limit`](Self::limit).
    #[must_use]
    pub fn with(&self, limit: Limit) -> Self {
        self.clone().limit(limit)
    }

    /// Returns a layer without one of its limits: for a route.
    ///
    /// # Panics
    /// If it has no limit of that name.
    #[must_use]
    pub fn without(&self, limit: impl Borrow<Limit>) -> Self {
        let name = limit.borrow().name;
        self.clone().set(|config| config.remove(name))
    }

    /// Takes numbers from configuration, for limits that are added before or after. They replace earlier ones. See
    /// [`Overrides`].
    ///
    /// Before the layer is cloned: its clones keep the names of their limits, with their old quotas.
    ///
    /// # Panics
    /// As [`limit`](Self::limit).
    #[must_use]
    pub fn overrides(self, overrides: Overrides) -> Self {
        self.set(|config| config.override_with(overrides))
    }

    /// Sets which proxies are believed when they tell the address of a client. Default: none, and a client is the peer.
    ///
    /// # Security
    /// See [`TrustedProxies`]: who trusts too many lets every client choose its address.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        self.set(|config| config.addresses.proxies = Some(proxies))
    }

    /// Sets how many bits of an IPv6 address stand for a client, 1 to 128. Default: 64. Larger sites have a /56 or /48.
    ///
    /// # Panics
    /// Beyond that.
    #[must_use]
    pub fn ipv6_prefix(self, bits: u8) -> Self {
        assert!(
            (1..=128).contains(&bits),
            "an IPv6 prefix has 1 to 128 bits"
        );
        self.set(|config| config.addresses.ipv6_prefix = bits)
    }

    /// Sets where the address of the peer is found. Default: where axum, tonic and hyper's users leave it, see
    /// [`By::PEER_IP`](super::By::PEER_IP).
    #[must_use]
    pub fn peer(self, find: impl Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.set(|config| config.addresses.peer = Some(Func::closure(find)))
    }

    /// Lets requests pass that no limit shall count, such as those of health checks. May be said several times.
    ///
    /// # Security
    /// Whatever the client chooses, such as a header or the beginning of a path, lets it pass by all limits. A path is
    /// compared as it was sent: where what is behind takes `/health/../` for something else, name the whole path.
    #[must_use]
    pub fn exempt(self, when: When) -> Self {
        self.set(|config| config.exempt.push(when))
    }

    /// Counts CORS preflights, too. Default: they pass, since a browser cannot show why they were refused.
    ///
    /// # Security
    /// By default whoever sends what looks like a preflight is not limited: `OPTIONS` with `Origin` and
    /// `Access-Control-Request-Method`. Handlers of `OPTIONS` that cost something need this.
    #[must_use]
    pub fn limit_preflights(self) -> Self {
        self.set(|config| config.preflights = true)
    }

    /// Sets which header fields tell clients of their limits. Default: [`Headers::Ietf`].
    #[must_use]
    pub fn headers(self, headers: Headers) -> Self {
        self.set(|config| config.answers.headers = headers)
    }

    /// Lets `Retry-After` be up to this much later, each time by chance, so that clients do not come back all at once.
    /// Never earlier. Default: zero; at most a day.
    #[must_use]
    pub fn retry_jitter(self, most: Duration) -> Self {
        self.set(|config| config.answers.jitter = most.min(DAY))
    }

    /// Sets how requests are refused. Default: [`Refusal::answer`]. `Retry-After` is added where the response has none.
    ///
    /// ```
    /// use http::{HeaderValue, header::CONTENT_TYPE};
    /// use tower_upstash::{rate_limit::RateLimitLayer, store::MemoryStore};
    ///
    /// let layer = RateLimitLayer::new(MemoryStore::new()).on_refusal(|parts, refusal| {
    ///     let mut response = refusal.answer(&parts.headers);
    ///     response.headers_mut().insert("x-limited-by", HeaderValue::from_static("example"));
    ///     response
    /// });
    /// ```
    #[must_use]
    pub fn on_refusal(
        self,
        answer: impl Fn(&Parts, &Refusal<'_>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.set(|config| config.answers.on_refusal = Some(Arc::new(answer)))
    }

    /// Sets what is told of each [`Event`]: for metrics, logs and alarms. It is called within requests, also while a
    /// response is dropped, and must neither block nor panic. Default: nothing.
    #[must_use]
    pub fn on_event(self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.set(|config| config.on_event = Some(Arc::new(hook)))
    }

    /// Puts a [`Report`](super::Report) of the decisions into the extensions of every response, for logs and outer
    /// layers. Default: off, since it costs an allocation.
    #[must_use]
    pub fn report(self) -> Self {
        self.set(|config| config.answers.report = true)
    }

    /// Bounds how long the store is waited for, with a [`Lease`](super::Lease) also by the call of another request: then the
    /// [`OnStoreError`](super::OnStoreError) of each limit takes effect.
    /// Default: the store's own limit, 250 ms for [`UpstashStore`](crate::store::UpstashStore), 50 ms for `RedisStore`; a
    /// store without one needs this.
    #[must_use]
    pub fn time_limit(self, limit: Duration, timer: Timer) -> Self {
        self.set(|config| {
            let store = config.store.clone();
            config.time_limit = Some((limit, timer.clone()));
            config.store = SharedStore::new(TimeLimitedStore::new(store, limit, timer));
        })
    }

    /// Sets what runs the corrections of streams whose clients have gone, see [`Spending`](super::Spending). Default:
    /// tokio's; without one, such a stream stays charged with what was reserved for it.
    #[must_use]
    pub fn executor(self, executor: Executor) -> Self {
        self.set(|config| config.executor = Some(executor))
    }

    /// Sets the clock of what is remembered in this process: leases, recent refusals, and counts while the store is
    /// away. For tests; default: the system's. Limits go by the clock of the store.
    ///
    /// What was remembered so far is forgotten.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        self.set(|config| config.family = Arc::new(Family::new(Arc::new(clock))))
    }

    /// Returns a handle to the limits, for use outside of requests.
    #[must_use]
    pub fn handle(&self) -> RateLimitHandle {
        RateLimitHandle::new(Arc::clone(&self.config))
    }

    /// Asks the store once for each limit, without charging anything, and looks for set-ups that cannot work as intended.
    /// Nothing to say: an empty list. At start-up, print it; in a test, assert that it is empty.
    ///
    /// ```
    /// # use tower_upstash::{quota::Quota, rate_limit::{Limit, RateLimitLayer}, store::MemoryStore};
    /// # const API: Limit = Limit::new("api", Quota::per_minute(60));
    /// # tokio_test::block_on(async {
    /// let limits = RateLimitLayer::new(MemoryStore::new()).limit(API);
    /// for advice in limits.check().await {
    ///     eprintln!("rate limits: {advice}");
    /// }
    /// # });
    /// ```
    pub async fn check(&self) -> Vec<Advice> {
        advice::check(&self.config).await
    }

    fn set(mut self, change: impl FnOnce(&mut Config)) -> Self {
        let config = Arc::make_mut(&mut self.config);
        change(config);
        config.prepare();
        self
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        self.config.note_service();
        RateLimit::new(inner, Arc::clone(&self.config))
    }
}

impl fmt::Debug for RateLimitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limits", &self.config.names())
            .finish_non_exhaustive()
    }
}
