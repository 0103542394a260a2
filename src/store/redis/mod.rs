//! The store over TCP: Redis, Valkey, and Upstash's own TCP endpoint.

mod builder;
mod connection;
mod store;
mod url;
mod wire;

pub use self::{builder::RedisStoreBuilder, store::RedisStore};
