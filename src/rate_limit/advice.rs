//! What looks wrong about the limits of a layer.

use std::{env, fmt, time::Duration};

use super::{answer::is_outage, config::Config, limit::Cost};
use crate::store::{Claim, Decisions, Error, Identifier, Spend, Store};

/// Something about the limits of a layer that cannot work as intended, or hardly can. `Display` says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    limit: Option<&'static str>,
    text: String,
}

impl Advice {
    fn new(limit: impl Into<Option<&'static str>>, text: impl Into<String>) -> Self {
        Self {
            limit: limit.into(),
            text: text.into(),
        }
    }

    /// Returns the name of the limit, unless it is about the layer.
    #[must_use]
    pub const fn limit(&self) -> Option<&'static str> {
        self.limit
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "limit `{limit}`: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

pub(super) async fn check(config: &Config) -> Vec<Advice> {
    let mut advice = store(
        config,
        &platforms(|variable| env::var_os(variable).is_some()),
    );
    advice.extend(limits(config));
    advice.extend(answers(config).await);
    advice
}

/// Returns the platforms that run many processes for one application, if this is one of theirs.
fn platforms(is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
    const SIGNS: [(&str, &str); 7] = [
        ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda"),
        ("FLY_APP_NAME", "Fly.io"),
        ("FUNCTIONS_WORKER_RUNTIME", "Azure Functions"),
        ("K_SERVICE", "Cloud Run"),
        ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
        ("RENDER", "Render"),
        ("VERCEL", "Vercel"),
    ];
    let here = SIGNS.iter().filter(|(variable, _)| is_set(variable));
    here.map(|(_, platform)| *platform).collect()
}

fn store(config: &Config, platforms: &[&str]) -> Vec<Advice> {
    // Only a store in this process answers at once.
    let in_memory = matches!(
        config.store.try_acquire(&[], &mut Decisions::new()),
        Some(Ok(()))
    );
    let advice = platforms.first().filter(|_| in_memory).map(|platform| {
        Advice::new(
            None,
            format!(
                "the limits are in the memory of this process, and {platform} runs several: each counts for itself; \
                 use a remote store"
            ),
        )
    });
    advice.into_iter().collect()
}

fn limits(config: &Config) -> Vec<Advice> {
    const LONG: Duration = Duration::from_secs(60 * 60);
    const SHORT: Duration = Duration::from_secs(60);
    let mut advice = Vec::new();
    let limits = || config.limits.iter().map(|ready| &ready.limit);
    if limits().next().is_none() {
        advice.push(Advice::new(
            None,
            "the layer has no limits: it lets everything pass",
        ));
    }
    let short = limits().any(|limit| limit.quota.window() <= SHORT);
    let unleased = limits().find(|limit| limit.lease.is_none() || limit.shadow);
    for limit in limits() {
        if let Some(unleased) = unleased.filter(|_| limit.lease.is_some()) {
            advice.push(Advice::new(
                limit.name,
                format!(
                    "it is leased, but `{}` beside it is not: requests that both apply to take a trip all the same",
                    unleased.name
                ),
            ));
        }
        if limit.quota.window() >= LONG && limit.quota.capacity() > 100 && !short {
            advice.push(Advice::new(
                limit.name,
                "the quota of a long window can be used up in a moment: add a limit over a minute or less, or a burst",
            ));
        }
        if limit.quota.limit() == 0 && !limit.shadow {
            advice.push(Advice::new(
                limit.name,
                "the quota is zero: every request is refused",
            ));
        }
        if limit.unit != super::Limit::REQUESTS && matches!(limit.cost, Cost::One) {
            advice.push(Advice::new(
                limit.name,
                format!("it counts {}, but takes one for each request: set a cost or reserve an estimate", limit.unit),
            ));
        }
    }
    advice
}

/// Asks the store what it says to each limit, without charging anything: to all together, as requests do, and if it fails,
/// to one after the other.
async fn answers(config: &Config) -> Vec<Advice> {
    let claims: Vec<Claim> = config
        .limits
        .iter()
        .map(|ready| {
            let key = ready.scope.key(Identifier::from("advice"));
            Claim::new(key, ready.limit.quota).spend(Spend::Peek(1))
        })
        .collect();
    let Err(error) = config.store.acquire(&claims).await else {
        return Vec::new();
    };
    if is_outage(&error) {
        return vec![Advice::new(None, unanswered(&error))];
    }
    let mut advice = Vec::new();
    for (ready, claim) in config.limits.iter().zip(claims) {
        if let Err(error) = config.store.acquire(&[claim]).await {
            advice.push(Advice::new(ready.limit.name, unanswered(&error)));
        }
    }
    if advice.is_empty() {
        // Each by itself would do.
        advice.push(Advice::new(None, unanswered(&error)));
    }
    advice
}

fn unanswered(error: &Error) -> String {
    format!("the store does not answer as it should: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, SharedStore};

    fn said(store: impl Into<SharedStore>, variable: &str) -> Vec<String> {
        let platforms = platforms(|set| set == variable);
        let advice = super::store(&Config::new(store.into()), &platforms);
        advice.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn memory_on_a_platform_of_many_processes_is_advised_against() {
        assert_eq!(said(MemoryStore::new(), "HOME"), [""; 0]);
        for (variable, platform) in [
            ("FLY_APP_NAME", "Fly.io"),
            ("KUBERNETES_SERVICE_HOST", "Kubernetes"),
            ("VERCEL", "Vercel"),
        ] {
            let said = said(MemoryStore::new(), variable).join("; ");
            let text = "the limits are in the memory of this process, and ";
            assert!(said.starts_with(&format!("{text}{platform}")), "{said}");
        }
    }

    #[cfg(feature = "redis")]
    #[test]
    fn a_remote_store_is_shared_by_the_processes_of_a_platform() {
        // It is not asked: only a store of this process answers without waiting.
        let store = crate::store::RedisStore::new("redis://127.0.0.1/").expect("a URL");
        assert_eq!(said(store, "FLY_APP_NAME"), [""; 0]);
    }
}
