//! A named limit: a `const` value.

use std::fmt;

use http::{request, response};

use super::{By, Lease, Missing, OnStoreError, When};
use crate::{few::replace, func::Func, quota::Quota};

/// A limit with a name: who may do how much.
///
/// ```
/// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}};
///
/// const API: Limit = Limit::new("api", Quota::per_minute(60)).by(By::CLIENT_IP.and(By::ROUTE));
/// ```
///
/// Settings that take a function also take a closure that captures something, by the name with `_with`; a limit that has
/// one is no `const`.
///
/// # Names
/// The name is part of every key, so limits of different names never share a counter, and one name is one counter
/// wherever it is used: in two layers over one store, and for all routes, unless it is [per route](Self::per_route). It
/// has one quota: another one for the same name is refused when the layer is made. The name is not secret.
#[derive(Clone)]
pub struct Limit {
    pub(super) name: &'static str,
    pub(super) quota: Quota,
    pub(super) by: By,
    pub(super) when: When,
    pub(super) missing: Missing,
    pub(super) on_store_error: OnStoreError,
    pub(super) cost: Cost,
    pub(super) plan: Option<Func<request::Parts, Option<Quota>>>,
    pub(super) counts: Option<Func<response::Parts, bool>>,
    pub(super) lease: Option<Lease>,
    pub(super) unit: &'static str,
    pub(super) shadow: bool,
    pub(super) per_route: bool,
    pub(super) unlisted: bool,
}

/// How many units a request takes.
#[derive(Clone, Debug)]
pub(super) enum Cost {
    One,
    Exactly(Func<request::Parts, u32>),
    // An estimate, settled later.
    Reserved(Func<request::Parts, u32>),
}

impl Limit {
    /// The unit of a limit that names none.
    pub const REQUESTS: &'static str = "requests";

    /// Names a quota, by default for each [`By::CLIENT_IP`].
    ///
    /// # Panics
    /// If the name is empty. In a `const` it does not compile.
    #[must_use]
    pub const fn new(name: &'static str, quota: Quota) -> Self {
        assert!(
            !name.is_empty(),
            "a limit needs a name: it is part of its keys"
        );
        Self {
            name,
            quota,
            by: By::CLIENT_IP,
            when: When::ALWAYS,
            missing: Missing::Shared,
            on_store_error: OnStoreError::CountLocally,
            cost: Cost::One,
            plan: None,
            counts: None,
            lease: None,
            unit: Self::REQUESTS,
            shadow: false,
            per_route: false,
            unlisted: false,
        }
    }

    /// Sets whose limit it is. Default: [`By::CLIENT_IP`].
    #[must_use]
    pub const fn by(mut self, by: By) -> Self {
        replace(&mut self.by, by);
        self
    }

    /// Sets which requests it applies to. Default: [`When::ALWAYS`].
    #[must_use]
    pub const fn when(mut self, when: When) -> Self {
        replace(&mut self.when, when);
        self
    }

    /// Sets what happens to a request that has no identifier. Default: [`Missing::Shared`].
    #[must_use]
    pub const fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Sets what happens when the store cannot be asked. Default: [`OnStoreError::CountLocally`].
    ///
    /// For logins, [`OnStoreError::Refuse`] keeps an outage from being an opportunity.
    #[must_use]
    pub const fn on_store_error(mut self, on_store_error: OnStoreError) -> Self {
        self.on_store_error = on_store_error;
        self
    }

