//! The store over TCP: Redis, Valkey, and Upstash's own TCP endpoint.

mod store;
mod wire;

pub use self::store::RedisStore;
