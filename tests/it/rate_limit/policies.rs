//! What a limit says: cost, condition, plan, per route, unlisted.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::{Router, routing::get as on_get};
use http::{Method, Request, header::RETRY_AFTER};
use tower::ServiceExt;
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, MatchedRoute, RateLimitLayer, When},
    store::Identifier,
};

use super::app::{
    ALICE, TEN, TWO, alice, get, layer, left, left_of_alice, memory, send, status, statuses,
    with_header,
};
use crate::support::{Remote, request_from};

fn cost_of(parts: &http::request::Parts) -> u32 {
    let cost = parts
        .headers
        .get("x-cost")
        .and_then(|cost| cost.to_str().ok());
    cost.and_then(|cost| cost.parse().ok()).unwrap_or(1)
}

const POINTS: Limit = Limit::new("points", TEN).cost(cost_of);

#[tokio::test]
async fn a_const_with_functions_and_closures_of_the_same_builder_are_one_limit() {
    const CONST: Limit = Limit::new("points", TEN)
        .by(By::parts(|parts| Some(Identifier::from(parts.uri.path()))))
        .when(When::parts(|parts| parts.method == Method::GET))
        .cost(|_| 3)
        .plan(|_| Some(TEN))
        .count(|response| response.status == 200);
    let three = 3;
    let closures = Limit::new("points", TEN)
        .by(By::parts_with(move |parts| {
            (three == 3).then(|| Identifier::from(parts.uri.path()))
        }))
        .when(When::parts_with(move |parts| {
            three == 3 && parts.method == Method::GET
        }))
        .cost_with(move |_| three)
        .plan_with(move |_| (three == 3).then_some(TEN))
        .count_with(move |response| three == 3 && response.status == 200);
    for limit in [CONST, closures] {
        let layer = layer().limit(limit);
        assert_eq!(
            statuses(&layer, [get("/a"), get("/a"), get("/b")]).await,
            [200; 3]
        );
        assert_eq!(left(&layer, "points", "/a").await, 4);
        assert_eq!(left(&layer, "points", "/b").await, 7);
    }
}

#[tokio::test]
async fn a_request_that_costs_nothing_passes_and_one_that_costs_too_much_never_does() {
    let layer = layer().limit(POINTS);
    let costs = |cost: &str| with_header("x-cost", cost);
    assert_eq!(status(&layer, costs("10")).await, 200);
    assert_eq!(status(&layer, costs("1")).await, 429);
    let free = send(&layer, costs("0")).await;
    assert_eq!(free.status(), 200);
    assert!(!free.headers().contains_key("ratelimit"));

    let fresh = super::app::layer().limit(POINTS);
    let never = send(&fresh, costs("11")).await;
    assert_eq!(never.status(), 429);
    assert!(!never.headers().contains_key(RETRY_AFTER));
    assert_eq!(left_of_alice(&fresh, "points").await, 10);
}

#[tokio::test]
async fn a_limit_of_nothing_refuses_for_good_without_asking_the_store() {
    let store = Remote::with_turns(0); // it would wait for ever
    let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("closed", Quota::NONE));
    let refused = send(&layer, get("/")).await;
    assert_eq!(refused.status(), 429);
    assert!(!refused.headers().contains_key(RETRY_AFTER));
    let closed = layer.handle().limit("closed").unwrap();
    assert!(!closed.check(alice()).await.allowed());
}

#[tokio::test]
async fn a_limit_applies_when_its_condition_holds() {
    const WRITES: &[Method] = &[Method::POST, Method::PUT];
    let request = |method: Method, path: &str| {
        let mut request = get(path);
        *request.method_mut() = method;
        request
    };
    for (when, yes, no) in [
        (
            When::methods(WRITES),
            [request(Method::POST, "/"), request(Method::PUT, "/x")],
            [get("/"), request(Method::DELETE, "/")],
        ),
        (
            When::path("/files"),
            [get("/files"), get("/files?a=b")],
            [get("/files/"), get("/file")],
        ),
        (
            When::path("/files/*"),
            [get("/files/"), get("/files/a/b")],
            [get("/files"), get("/a/files/")],
        ),
        (
            When::parts(|parts| parts.headers.contains_key("x-cost")),
            [with_header("x-cost", "1"), with_header("x-cost", "")],
            [get("/"), with_header("x-other", "1")],
        ),
        (
            When::methods(WRITES).and(When::path("/a*")),
            [request(Method::POST, "/a"), request(Method::PUT, "/ab")],
            [request(Method::POST, "/b"), get("/a")],
        ),
    ] {
        let text = format!("{when:?}");
        let layer = layer().limit(Limit::new("some", TWO).by(By::EVERYONE).when(when));
        assert_eq!(statuses(&layer, no).await, [200; 2], "{text}");
        assert_eq!(left(&layer, "some", "").await, 2, "{text}");
        assert_eq!(statuses(&layer, yes).await, [200; 2], "{text}");
        assert_eq!(left(&layer, "some", "").await, 0, "{text}");
    }
}

/// Sends requests of Alice's to a real router.
async fn routed(app: &Router, path: &str) -> u16 {
    let mut request = request_from(ALICE).map(axum::body::Body::new);
    *request.uri_mut() = path.parse().unwrap();
    app.clone()
        .oneshot(request)
        .await
        .unwrap()
        .status()
        .as_u16()
}

