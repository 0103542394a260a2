//! The store over TCP: Redis, and what speaks as it does.

mod builder;
mod connection;
mod handshake;
mod store;
mod url;
mod wire;

pub use self::{builder::RedisStoreBuilder, store::RedisStore};
