//! Limits outside of requests.

use std::{error, fmt, net::IpAddr, sync::Arc, time::Duration};

use http::request::Parts;

use super::{
    Missing,
    answer::{Answer, Outcome},
    config::Config,
    extractor::Found,
    question::Refused,
    ready::Ready,
};
use crate::{
    head::Head,
    quota::Quota,
    store::{Claim, Decision, Identifier, Result, Spend, Store, Verdict, Window},
};

/// The limits of a layer, outside of requests: in jobs, in messages, for operators. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::{quota::Quota, rate_limit::{Limit, RateLimitLayer}, store::MemoryStore};
///
/// const MAILS: Limit = Limit::new("mails", Quota::per_hour(100));
///
/// # tokio_test::block_on(async {
/// let limits = RateLimitLayer::new(MemoryStore::new()).limit(MAILS).handle();
/// let mails = limits.limit(MAILS)?; // or by its name
/// if mails.check("alice").await.allowed() {
///     // … send one …
/// }
/// mails.ban("mallory", Duration::from_secs(3600)).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct RateLimitHandle {
    config: Arc<Config>,
}

/// One of the limits of a [`RateLimitHandle`].
///
/// # Keys
/// A key is what the [`By`](super::By) of the limit makes of a request; [`key`](Self::key) tells for a request at hand.
///
/// | a limit by | has the keys |
/// |---|---|
/// | `CLIENT_IP`, `PEER_IP` | [`RateLimitHandle::client`] of the address |
/// | a header, a cookie | [`Identifier::secret`] of the value, as [`By::cookie`](super::By::cookie) reads it |
/// | `EVERYONE` | `""` |
/// | `ROUTE`, `METHOD` | the text |
/// | several, in their order; per route: and the route | [`Identifier::tuple`] of them |
///
/// Several limits at once, all or nothing, are decided by [`Store::acquire`] of the store itself.
#[derive(Clone)]
pub struct LimitHandle {
    config: Arc<Config>,
    at: u8,
    quota: Quota,
}

/// There is no limit of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownLimit {
    name: String,
    known: Vec<&'static str>,
}

impl RateLimitHandle {
    pub(super) const fn new(config: Arc<Config>) -> Self {
        Self { config }
    }

    /// Returns the limit of a name.
    ///
    /// # Errors
    /// If the layer has none of that name; the error lists those it has.
    pub fn limit(&self, name: impl AsRef<str>) -> std::result::Result<LimitHandle, UnknownLimit> {
        let name = name.as_ref();
        let mut limits = (0..).zip(&self.config.limits);
        match limits.find(|(_, ready)| ready.limit.name == name) {
            Some((at, ready)) => Ok(LimitHandle {
                config: Arc::clone(&self.config),
                at,
                quota: ready.limit.quota,
            }),
            None => Err(UnknownLimit {
                name: name.chars().take(64).collect(),
                known: self.config.names(),
            }),
        }
    }

    /// Returns what stands for a client's address in limits by address: the address, or its IPv6 network.
    #[must_use]
    pub fn client(&self, ip: IpAddr) -> Identifier {
        self.config.addresses.network(ip).into()
    }

    /// Gives back what is leased, and waits for corrections that are still under way: for shutdown, after the last
    /// request.
    ///
    /// Give it a time limit: a correction at the end of a stream goes on only while its client reads. What was counted
    /// here during an outage and has not been handed in is lost with the process.
    ///
    /// # Errors
    /// As [`Store::acquire`]; what was not given back stays charged.
    pub async fn drain(&self) -> Result<()> {
        let drained = self.config.family.leases.drain(&self.config.store).await;
        self.config.family.background.end().await;
        drained
    }
}

impl LimitHandle {
    /// Returns whose limit a request counts for: `None` where it has no identifier, and that does not mean a shared one.
    pub async fn key(&self, parts: &Parts) -> Option<Identifier> {
        let ready = self.ready()?;
        let found = ready
            .extractor
            .find(&Head::whole(parts), &self.config.addresses);
        let identifier = match found {
            Found::Now(identifier) => Some(identifier),
            Found::Nothing => None,
            Found::Later(later) => later.await,
        };
        let shared = ready.limit.missing == Missing::Shared;
        identifier.or_else(|| shared.then(Identifier::missing))
    }

    /// Takes a unit, as a request would.
    ///
    /// A store that fails is answered as the limit's [`OnStoreError`](super::OnStoreError) says. A limit that is a
    /// [shadow](super::Limit::shadow) tells what it would have done.
    ///
    /// # Cancellation
    /// Dropped while it waits, the unit was taken or not.
    pub async fn check(&self, key: impl Into<Identifier>) -> Decision {
        self.check_units(key, 1).await
    }

