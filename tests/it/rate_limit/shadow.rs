//! Limits that are only watched: R27.

use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, Missing, OnStoreError, RateLimitLayer},
};

use super::app::{BOB, Events, TEN, TWO, get, layer, left_of_alice, send, status, statuses};
use crate::support::{Remote, request_from};

const WATCHED: Limit = Limit::new("watched", TWO).shadow();

#[tokio::test]
async fn a_watched_limit_is_charged_exactly_as_its_enforced_twin() {
    let costs = [1, 2, 1, 0, 3, 1];
    let cost = |parts: &http::request::Parts| parts.uri.path().len() as u32 - 1;
    let twin = Limit::new("ip", TEN).cost(cost);
    for other in [Quota::fixed(4, std::time::Duration::from_secs(10)), TEN] {
        let other = Limit::new("other", other);
        let enforced = layer().limit(twin.clone()).limit(other.clone());
        let watched = layer().limit(twin.clone().shadow()).limit(other);
        for cost in costs {
            let path = format!("/{}", "x".repeat(cost));
            for layer in [&enforced, &watched] {
                send(layer, get(&path)).await;
            }
            let left = (
                left_of_alice(&enforced, "ip").await,
                left_of_alice(&watched, "ip").await,
            );
            assert_eq!(left.0, left.1, "after {cost}");
        }
    }
}

#[tokio::test]
async fn a_watched_limit_never_refuses_and_tells_clients_nothing() {
    let by_nothing = By::header("x-nothing");
    for limit in [
        WATCHED,
        WATCHED.by(by_nothing).missing(Missing::Refuse),
        Limit::new("watched", Quota::NONE).shadow(),
        WATCHED.cost(|_| 3),
    ] {
        let layer = layer().limit(limit);
        for _ in 0..4 {
            let answer = send(&layer, get("/")).await;
            assert_eq!(answer.status(), 200);
            assert!(answer.headers().is_empty(), "{:?}", answer.headers());
        }
    }
}

#[tokio::test]
async fn a_watched_limit_refuses_nothing_while_the_store_is_down() {
    for policy in [
        OnStoreError::Refuse,
        OnStoreError::CountLocally,
        OnStoreError::Allow,
    ] {
        let store = Remote::open();
        store.set_down(true);
        let layer = RateLimitLayer::new(store.shared()).limit(WATCHED.on_store_error(policy));
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            [200; 3]
        );
    }
}

#[tokio::test]
async fn what_a_watched_limit_would_refuse_is_told_as_an_event() {
    let events = Events::default();
    let layer = events.of(layer().limit(WATCHED));
    statuses(&layer, [get("/"), get("/"), get("/")]).await;
    let expected = [
        "allowed watched",
        "allowed watched",
        "near watched",
        "would refuse watched",
    ];
    assert_eq!(events.take(), expected);
}

#[tokio::test]
async fn a_watched_limit_beside_an_enforced_one_is_in_no_header_of_a_refusal() {
    let layer = layer().limit(WATCHED).limit(Limit::new("ip", TWO));
    assert_eq!(statuses(&layer, [get("/"), get("/")]).await, [200, 200]);
    let refused = send(&layer, get("/")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["ratelimit"], r#""ip";r=0;t=10"#);
    assert_eq!(refused.headers()["ratelimit-policy"], r#""ip";q=2;w=10"#);
    assert_eq!(status(&layer, request_from(BOB)).await, 200);
}
