//! The environment variables that lead to a database.

use std::{env, fmt};

use super::{UpstashStore, UpstashStoreBuilder};
use crate::store::{BreakerStore, Circuit, ConfigError, MemoryStore, SharedStore};

/// The names of URL and token, in the order in which they are looked for.
const PAIRS: [(&str, &str); 2] = [
    ("UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"),
    ("KV_REST_API_URL", "KV_REST_API_TOKEN"),
];

/// The store that the environment names: a database of Upstash behind a [`BreakerStore`], or memory where no variable is
/// set. `Display` says which, for the start-up log.
///
/// ```no_run
/// use tower_upstash::store::{EnvStore, SharedStore};
///
/// let env = EnvStore::from_env_or_memory()?;
/// println!("store: {env}");
/// let store = SharedStore::from(env);
/// # Ok::<_, tower_upstash::store::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnvStore {
    store: SharedStore,
    database: Option<Database>,
}

#[derive(Clone, Debug)]
struct Database {
    variable: &'static str,
    upstash: UpstashStore,
    breaker: BreakerStore<UpstashStore>,
}

impl EnvStore {
    /// Opens the database of the environment, or, where none of its variables is set, a store in memory: it is lost with
    /// the process, and every process has its own.
    ///
    /// # Errors
    /// As [`UpstashStore::from_env`], but for variables that are all missing.
    pub fn from_env_or_memory() -> Result<Self, ConfigError> {
        Self::from_env_or_memory_with(|builder| builder)
    }

    /// As [`from_env_or_memory`](Self::from_env_or_memory), with settings for the database.
    ///
    /// ```no_run
    /// # use tower_upstash::store::EnvStore;
    /// let env = EnvStore::from_env_or_memory_with(|upstash| upstash.global(2))?;
    /// # Ok::<_, tower_upstash::store::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn from_env_or_memory_with(
        settings: impl FnOnce(UpstashStoreBuilder) -> UpstashStoreBuilder,
    ) -> Result<Self, ConfigError> {
        Self::from_vars_or_memory_with(variable, settings)
    }

    /// As [`from_env_or_memory_with`](Self::from_env_or_memory_with), from variables that are kept elsewhere.
    ///
    /// # Errors
    /// As there.
    pub fn from_vars_or_memory_with(
        lookup: impl Fn(&str) -> Option<String>,
        settings: impl FnOnce(UpstashStoreBuilder) -> UpstashStoreBuilder,
    ) -> Result<Self, ConfigError> {
        let Some((variable, builder)) = find(lookup)? else {
            return Ok(Self {
                store: MemoryStore::new().into(),
                database: None,
            });
        };
        let upstash = settings(builder).build()?;
        let breaker = BreakerStore::new(upstash.clone());
        Ok(Self {
            store: breaker.clone().into(),
            database: Some(Database {
                variable,
                upstash,
                breaker,
            }),
        })
    }

    /// Returns the database without its breaker, for its [`usage`](UpstashStore::usage). `None`: it is memory.
    #[must_use]
    pub fn upstash(&self) -> Option<&UpstashStore> {
        self.database.as_ref().map(|database| &database.upstash)
    }

    /// Returns the state of the breaker. `None`: it is memory, which has none.
    #[must_use]
    pub fn circuit(&self) -> Option<Circuit> {
        let database = self.database.as_ref();
        database.map(|database| database.breaker.circuit())
    }
}

impl From<EnvStore> for SharedStore {
    fn from(env: EnvStore) -> Self {
        env.store
    }
}

impl fmt::Display for EnvStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.database {
            Some(database) => write!(f, "the Upstash database of {}", database.variable),
            None => write!(
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
    /// Never falls back to memory: see [`EnvStore::from_env_or_memory`].
    ///
    /// # Errors
    /// [`ConfigError`] where a variable is missing or cannot be used, or only one of a pair is set.
    pub fn from_env() -> Result<Self, ConfigError> {
        UpstashStoreBuilder::from_env()?.build()
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
