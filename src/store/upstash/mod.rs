//! The store over HTTPS: Upstash's REST interface, and everything that speaks it.
//!
//! HTTP requests are what it costs, so calls that are made at the same time leave as one: see `lanes.rs`.

mod builder;
mod document;
mod endpoint;
mod env;
mod failure;
mod lanes;
mod link;
mod load;
mod queue;
mod request;
mod response;
mod store;
mod sync;
#[cfg_attr(
    all(target_family = "wasm", target_os = "unknown"),
    path = "transport/wasm.rs"
)]
mod transport;
mod usage;
mod wire;

pub use self::{
    builder::UpstashStoreBuilder, env::EnvStore, store::UpstashStore, usage::UpstashUsage,
};
