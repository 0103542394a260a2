//! The store contract, its stores and its adapters.
//!
//! Everything in this crate stands on one trait, [`Store`]. Authors of a store write plain `async fn`s; users and
//! layers hold a [`SharedStore`], which has the everyday methods on top.
//!
//! ```
//! use std::time::Duration;
//! use tower_upstash::store::{Kind, MemoryStore, Scope, SharedStore};
//!
//! # tokio_test::block_on(async {
//! let store = SharedStore::new(MemoryStore::new());
//! let greetings = Scope::new(Kind::Data, "greetings");
//!
//! store.put(&greetings.key("world"), "hello", Duration::from_secs(60)).await?;
//! let entry = store.get(&greetings.key("world")).await?.expect("just written");
//! assert_eq!(entry.value(), "hello");
//! # Ok::<_, tower_upstash::store::Error>(())
//! # }).unwrap();
//! ```
//!
//! Several limits at once, all or nothing, in one trip:
//!
//! ```
//! use tower_upstash::{quota::Quota, store::{Claim, Kind, MemoryStore, Scope, SharedStore, Store}};
//!
//! # tokio_test::block_on(async {
//! let store = SharedStore::new(MemoryStore::new());
//! let everyone = Scope::new(Kind::Limit, "everyone").key("");
//! let user = Scope::new(Kind::Limit, "user").key("alice");
//!
//! let claims = [Claim::new(everyone, Quota::per_second(5000)), Claim::new(user, Quota::per_minute(1))];
//! assert!(store.acquire(&claims).await?.allowed());
//! let refused = store.acquire(&claims).await?;
//! assert!(!refused.allowed() && refused[0].allowed() && !refused[1].allowed());
//! # Ok::<_, tower_upstash::store::Error>(())
//! # }).unwrap();
//! ```

mod batch;
mod breaker;
mod claim;
#[cfg(any(feature = "redis", feature = "upstash"))]
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod contract;
mod counter;
mod decision;
mod entry;
mod erased;
mod error;
mod identifier;
mod index;
mod key;
mod lock;
mod memory;
mod metered;
mod prefixed;
mod purge;
#[cfg(feature = "redis")]
mod redis;
mod registry;
#[cfg(any(feature = "redis", feature = "upstash"))]
mod remote;
mod scope;
mod shared;
mod siphash;
mod slots;
mod time_limited;
mod together;
#[cfg(feature = "upstash")]
mod upstash;
mod written;

#[cfg(any(feature = "redis", feature = "upstash"))]
pub use self::config::ConfigError;
#[cfg(feature = "redis")]
pub use self::redis::{RedisStore, RedisStoreBuilder};
pub(crate) use self::registry::Registration;
#[cfg(feature = "upstash")]
pub use self::upstash::{EnvStore, UpstashStore, UpstashStoreBuilder, UpstashUsage};
pub use self::{
    batch::{Batch, Change, Condition, Membership, Write},
    breaker::{BreakerStore, BreakerStoreBuilder, BreakerUsage, Circuit},
    claim::{Claim, Spend, Window},
    contract::{Limits, MAX_BATCH, MAX_CLAIMS, MAX_READ, MAX_TAGS, MAX_TTL, Store},
    counter::Counter,
    decision::{Decision, Decisions, Verdict},
    entry::{Entries, Entry, Version},
    error::{Error, ErrorKind, Result},
    identifier::Identifier,
    index::{Cursor, Members},
    key::Key,
    lock::{Lock, LockGuard},
    memory::{Budgets, MemoryEvent, MemoryStore, MemoryStoreBuilder},
    metered::{MeteredStore, Usage},
    prefixed::PrefixedStore,
    purge::{Epoch, Position, Purge, PurgeView, Purges, Stamp, Tag},
    scope::{Kind, Scope},
    shared::SharedStore,
    time_limited::TimeLimitedStore,
    together::{Together, together},
    written::{Refusal, Written},
};
