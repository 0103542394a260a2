//! The embedded store: sharded, without a background task, bounded.

mod acquire;
mod budget;
mod builder;
mod index;
mod log;
mod read;
mod record;
mod shard;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod write;

pub use self::{
    budget::{Budgets, MemoryEvent},
    builder::MemoryStoreBuilder,
    store::MemoryStore,
};
