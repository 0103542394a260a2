//! A limit of tokens, which are reserved and settled.

use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
};

use super::site::HOUR;

pub(super) const PEER: &str = "192.0.2.1";
pub(super) const FULL: u32 = 1_000;
pub(super) const TOKENS: Limit = Limit::new("tokens", Quota::aligned(FULL, HOUR))
    .unit("tokens")
    .reserve(|_| 100);

/// Returns how many tokens are charged to the peer.
pub(super) async fn used(layer: &RateLimitLayer) -> u32 {
    let handle = layer.handle();
    let key = handle.client(PEER.parse().unwrap());
    let peeked = handle.limit("tokens").unwrap().peek(key).await.unwrap();
    FULL - peeked.remaining()
}