    /// Sets how many units a request takes. Default: one. A request that takes none is exempt; one that takes more
    /// than the quota ever has is refused, and told not to try again.
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::Limit};
    ///
    /// const POINTS: Limit = Limit::new("points", Quota::per_minute(900))
    ///     .cost(|parts| if parts.method.is_safe() { 1 } else { 5 });
    /// ```
    #[must_use]
    pub const fn cost(self, cost: fn(&request::Parts) -> u32) -> Self {
        self.costing(Cost::Exactly(Func::Plain(cost)))
    }

    /// As [`cost`](Self::cost), for a closure that captures something.
    #[must_use]
    pub fn cost_with(self, cost: impl Fn(&request::Parts) -> u32 + Send + Sync + 'static) -> Self {
        self.costing(Cost::Exactly(Func::closure(cost)))
    }

    /// Sets an estimate of what a request will cost, which is reserved, and settled when [`Spent`](super::Spent) or
    /// [`Spending`](super::Spending) tells the truth. Without that the reservation stays charged.
    ///
    /// The estimate is at least one unit, and at most the whole quota: a request that might take more waits for a full
    /// one instead of being refused for ever.
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::Limit};
    ///
    /// const TOKENS: Limit = Limit::new("tokens", Quota::per_minute(100_000))
    ///     .unit("tokens")
    ///     .reserve(|_| 4_000);
    /// ```
    #[must_use]
    pub const fn reserve(self, estimate: fn(&request::Parts) -> u32) -> Self {
        self.costing(Cost::Reserved(Func::Plain(estimate)))
    }

    /// As [`reserve`](Self::reserve), for a closure that captures something.
    #[must_use]
    pub fn reserve_with(
        self,
        estimate: impl Fn(&request::Parts) -> u32 + Send + Sync + 'static,
    ) -> Self {
        self.costing(Cost::Reserved(Func::closure(estimate)))
    }

    const fn costing(mut self, cost: Cost) -> Self {
        replace(&mut self.cost, cost);
        self
    }

    /// Sets the unit that it counts in, by which [`Spent`](super::Spent) finds it. Default: `requests`.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Sets a quota for each request, such as that of the user's plan. `None`: the quota of the limit.
    ///
    /// What a key has used up carries over from plan to plan, see [`Quota::step`].
    ///
    /// # Security
    /// Where a client may choose between plans with each request, as one that is known by its address and has a key or
    /// leaves it out, they need the same algorithm: to a quota of another one everything is unused, and who takes turns
    /// is not limited at all. Plans of [GCRA](crate::quota::Algorithm::Gcra) also need the same window: it carries over
    /// shares, so who has a thousand a day and ten a minute drains the day by the minute. Make the plan part of the
    /// [key](Self::by) otherwise. Fixed and aligned windows of any length may take turns.
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::Limit};
    ///
    /// #[derive(Clone, Copy)]
    /// struct Paid;
    ///
    /// const API: Limit = Limit::new("api", Quota::per_hour(100))
    ///     .plan(|parts| parts.extensions.get::<Paid>().map(|_| Quota::per_hour(10_000)));
    /// ```
    #[must_use]
    pub const fn plan(mut self, plan: fn(&request::Parts) -> Option<Quota>) -> Self {
        replace(&mut self.plan, Some(Func::Plain(plan)));
        self
    }

    /// As [`plan`](Self::plan), for a closure that captures something.
    #[must_use]
    pub fn plan_with(
        mut self,
        plan: impl Fn(&request::Parts) -> Option<Quota> + Send + Sync + 'static,
    ) -> Self {
        self.plan = Some(Func::closure(plan));
        self
    }

    /// Counts only requests whose response says so, such as failed logins.
    ///
    /// A request takes its units before it is served, so that many at once cannot slip through, and gets them back when
    /// its response does not count: in the same window, in one more trip. A service that fails, or is not waited for,
    /// counts.
    ///
    /// ```
    /// use std::time::Duration;
    /// use http::StatusCode;
    /// use tower_upstash::{quota::Quota, rate_limit::{Limit, OnStoreError}};
    ///
    /// const LOGIN: Limit = Limit::new("login", Quota::strict(5, Duration::from_secs(15 * 60)))
    ///     .count(|response| response.status == StatusCode::UNAUTHORIZED)
    ///     .on_store_error(OnStoreError::Refuse);
    /// ```
    #[must_use]
    pub const fn count(mut self, counts: fn(&response::Parts) -> bool) -> Self {
        replace(&mut self.counts, Some(Func::Plain(counts)));
        self
    }

    /// As [`count`](Self::count), for a closure that captures something.
    #[must_use]
    pub fn count_with(
        mut self,
        counts: impl Fn(&response::Parts) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.counts = Some(Func::closure(counts));
        self
    }

    /// Takes several units of a hot key in one trip, and hands them out in this process: fewer trips, less exact. Default:
    /// every request asks the store. See [`Lease`].
    ///
    /// A trip is saved only where all limits that apply to a request are leased.
    ///
    /// # Panics
    /// If the quota is [strict](Quota::strict): it could not keep its promise. In a `const` it does not compile.
    #[must_use]
    pub const fn lease(mut self, lease: Lease) -> Self {
        assert!(
            Lease::fits(&self.quota),
            "a strict quota cannot be leased: it would not be strict any more"
        );
        self.lease = Some(lease);
        self
    }

    /// Refuses nothing, only tells: [`Event::WouldRefuse`](super::Event::WouldRefuse). It is charged exactly as if it were
    /// enforced, and no response tells of it.
    #[must_use]
    pub const fn shadow(mut self) -> Self {
        self.shadow = true;
        self
    }

    /// Counts each [route](By::ROUTE) apart. Default: one counter for all routes that have the limit.
    ///
    /// Requests that no route has matched are counted together.
    #[must_use]
    pub const fn per_route(mut self) -> Self {
        self.per_route = true;
        self
    }

    /// Keeps the limit out of response headers, such as one for everybody, whose state is nobody's business. A refusal
    /// names it.
    #[must_use]
    pub const fn unlisted(mut self) -> Self {
        self.unlisted = true;
        self
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the quota.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Returns whether response headers tell of it.
    pub(super) const fn is_listed(&self) -> bool {
        !self.shadow && !self.unlisted
    }

    /// Returns whether another limit has the same settings, as far as they can be compared: functions cannot.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }

    /// Returns whether its functions need the whole head of a request.
    pub(super) fn needs_parts(&self) -> bool {
        self.when.needs_parts()
            || self.by.needs_parts()
            || self.plan.is_some()
            || !matches!(self.cost, Cost::One)
    }
}

impl AsRef<str> for Limit {
    /// Returns the name.
    fn as_ref(&self) -> &str {
        self.name
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("name", &self.name)
            .field("quota", &self.quota)
            .field("by", &self.by)
            .field("when", &self.when)
            .field("missing", &self.missing)
            .field("on_store_error", &self.on_store_error)
            .field("cost", &self.cost)
            .field("plan", &self.plan)
            .field("count", &self.counts)
            .field("lease", &self.lease)
            .field("unit", &self.unit)
            .field("shadow", &self.shadow)
            .field("per_route", &self.per_route)
            .field("unlisted", &self.unlisted)
            .finish()
    }
}
