//! The tests of the public API, a file for each area.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acquire;
mod adapters;
mod alternatives;
mod broken;
mod cache_attacks;
mod cache_races;
mod cache_stores;
mod cache_unmodified;
mod conformance;
mod differential;
mod examples;
mod heard;
mod limiter;
mod lock;
mod memo;
mod memory;
mod node;
mod quickstart;
mod quota;
mod rate_limit;
mod redis_store;
mod response_cache;
mod servers;
mod service;
mod session;
mod session_stores;
mod stack;
mod support;
mod upstash;