    /// Takes units, all or none. See [`check`](Self::check).
    pub async fn check_units(&self, key: impl Into<Identifier>, units: u32) -> Decision {
        let mut answer = Answer::default();
        let Some(ready) = self.ready() else {
            return nobody_knows(&self.quota, Outcome::Pass);
        };
        let claim = self.claim(ready, key, ready.spend(units));
        if self.quota.limit() == 0 && !ready.limit.shadow {
            let refused = Refused::Closed(self.at, Box::new(claim));
            let outcome = self.config.judge_refused(&mut answer, refused);
            let decision = answer.decisions.first().copied();
            return decision.unwrap_or_else(|| nobody_knows(&self.quota, outcome));
        }
        answer.question.claims.push(claim);
        answer.question.limits.push(self.at);
        let outcome = match self.config.decide_at_once(&mut answer) {
            Some(outcome) => outcome,
            None => {
                let outcome;
                (answer, outcome) = Arc::clone(&self.config)
                    .decide(answer, Vec::new(), None)
                    .await;
                outcome
            }
        };
        let decision = answer.decisions.first().copied();
        decision.unwrap_or_else(|| nobody_knows(&self.quota, outcome))
    }

    /// Returns what the store would answer to one more unit, without taking any. What is leased here counts as taken.
    ///
    /// # Errors
    /// As [`Store::acquire`].
    pub async fn peek(&self, key: impl Into<Identifier>) -> Result<Decision> {
        self.ask(key, Spend::Peek(1)).await
    }

    /// Takes units even where they are not there: whoever is in debt is refused until it is repaid.
    ///
    /// # Errors
    /// As [`Store::acquire`]; then the units were taken or not.
    pub async fn charge(&self, key: impl Into<Identifier>, units: u32) -> Result<Decision> {
        self.ask(key, Spend::Charge(units)).await
    }

    /// Gives back units of an earlier [`Decision`] of the store, in the window in which they were taken: after that,
    /// nothing is given back.
    ///
    /// # Errors
    /// As [`Store::acquire`]; then the units were given back or not.
    pub async fn refund(
        &self,
        key: impl Into<Identifier>,
        units: u32,
        decision: &Decision,
    ) -> Result<Decision> {
        let window = decision.window();
        let cost = units;
        self.ask(key, Spend::Refund { cost, window }).await
    }

    /// Forgets what a key has used up, and lifts its ban.
    ///
    /// Other processes may refuse it for another second, and hand out what they have leased.
    ///
    /// # Errors
    /// As [`Store::acquire`].
    pub async fn reset(&self, key: impl Into<Identifier>) -> Result<()> {
        self.ask(key, Spend::Reset).await.map(|_| ())
    }

    /// Refuses a key for a time, whatever its quota. A ban costs ordinary requests nothing; it replaces an earlier one.
    ///
    /// Other processes may hand out what they have leased.
    ///
    /// # Errors
    /// As [`Store::acquire`].
    pub async fn ban(&self, key: impl Into<Identifier>, duration: Duration) -> Result<()> {
        self.ask(key, Spend::Ban(duration)).await.map(|_| ())
    }

    /// Uses another quota, such as that of the user's [plan](super::Limit::plan).
    #[must_use]
    pub const fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    async fn ask(&self, key: impl Into<Identifier>, spend: Spend) -> Result<Decision> {
        let Some(ready) = self.ready() else {
            return Ok(nobody_knows(&self.quota, Outcome::Pass));
        };
        let claim = self.claim(ready, key, spend);
        let answer = self
            .config
            .store
            .acquire(std::slice::from_ref(&claim))
            .await;
        self.config.forget(&claim, answer.is_ok());
        let decision = answer?.first().copied();
        Ok(decision.unwrap_or_else(|| nobody_knows(&self.quota, Outcome::Pass)))
    }

    fn claim(&self, ready: &Ready, key: impl Into<Identifier>, spend: Spend) -> Claim {
        Claim::new(ready.scope.key(key), self.quota).spend(spend)
    }

    fn ready(&self) -> Option<&Ready> {
        self.config.limits.get(usize::from(self.at))
    }
}

impl Config {
    /// Forgets what this process remembers of a key and what is no longer true after such a claim. One that has failed may
    /// have been heard all the same.
    fn forget(&self, claim: &Claim, was_heard: bool) {
        let spend = claim.spending();
        if !matches!(spend, Spend::Peek(_)) {
            self.family.denials.forget(claim.key());
        }
        if matches!(spend, Spend::Reset | Spend::Ban(_)) {
            self.family.leases.forget(claim.key());
        }
        if spend == Spend::Reset && was_heard {
            self.family.local.forget(claim);
        }
    }
}

/// A decision without a store, by what is to happen then.
const fn nobody_knows(quota: &Quota, outcome: Outcome) -> Decision {
    let (verdict, remaining) = match outcome {
        Outcome::Pass => (Verdict::Allowed, quota.capacity()),
        Outcome::Refuse(_) => {
            let retry_micros = 1_000_000;
            (Verdict::Refused { retry_micros }, 0)
        }
    };
    Decision::new(verdict, quota.capacity(), remaining, 0, Window::from_u64(0))
}

impl fmt::Display for UnknownLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no limit named {:?}; known: {}",
            self.name,
            self.known.join(", ")
        )
    }
}

impl error::Error for UnknownLimit {}

impl fmt::Debug for RateLimitHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.config.names()).finish()
    }
}

impl fmt::Debug for LimitHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LimitHandle")
            .field(&self.ready().map(|ready| ready.limit.name))
            .finish()
    }
}
