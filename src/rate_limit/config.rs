//! What a layer is told to do.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{HeaderValue, Response, request::Parts};

use super::{
    Event, Headers, Lease, Limit, Overrides, Refusal, When, address::Addresses, family::Family,
    headers, limit::Cost, ready::Ready,
};
use crate::{
    executor::Executor,
    quota::Quota,
    store::{MAX_CLAIMS, SharedStore},
    time::Timer,
};

#[derive(Clone)]
pub(super) struct Config {
    // Perhaps with a time limit.
    pub(super) store: SharedStore,
    // For what is waited for beside the store.
    pub(super) time_limit: Option<(Duration, Timer)>,
    // As it was given: it knows the names of limits.
    registry: SharedStore,
    pub(super) family: Arc<Family>,
    pub(super) limits: Vec<Ready>,
    pub(super) addresses: Addresses,
    pub(super) exempt: Vec<When>,
    pub(super) preflights: bool,
    pub(super) overrides: Overrides,
    pub(super) answers: Answers,
    pub(super) on_event: Option<OnEvent>,
    pub(super) executor: Option<Executor>,
    // What the limits need, all together.
    needs_parts: bool,
    pub(super) listed: usize,
    pub(super) leased: bool,
    pub(super) counts: bool,
    pub(super) reserves: bool,
    services: Services,
}

/// Whether a layer has made services. Changed, it is another layer, which has made none.
#[derive(Default)]
struct Services {
    one: AtomicBool,
    many: AtomicBool,
}

impl Clone for Services {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How requests are answered.
#[derive(Clone, Default)]
pub(super) struct Answers {
    pub(super) headers: Headers,
    pub(super) report: bool,
    pub(super) jitter: Duration,
    pub(super) on_refusal: Option<OnRefusal>,
    // The policies of all limits, where no plan changes them.
    pub(super) policies: Option<HeaderValue>,
}

pub(super) type OnEvent = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

pub(super) type OnRefusal =
    Arc<dyn Fn(&Parts, &Refusal<'_>) -> Response<bytes::Bytes> + Send + Sync>;

impl Config {
    pub(super) fn new(store: SharedStore) -> Self {
        Self {
            registry: store.clone(),
            store,
            time_limit: None,
            family: Arc::default(),
            limits: Vec::new(),
            addresses: Addresses::new(),
            exempt: Vec::new(),
            preflights: false,
            overrides: Overrides::default(),
            answers: Answers::default(),
            on_event: None,
            executor: Executor::of_platform(),
            needs_parts: false,
            listed: 0,
            leased: false,
            counts: false,
            reserves: false,
            services: Services::default(),
        }
    }

    /// Adds a limit; panics as documented on the layer.
    pub(super) fn add(&mut self, mut limit: Limit) {
        let given = limit.quota;
        if let Some(quota) = self.overrides.quota(limit.name) {
            limit.quota = *quota;
        }
        if let Some(known) = self.named(limit.name) {
            assert!(
                known.limit.quota == limit.quota,
                "{}",
                taken(&limit, &known.limit.quota)
            );
            assert!(
                known.limit.is_like(&limit),
                "two limits named `{}` in a layer, with other settings: give each a name of its own",
                limit.name
            );
            return; // the same limit once more
        }
        assert!(
            self.limits.len() < MAX_CLAIMS,
            "a rate limit layer has at most eight limits"
        );
        assert!(
            limit.lease.is_none() || Lease::fits(&limit.quota),
            "limit `{}`: a strict quota cannot be leased",
            limit.name
        );
        let registration = self
            .registry
            .register(limit.name, limit.quota)
            .unwrap_or_else(|other| panic!("{}", taken(&limit, &other)));
        self.limits.push(Ready::new(limit, given, registration));
        self.prepare();
    }

    pub(super) fn remove(&mut self, name: &str) {
        let before = self.limits.len();
        self.limits.retain(|ready| ready.limit.name != name);
        assert!(
            self.limits.len() < before,
            "no limit named `{name}` to leave out; there are: {}",
            self.names().join(", ")
        );
        self.prepare();
    }

    /// Takes over numbers from configuration, also for the limits that are there already.
    pub(super) fn override_with(&mut self, overrides: Overrides) {
        self.overrides = overrides;
        let limits = std::mem::take(&mut self.limits);
        // All at once: their names must be free before they are taken with other quotas.
        let limits: Vec<Limit> = limits.into_iter().map(Ready::into_given).collect();
        limits.into_iter().for_each(|limit| self.add(limit));
    }

    /// Renders and adds up what does not depend on the request.
    pub(super) fn prepare(&mut self) {
        let of = |has: fn(&Limit) -> bool| self.limits.iter().any(|ready| has(&ready.limit));
        let exempt = self.exempt.iter().any(When::needs_parts);
        self.needs_parts = of(Limit::needs_parts) || self.addresses.needs_parts() || exempt;
        self.leased = of(|limit| limit.lease.is_some());
        self.counts = of(|limit| limit.counts.is_some());
        self.reserves = of(|limit| matches!(limit.cost, Cost::Reserved(_)));
        let listed = self.limits.iter().filter(|ready| ready.limit.is_listed());
        let policies: Vec<_> = listed
            .map(|ready| (&ready.label, &ready.limit.quota))
            .collect();
        self.listed = policies.len();
        let fixed = !of(|limit| limit.plan.is_some()) && !policies.is_empty();
        self.answers.policies = fixed.then(|| headers::policies(policies.iter().copied()));
    }

    pub(super) fn names(&self) -> Vec<&'static str> {
        self.limits.iter().map(|ready| ready.limit.name).collect()
    }

    pub(super) fn named(&self, name: &str) -> Option<&Ready> {
        self.limits.iter().find(|ready| ready.limit.name == name)
    }

    /// Returns whether the limits need the whole head of a request.
    #[inline]
    pub(super) const fn needs_parts(&self) -> bool {
        self.needs_parts
    }

    /// Notes that a service is made with these limits.
    pub(super) fn note_service(&self) {
        if self.services.one.swap(true, Relaxed) {
            self.services.many.store(true, Relaxed);
        }
    }

    /// Returns whether another layer has one of the limits too, or this one was used twice: either may be further in or
    /// out.
    #[inline]
    pub(super) fn is_nested(&self) -> bool {
        let mut limits = self.limits.iter();
        self.services.many.load(Relaxed) || limits.any(|ready| ready.registration.is_shared())
    }

    /// Returns what tells this store from others.
    pub(super) fn store_address(&self) -> usize {
        self.registry.address()
    }

    #[inline]
    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(hook) = &self.on_event {
            hook(event);
        }
    }
}

fn taken(limit: &Limit, other: &Quota) -> String {
    format!(
        "limit `{}` has two quotas, {other} and {}: one name is one counter",
        limit.name, limit.quota
    )
}
