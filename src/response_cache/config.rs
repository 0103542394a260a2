//! What a layer is told to do.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, request::Parts, uri::Scheme};

use super::{
    CachePolicy, Event,
    budget::Budget,
    family::{Family, RECORDINGS},
    hot::Hot,
    ready::Ready,
    semantics::cache_status::Name,
};
use crate::{
    executor::Executor,
    func::Func,
    store::{Entries, SharedStore, Store},
    time::{Clock, SystemClock, Timer, Timestamp},
};

#[derive(Clone)]
pub(super) struct Config {
    pub(super) store: SharedStore,
    pub(super) policy: Arc<Ready>,
    targets: Vec<HeaderName>,
    pub(super) trusts: Option<Func<Parts, bool>>,
    /// Of requests that do not name one.
    pub(super) scheme: Option<Scheme>,
    pub(super) status: Option<Name>,
    pub(super) invalidates: bool,
    pub(super) purge_lag: Duration,
    pub(super) refresh_limit: Duration,
    pub(super) compress_from: Option<usize>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) timer: Option<Timer>,
    pub(super) executor: Option<Executor>,
    /// The store is in this process.
    pub(super) is_local: bool,
    /// Not of the family: it has what this layer says in `Cache-Status`.
    pub(super) hot: Arc<Hot>,
    pub(super) family: Arc<Family>,
}

pub(super) type OnEvent = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl Config {
    pub(super) fn new(store: SharedStore, policy: CachePolicy) -> Self {
        let targets = vec![HeaderName::from_static("tower-upstash-cache-control")];
        let policy = Arc::new(Ready::new(policy, &targets, None));
        let family = Family::new(
            &store,
            Arc::new(SystemClock::new()),
            Arc::new(Budget::new(RECORDINGS)),
        );
        Self {
            policy,
            targets,
            trusts: None,
            scheme: None,
            status: Some(Name::new("tower-upstash")),
            invalidates: true,
            purge_lag: Duration::ZERO,
            refresh_limit: Duration::from_secs(30),
            compress_from: Some(4 << 10),
            on_event: None,
            timer: Timer::of_platform(),
            executor: Executor::of_platform(),
            is_local: store.try_read(&[], &mut Entries::new()).is_some(),
            hot: Arc::default(),
            family: Arc::new(family),
            store,
        }
    }

    pub(super) fn set_policy(&mut self, policy: CachePolicy) {
        self.policy = Arc::new(Ready::new(policy, &self.targets, self.scheme.as_ref()));
    }

    pub(super) fn set_scheme(&mut self, scheme: Scheme) {
        self.scheme = Some(scheme);
        self.set_policy(self.policy.policy.clone());
    }

    pub(super) fn set_targets(&mut self, targets: Vec<HeaderName>) {
        self.targets = targets;
        self.set_policy(self.policy.policy.clone());
    }

    pub(super) fn set_status(&mut self, status: Option<Name>) {
        self.status = status;
        self.hot = Arc::default();
    }

    pub(super) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.family = Arc::new(Family::new(
            &self.store,
            clock,
            Arc::clone(&self.family.budget),
        ));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.family.clock.now()
    }

    pub(super) fn name(&self) -> &'static str {
        self.policy.policy.name
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(hook) = &self.on_event {
            hook(event);
        }
    }
}
