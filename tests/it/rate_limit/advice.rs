//! What the start-up check says: each piece where it should, and not otherwise.

use tower_upstash::{
    quota::Quota,
    rate_limit::{Lease, Limit, RateLimitLayer},
};

use super::app::{TEN, TWO, alice, get, layer, left_of_alice, status};
use crate::support::Remote;

async fn said(layer: &RateLimitLayer) -> Vec<String> {
    let advice = layer.check().await;
    advice.iter().map(ToString::to_string).collect()
}

fn hourly(n: u32) -> Limit {
    Limit::new("hour", Quota::per_hour(n))
}

#[tokio::test]
async fn nothing_is_said_of_what_is_well() {
    for layer in [
        layer().limit(Limit::new("ip", TEN)),
        layer().limit(hourly(1000)).limit(Limit::new("ip", TEN)), // bounded in the short
        layer().limit(hourly(1000).quota_burst(50)),
        layer().limit(hourly(100)),
        layer().limit(Limit::new("tokens", TEN).unit("tokens").reserve(|_| 2)),
        layer().limit(Limit::new("tokens", TEN).unit("tokens").cost(|_| 2)),
        layer().limit(Limit::new("off", Quota::NONE).shadow()),
        layer().limit(Limit::new("hot", TEN).lease(Lease::new())),
        RateLimitLayer::new(Remote::open().shared()).limit(Limit::new("ip", TEN)),
    ] {
        assert_eq!(said(&layer).await, [""; 0], "{layer:?}");
    }
}

trait Burst {
    fn quota_burst(self, burst: u32) -> Self;
}

impl Burst for Limit {
    fn quota_burst(self, burst: u32) -> Self {
        Self::new(self.name(), self.quota().burst(burst))
    }
}

#[tokio::test]
async fn each_mistake_is_named_with_its_limit() {
    for (layer, limit, text) in [
        (layer(), None, "no limits: it lets everything pass"),
        (
            layer().limit(hourly(1000)),
            Some("hour"),
            "used up in a moment",
        ),
        (
            layer().limit(Limit::new("closed", Quota::NONE)),
            Some("closed"),
            "every request is refused",
        ),
        (
            layer().limit(Limit::new("tokens", TEN).unit("tokens")),
            Some("tokens"),
            "set a cost or reserve an estimate",
        ),
    ] {
        let advice = layer.check().await;
        let [advice] = &advice[..] else {
            panic!("{advice:?}");
        };
        assert_eq!(advice.limit(), limit);
        assert!(advice.to_string().contains(text), "{advice}");
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_said_once_for_all_limits() {
    let store = Remote::open();
    store.set_down(true);
    let layer = RateLimitLayer::new(store.shared())
        .limit(Limit::new("a", TEN))
        .limit(Limit::new("b", TWO));
    let advice = layer.check().await;
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].limit(), None);
    assert!(
        advice[0]
            .to_string()
            .starts_with("the store does not answer as it should")
    );
}

#[tokio::test]
async fn a_check_charges_nothing() {
    let layer = layer().limit(Limit::new("ip", TWO));
    for _ in 0..5 {
        assert_eq!(said(&layer).await, [""; 0]);
    }
    assert_eq!(left_of_alice(&layer, "ip").await, 2);
    assert!(
        layer
            .handle()
            .limit("ip")
            .unwrap()
            .peek("advice")
            .await
            .unwrap()
            .remaining()
            == 2
    );
    assert!(
        layer
            .handle()
            .limit("ip")
            .unwrap()
            .check(alice())
            .await
            .allowed()
    );
    assert_eq!(status(&layer, get("/")).await, 200);
}
