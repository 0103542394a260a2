//! A store that waits, and one that is down: R19.

use tower_upstash::{
    rate_limit::{By, Limit, OnStoreError, RateLimitLayer},
    store::MemoryStore,
};

use super::app::{BOB, TWO, alice, get, layer, send, status, statuses};
use crate::support::{Remote, request_from};

#[tokio::test]
async fn each_limit_has_its_own_answer_to_a_store_that_is_down() {
    let ip = Limit::new("ip", TWO);
    let all = Limit::new("all", TWO).by(By::EVERYONE);
    for (policies, expected) in [
        (
            [OnStoreError::CountLocally, OnStoreError::CountLocally],
            [200, 200, 429],
        ),
        (
            [OnStoreError::CountLocally, OnStoreError::Allow],
            [200, 200, 429],
        ),
        (
            [OnStoreError::Allow, OnStoreError::CountLocally],
            [200, 200, 429],
        ),
        ([OnStoreError::Allow, OnStoreError::Allow], [200, 200, 200]),
        ([OnStoreError::Allow, OnStoreError::Refuse], [503, 503, 503]),
        ([OnStoreError::Refuse, OnStoreError::Allow], [503, 503, 503]),
    ] {
        let store = Remote::open();
        let [first, second] = policies;
        let layer = RateLimitLayer::new(store.shared())
            .limit(ip.clone().on_store_error(first))
            .limit(all.clone().on_store_error(second));
        store.set_down(true);
        let answers = statuses(&layer, [get("/"), get("/"), get("/")]).await;
        assert_eq!(answers, expected, "{policies:?}");
    }
}

#[tokio::test]
async fn what_was_admitted_in_an_outage_is_charged_afterwards() {
    for store in [Remote::open(), Remote::at_once()] {
        let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TWO));
        store.set_down(true);
        assert_eq!(status(&layer, get("/")).await, 200);
        store.set_down(false);
        assert_eq!(statuses(&layer, [get("/"), get("/")]).await, [200, 429]);
    }
}

#[tokio::test]
async fn a_store_that_waits_decides_as_one_that_does_not() {
    for store in [MemoryStore::new().into(), Remote::open().shared()] {
        let layer = RateLimitLayer::new(store).limit(Limit::new("ip", TWO));
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            [200, 200, 429]
        );
    }
}

/// R20
#[tokio::test]
async fn a_refusal_that_is_remembered_is_forgotten_with_its_cause() {
    let store = Remote::open();
    let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TWO));
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
    store.set_down(true);
    // Remembered: the store is not asked.
    let refused = send(&layer, get("/")).await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["ratelimit"].to_str().unwrap()
        ),
        (429, r#""ip";r=0;t=10"#)
    );
    assert_eq!(status(&layer, request_from(BOB)).await, 200);
    store.set_down(false);
    layer
        .handle()
        .limit("ip")
        .unwrap()
        .reset(alice())
        .await
        .unwrap();
    assert_eq!(status(&layer, get("/")).await, 200);
}

/// R3
#[tokio::test]
async fn a_client_refused_by_its_own_limit_does_not_use_up_everybodys() {
    let everyone = Limit::new("everyone", super::app::TEN).by(By::EVERYONE);
    let ip = Limit::new("ip", TWO);
    for layer in [
        layer().limit(everyone.clone()).limit(ip.clone()),
        layer().limit(ip).limit(everyone),
    ] {
        for _ in 0..1000 {
            send(&layer, get("/")).await;
        }
        assert_eq!(status(&layer, request_from(BOB)).await, 200);
    }
}

#[tokio::test]
async fn a_layer_without_limits_lets_everything_pass() {
    assert_eq!(status(&layer(), get("/")).await, 200);
}
