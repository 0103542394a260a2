//! Layers adjusted per route, and layers in layers.

use std::time::Duration;

use axum::{Router, routing::get as on_get};
use http::Request;
use tower::{Layer, ServiceExt};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, RateLimitLayer},
    store::{MemoryStore, SharedStore},
};

use super::app::{ALICE, TEN, TWO, alice, get, layer, left_of_alice, statuses, with_header};
use crate::support::request_from;

const API: Limit = Limit::new("api", TEN);
const LOGIN: Limit = Limit::new("login", TWO);
const NAMES: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

#[tokio::test]
async fn a_route_has_one_limit_more_and_another_one_less() {
    let base = layer().limit(API);
    let login = base.with(LOGIN);
    let health = base.without(API);
    assert_eq!(
        statuses(&login, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
    // The refused one was charged to neither, and both routes have used one counter.
    assert_eq!(left_of_alice(&base, "api").await, 8);
    assert_eq!(statuses(&base, [get("/")]).await, [200]);
    assert_eq!(left_of_alice(&login, "api").await, 7);
    assert_eq!(statuses(&health, [get("/")]).await, [200]);
    assert_eq!(left_of_alice(&base, "api").await, 7);
}

#[test]
#[should_panic(expected = "no limit named `login` to leave out; there are: api")]
fn a_limit_that_is_not_there_cannot_be_left_out() {
    let _ = layer().limit(API).without(LOGIN);
}

#[tokio::test]
async fn the_same_limit_once_more_is_one_limit() {
    let layer = layer().limit(LOGIN).limit(LOGIN);
    assert_eq!(
        format!("{layer:?}"),
        r#"RateLimitLayer { limits: ["login"], .. }"#
    );
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
}

#[test]
#[should_panic(expected = "limit `api` has two quotas")]
fn a_name_with_another_quota_is_a_mistake_in_one_layer() {
    let _ = layer().limit(API).limit(Limit::new("api", TWO));
}

#[test]
#[should_panic(expected = "limit `api` has two quotas")]
fn a_name_with_another_quota_is_a_mistake_in_two_layers_over_one_store() {
    let store = SharedStore::new(MemoryStore::new());
    let _first = RateLimitLayer::new(store.clone()).limit(API);
    let _ = RateLimitLayer::new(store).limit(Limit::new("api", TWO));
}

#[test]
fn a_name_with_another_quota_is_free_over_another_store_and_when_the_first_has_gone() {
    let store = SharedStore::new(MemoryStore::new());
    let first = RateLimitLayer::new(store.clone()).limit(API);
    let _elsewhere = layer().limit(Limit::new("api", TWO));
    drop(first);
    let _ = RateLimitLayer::new(store).limit(Limit::new("api", TWO));
}

fn eight() -> RateLimitLayer {
    let names = NAMES.iter().take(8);
    names.fold(layer(), |layer, name| layer.limit(Limit::new(name, TWO)))
}

#[tokio::test]
async fn eight_limits_are_decided_together() {
    let layer = eight();
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
    for name in &NAMES[..8] {
        assert_eq!(left_of_alice(&layer, name).await, 0);
    }
}

#[test]
#[should_panic(expected = "at most eight limits")]
fn a_ninth_limit_is_a_mistake() {
    let _ = eight().limit(Limit::new("9", TWO));
}

/// Sends requests through two layers.
async fn nested(
    outer: &RateLimitLayer,
    inner: &RateLimitLayer,
    requests: impl IntoIterator<Item = Request<super::app::Body>>,
) -> Vec<u16> {
    let ok = tower::service_fn(async |_: Request<super::app::Body>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(super::app::Body::default()))
    });
    let service = outer.layer(inner.layer(ok));
    let mut statuses = Vec::new();
    for request in requests {
        let answer = service.clone().oneshot(request).await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    statuses
}

#[tokio::test]
async fn what_the_outer_layer_has_charged_the_inner_one_does_not_charge_again() {
    let base = layer().limit(API);
    let inner = base.with(LOGIN);
    assert_eq!(
        nested(&base, &inner, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
    assert_eq!(left_of_alice(&base, "api").await, 7);
    assert_eq!(left_of_alice(&inner, "login").await, 0);
    // Also where the layers were made apart.
    let store = SharedStore::new(MemoryStore::new());
    let [outer, inner] = [0, 1].map(|_| RateLimitLayer::new(store.clone()).limit(API));
    nested(&outer, &inner, [get("/")]).await;
    assert_eq!(left_of_alice(&outer, "api").await, 9);
}

#[tokio::test]
async fn one_layer_around_and_inside_is_charged_once() {
    // Clones of one layer used to know nothing of each other.
    let base = layer().limit(API);
    nested(&base.clone(), &base, [get("/"), get("/")]).await;
    assert_eq!(left_of_alice(&base, "api").await, 8);
}

#[tokio::test]
async fn a_limit_of_another_key_or_another_store_is_charged_in_both_layers() {
    let store = SharedStore::new(MemoryStore::new());
    let outer = RateLimitLayer::new(store.clone()).limit(API);
    let by_everyone = RateLimitLayer::new(store).limit(API.by(By::EVERYONE));
    nested(&outer, &by_everyone, [get("/")]).await;
    assert_eq!(left_of_alice(&outer, "api").await, 9);
    assert_eq!(super::app::left(&by_everyone, "api", "").await, 9);

    let elsewhere = layer().limit(API);
    nested(&outer, &elsewhere, [get("/")]).await;
    assert_eq!(left_of_alice(&outer, "api").await, 8);
    assert_eq!(left_of_alice(&elsewhere, "api").await, 9);
}

#[tokio::test]
async fn a_limit_with_a_plan_is_charged_once_by_the_plan_of_the_request() {
    let planned = API.plan(|parts| {
        let paid = parts.headers.contains_key("x-paid");
        paid.then_some(Quota::fixed(100, Duration::from_secs(10)))
    });
    let base = layer().limit(planned);
    nested(&base, &base.with(LOGIN), [with_header("x-paid", "1")]).await;
    let handle = base.handle().limit("api").unwrap();
    let handle = handle.with_quota(Quota::fixed(100, Duration::from_secs(10)));
    assert_eq!(handle.peek(alice()).await.unwrap().remaining(), 99);
}

#[tokio::test]
async fn a_limit_that_the_outer_layer_only_watches_is_enforced_by_the_inner_one() {
    // It used to count as charged, and nobody enforced it.
    let store = SharedStore::new(MemoryStore::new());
    let outer = RateLimitLayer::new(store.clone()).limit(LOGIN.shadow());
    let inner = RateLimitLayer::new(store).limit(LOGIN);
    let requests = || (0..3).map(|_| request_from(ALICE));
    assert!(nested(&outer, &inner, requests()).await.contains(&429));
    // Two that watch count once.
    let watching = layer().limit(LOGIN.shadow());
    nested(&watching, &watching.clone(), [get("/")]).await;
    assert_eq!(left_of_alice(&watching, "login").await, 1);
}

#[tokio::test]
async fn routes_of_an_axum_router_have_the_layers_they_are_given() {
    let base = layer().limit(API);
    let app: Router = Router::new()
        .route("/login", on_get(async || "in").layer(base.with(LOGIN)))
        .route("/health", on_get(async || "well").layer(base.without(API)))
        .route("/items", on_get(async || "items").layer(base.clone()));
    let call = async |path: &'static str| {
        let request = request_from(ALICE).map(axum::body::Body::new);
        let (mut parts, body) = request.into_parts();
        parts.uri = path.parse().unwrap();
        let answer = app.clone().oneshot(Request::from_parts(parts, body)).await;
        answer.unwrap().status().as_u16()
    };
    for expected in [200, 200, 429] {
        assert_eq!(call("/login").await, expected);
    }
    assert_eq!(left_of_alice(&base, "api").await, 8);
    assert_eq!((call("/items").await, call("/health").await), (200, 200));
    assert_eq!(left_of_alice(&base, "api").await, 7);
}
