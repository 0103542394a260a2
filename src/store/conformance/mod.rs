//! The promises of the contract, each a check that any [`Store`](super::Store) can run.
//!
//! Needs the feature `conformance`, which belongs among the `dev-dependencies`. A store is finished when [`check`] finds
//! nothing: run it in a test, and once more over a [`PrefixedStore`](super::PrefixedStore) of it.
//!
//! # Examples
//! A store whose clock is set by hand needs no sleep:
//!
//! ```
//! use std::future::ready;
//! use tower_upstash::{
//!     store::{MemoryStore, SharedStore, conformance::{self, Fixture}},
//!     time::ManualClock,
//! };
//!
//! # tokio_test::block_on(async {
//! let clock = ManualClock::default();
//! let store = MemoryStore::builder().clock(clock.clone()).build();
//! let fixture = Fixture::new(SharedStore::new(store), move |time| {
//!     clock.advance(time);
//!     ready(())
//! });
//! if let Err(violations) = conformance::check(&fixture).await {
//!     panic!("{violations:#?}");
//! }
//! # });
//! ```
//!
//! Any other store really waits, a little longer than asked where its clock counts milliseconds. Here one promise is
//! checked by itself:
//!
//! ```
//! use std::time::Duration;
//! use tower_upstash::store::{MemoryStore, conformance::{Fixture, counters}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = MemoryStore::new(); // or yours, in a `SharedStore`
//! let fixture = Fixture::new(store, |time| tokio::time::sleep(time + Duration::from_millis(5)));
//! counters::a_counter_lives_from_its_first_increment(&fixture).await?;
//! # Ok(())
//! # }
//! ```
//!
//! For a test of each promise, go through [`PROMISES`], which also names them.

pub mod bans;
pub mod batches;
pub mod claims;
pub mod conditions;
pub mod counters;
pub mod drops;
pub mod entries;
mod fixture;
pub mod indexes;
pub mod keys;
mod limit_promises;
pub mod limits;
pub mod locks;
pub mod memberships;
mod promise;
mod promises;
pub mod purges;
pub mod races;
pub mod spends;
mod trial;
mod violation;

pub use self::{
    fixture::Fixture,
    promise::Promise,
    promises::{PROMISES, check},
    violation::Violation,
};
