//! The environment variables that lead to a database.

use std::{env, fmt};

use super::{ConfigError, UpstashStore, UpstashStoreBuilder};
use crate::store::{BreakerStore, MemoryStore, SharedStore};

/// The names of URL and token, in the order in which they are looked for.
const PAIRS: [(&str, &str); 2] = [
    ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
    ("KV_REST_API_URL", "KV_REST_API_TOKEN"),
];

/// Where the store of [`SharedStore::from_env_or_memory`] is. `Display` says it in a sentence for a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Origin {
    /// In a database.
    #[non_exhaustive]
    Upstash {
        /// The variable that names it.
        variable: &'static str,
        /// The store itself, for its [`usage`](UpstashStore::usage).
        upstash: UpstashStore,
        /// The circuit breaker before it, for its [`circuit`](BreakerStore::circuit).
        breaker: BreakerStore<UpstashStore>,
    },
    /// In the memory of this process, since no variable is set.
    Memory,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Upstash { variable, .. } => write!(f, "the Upstash database of {variable}"),
            Self::Memory => write!(
                f,
                "the memory of this process, since {} is not set",
                PAIRS[0].0
            ),
        }
    }
}

impl UpstashStoreBuilder {
    /// Takes URL and token from environment variables: see [`UpstashStore::from_env`].
    ///
    /// # Errors
    /// As there.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(variable)
    }

    /// As [`from_env`](Self::from_env), from variables that are kept elsewhere: an edge runtime hands them to each
    /// request.
    ///
    /// # Errors
    /// As [`UpstashStore::from_env`].
    pub fn from_vars(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        find(lookup)?
            .map(|(_, builder)| builder)
            .ok_or(ConfigError::new(PAIRS[0].0, "is not set"))
    }
}

impl UpstashStore {
    /// Opens the database of `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN`, or else of `KV_REST_API_URL` and
    /// `KV_REST_API_TOKEN`. Connects at the first call.
    ///
    /// Never falls back to memory: see [`SharedStore::from_env_or_memory`].
    ///
    /// # Errors
    /// [`ConfigError`] where a variable is missing or cannot be used, or only one of a pair is set.
    pub fn from_env() -> Result<Self, ConfigError> {
        UpstashStoreBuilder::from_env()?.build()
    }
}

impl SharedStore {
    /// Opens the database of the environment, behind a [`BreakerStore`], or, where none of its variables is set, a store in
    /// memory.
    ///
    /// Says which, for the start-up log: memory is lost with the process, and every process has its own.
    ///
    /// ```no_run
    /// use tower_upstash::store::SharedStore;
    ///
    /// let (store, origin) = SharedStore::from_env_or_memory()?;
    /// println!("store: {origin}");
    /// # Ok::<_, tower_upstash::store::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As [`UpstashStore::from_env`], but for variables that are all missing.
    pub fn from_env_or_memory() -> Result<(Self, Origin), ConfigError> {
        Self::from_vars_or_memory(variable)
    }

    /// As [`from_env_or_memory`](Self::from_env_or_memory), from variables that are kept elsewhere.
    ///
    /// # Errors
    /// As there.
    pub fn from_vars_or_memory(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<(Self, Origin), ConfigError> {
        Ok(match find(lookup)? {
            Some((variable, builder)) => {
                let upstash = builder.build()?;
                let breaker = BreakerStore::new(upstash.clone());
                let origin = Origin::Upstash {
                    variable,
                    upstash,
                    breaker: breaker.clone(),
                };
                (breaker.into(), origin)
            }
            None => (Self::new(MemoryStore::new()), Origin::Memory),
        })
    }
}

/// Bytes that are no text become characters that no URL and no token has.
fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Finds the first pair of which anything is set.
fn find(
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Option<(&'static str, UpstashStoreBuilder)>, ConfigError> {
    for (url_name, token_name) in PAIRS {
        let (url, token) = match (lookup(url_name), lookup(token_name)) {
            (None, None) => continue,
            (Some(url), Some(token)) => (url, token),
            (None, Some(_)) => {
                return Err(ConfigError::new(url_name, "is not set, but its token is"));
            }
            (Some(_), None) => {
                return Err(ConfigError::new(token_name, "is not set, but its URL is"));
            }
        };
        let builder = UpstashStoreBuilder::named((url_name, &url), (token_name, &token));
        return Ok(Some((url_name, builder)));
    }
    Ok(None)
}