fn app(layer: &RateLimitLayer) -> Router {
    Router::new()
        .route("/users/{id}", on_get(async || "user"))
        .route("/items", on_get(async || "items"))
        .layer(layer.clone())
}

#[tokio::test]
async fn a_limit_applies_to_the_route_that_the_router_has_matched() {
    let users = Limit::new("users", TWO).when(When::route("/users/{id}"));
    let app = app(&layer().limit(users));
    for (path, expected) in [
        ("/users/1", 200),
        ("/users/2", 200),
        ("/users/3", 429),
        ("/items", 200),
        ("/items", 200),
        ("/items", 200),
    ] {
        assert_eq!(routed(&app, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_limit_per_route_counts_each_route_apart() {
    let per_route = app(&layer().limit(Limit::new("ip", TWO).per_route()));
    let by_route = app(&layer().limit(Limit::new("route", TWO).by(By::ROUTE)));
    for app in [per_route, by_route] {
        for (path, expected) in [
            ("/users/1", 200),
            ("/users/2", 200),
            ("/users/3", 429),
            ("/items", 200),
            ("/nowhere", 404),
        ] {
            assert_eq!(routed(&app, path).await, expected, "{path}");
        }
    }
    // Without a router, the pattern is an extension; those without one are counted together.
    let layer = layer().limit(Limit::new("ip", TWO).per_route());
    let matched = |route: &str| {
        let mut request = get("/");
        request.extensions_mut().insert(MatchedRoute::new(route));
        request
    };
    let requests = [
        matched("/a"),
        get("/1"),
        get("/2"),
        matched("/b"),
        get("/3"),
        matched("/a"),
    ];
    assert_eq!(
        statuses(&layer, requests).await,
        [200, 200, 200, 200, 429, 200]
    );
}

#[tokio::test]
async fn a_plan_sets_the_quota_of_a_request_and_what_its_headers_say() {
    const PAID: Quota = Quota::fixed(20, Duration::from_secs(10));
    let planned = Limit::new("api", TWO).plan(|parts| {
        let paid = parts.headers.contains_key("x-paid");
        paid.then_some(PAID)
    });
    let layer = layer().limit(planned);
    let paid = send(&layer, with_header("x-paid", "")).await;
    assert_eq!(paid.headers()["ratelimit-policy"], r#""api";q=20;w=10"#);
    assert_eq!(paid.headers()["ratelimit"], r#""api";r=19;t=10"#);
    let other = request_from(super::app::BOB);
    let free = send(&layer, other).await;
    assert_eq!(free.headers()["ratelimit-policy"], r#""api";q=2;w=10"#);
    assert_eq!(free.headers()["ratelimit"], r#""api";r=1;t=10"#);
}

#[tokio::test]
async fn a_change_of_plan_is_no_fresh_start() {
    let planned = Limit::new("api", TEN).plan(|parts| {
        let paid = parts.headers.contains_key("x-paid");
        paid.then_some(Quota::fixed(20, Duration::from_secs(10)))
    });
    let (store, _clock) = memory();
    let layer = RateLimitLayer::new(store).limit(planned);
    assert_eq!(
        statuses(&layer, (0..11).map(|_| get("/"))).await[9..],
        [200, 429]
    );
    let paid: Vec<u16> = statuses(&layer, (0..21).map(|_| with_header("x-paid", ""))).await;
    let admitted = paid.iter().filter(|status| **status == 200).count();
    assert!(admitted <= 10, "{admitted} more of twenty after ten of ten");
}

#[tokio::test]
async fn an_unlisted_limit_is_enforced_and_named_only_where_it_refuses() {
    let everyone = Limit::new("everyone", TWO).by(By::EVERYONE).unlisted();
    let layer = layer().limit(everyone).limit(Limit::new("ip", TEN));
    let passed = send(&layer, get("/")).await;
    assert_eq!(passed.headers()["ratelimit"], r#""ip";r=9;t=10"#);
    assert_eq!(passed.headers()["ratelimit-policy"], r#""ip";q=10;w=10"#);
    send(&layer, get("/")).await;
    let refused = send(&layer, get("/")).await;
    assert_eq!(refused.status(), 429);
    assert!(
        !refused.headers()["ratelimit"]
            .to_str()
            .unwrap()
            .contains("everyone")
    );
    let document = super::answers::document(refused).await;
    assert_eq!(document["violated-policies"][0], "everyone");
}

#[tokio::test]
async fn what_is_exempt_is_not_counted_by_any_limit() {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let limit = Limit::new("ip", TWO).cost(|_| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        1
    });
    let layer = layer()
        .limit(limit)
        .exempt(When::path("/health"))
        .exempt(When::parts(|parts| {
            parts.headers.contains_key("x-internal")
        }));
    for _ in 0..3 {
        assert_eq!(status(&layer, get("/health")).await, 200);
        assert_eq!(status(&layer, with_header("x-internal", "")).await, 200);
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 0);
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
}

#[test]
fn a_limit_tells_its_name_and_its_quota_and_no_more() {
    assert_eq!((POINTS.name(), POINTS.quota()), ("points", &TEN));
    let text = format!("{POINTS:?}");
    assert!(text.starts_with(r#"Limit { name: "points""#), "{text}");
    let _: Request<()> = Request::new(());
}
