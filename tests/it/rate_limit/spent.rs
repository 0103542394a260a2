//! What a handler says a request has cost: `Spent`, and what certain responses cost: `count`.

use std::{sync::Arc, time::Duration};

use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::{
    quota::Quota,
    rate_limit::{Event, Limit, OnStoreError, RateLimitLayer, Spent},
    store::MemoryStore,
};

use super::app::{
    Body, TEN, TWO, answer_with, get, layer, left_of_alice, memory, send, status, statuses,
};
use crate::support::Remote;

fn cost_five(_: &http::request::Parts) -> u32 {
    5
}

const POINTS: Limit = Limit::new("points", TEN).cost(cost_five);
const TOKENS: Limit = Limit::new("tokens", TEN).unit("tokens").reserve(cost_five);

fn spending(spent: Spent) -> Response<Body> {
    let mut response = Response::new(Body::default());
    response.extensions_mut().insert(spent);
    response
}

/// Returns what is left of ten units after a request that was charged five and says so.
async fn left_after(limit: Limit, spent: Spent) -> u32 {
    let name = limit.name();
    let mut left = Vec::new();
    for store in [MemoryStore::new().into(), Remote::open().shared()] {
        let layer = RateLimitLayer::new(store).limit(limit.clone());
        let answer = answer_with(&layer, get("/"), |_| spending(spent.clone())).await;
        assert_eq!(answer.status(), 200);
        left.push(left_of_alice(&layer, name).await);
    }
    assert_eq!(left[0], left[1], "a store that waits differs");
    left[0]
}

#[tokio::test]
async fn what_was_spent_more_is_charged_and_what_was_spent_less_is_given_back() {
    for (spent, left) in [
        (Spent::units(7), 3),
        (Spent::units(2), 8),
        (Spent::units(5), 5),
        (Spent::units(0), 10),
        (Spent::units(100), 0),
        (Spent::units(2).and("tokens", 9), 8),
        (Spent::units(2).and(Limit::REQUESTS, 3), 7),
    ] {
        assert_eq!(left_after(POINTS, spent.clone()).await, left, "{spent:?}");
    }
}

#[tokio::test]
async fn another_unit_is_the_affair_of_other_limits() {
    assert_eq!(left_after(POINTS, Spent::of("tokens", 1)).await, 5);
    assert_eq!(left_after(TOKENS, Spent::units(1)).await, 5);
    assert_eq!(left_after(TOKENS, Spent::of("tokens", 1)).await, 9);
}

#[tokio::test]
async fn nothing_was_spent_of_what_was_reserved_but_the_request_is_one_all_the_same() {
    assert_eq!(left_after(TOKENS, Spent::nothing()).await, 10);
    assert_eq!(left_after(POINTS, Spent::nothing()).await, 5);
    assert_eq!(
        left_after(TOKENS, Spent::nothing().and("tokens", 3)).await,
        7
    );
}

#[tokio::test]
async fn several_limits_are_settled_each_by_its_unit() {
    let layer = layer()
        .limit(Limit::new("requests", TEN))
        .limit(POINTS)
        .limit(TOKENS)
        .limit(Limit::new("watched", TEN).cost(cost_five).shadow());
    answer_with(&layer, get("/"), |_| {
        spending(Spent::units(2).and("tokens", 9))
    })
    .await;
    let mut left = Vec::new();
    for name in ["requests", "points", "tokens", "watched"] {
        left.push(left_of_alice(&layer, name).await);
    }
    assert_eq!(left, [8, 8, 1, 8]);
}

/// R16
#[tokio::test]
async fn whoever_overdraws_is_refused_until_the_debt_is_repaid() {
    let (store, clock) = memory();
    let quota = Quota::per_second(10);
    let layer = RateLimitLayer::new(store).limit(Limit::new("api", quota));
    answer_with(&layer, get("/"), |_| spending(Spent::units(100))).await;
    // Ninety of debt and one unit more: 9.1 seconds.
    let refused = send(&layer, get("/")).await;
    assert_eq!(
        (
            refused.status().as_u16(),
            refused.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "10")
    );
    clock.advance(Duration::from_millis(9_099));
    assert_eq!(status(&layer, get("/")).await, 429);
    clock.advance(Duration::from_millis(1));
    assert_eq!(status(&layer, get("/")).await, 200);
}

/// R15
#[tokio::test]
async fn what_was_taken_in_a_window_that_has_ended_is_not_given_back() {
    let (store, clock) = memory();
    let layer = RateLimitLayer::new(store).limit(POINTS);
    let time = clock.clone();
    answer_with(&layer, get("/"), move |_| {
        time.advance(Duration::from_secs(10));
        spending(Spent::units(0))
    })
    .await;
    assert_eq!(left_of_alice(&layer, "points").await, 10);
    // Nor to those who have used the next window meanwhile.
    let neighbour = layer.handle().limit("points").unwrap();
    let inner = service_fn(|_: Request<Body>| async {
        clock.advance(Duration::from_secs(10));
        assert!(
            neighbour
                .check_units(super::app::alice(), 5)
                .await
                .allowed()
        );
        Ok::<_, std::convert::Infallible>(spending(Spent::units(0)))
    });
    layer.layer(inner).oneshot(get("/")).await.unwrap();
    assert_eq!(left_of_alice(&layer, "points").await, 5);
}

fn is_unauthorized(response: &http::response::Parts) -> bool {
    response.status == StatusCode::UNAUTHORIZED
}

const LOGIN: Limit = Limit::new("login", Quota::strict(2, Duration::from_secs(60)))
    .count(is_unauthorized)
    .on_store_error(OnStoreError::Refuse);

fn attempt(fails: bool) -> Response<Body> {
    let mut response = Response::new(Body::default());
    if fails {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    response
}

#[tokio::test]
async fn only_failed_logins_are_counted() {
    for store in [MemoryStore::new().into(), Remote::open().shared()] {
        let layer = RateLimitLayer::new(store).limit(LOGIN);
        for (fails, expected) in [
            (false, 200),
            (false, 200),
            (true, 401),
            (false, 200),
            (true, 401),
            (false, 429),
            (true, 429),
        ] {
            let answer = answer_with(&layer, get("/login"), |_| attempt(fails)).await;
            assert_eq!(answer.status(), expected);
        }
    }
}

#[tokio::test]
async fn many_attempts_at_once_cannot_slip_through() {
    let layer = layer().limit(LOGIN);
    let gate = Arc::new(Semaphore::new(0));
    let inner = service_fn(|_: Request<Body>| {
        let gate = gate.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok::<_, std::convert::Infallible>(attempt(true))
        }
    });
    let service = layer.layer(inner);
    let mut calls: Vec<_> = (0..10)
        .map(|_| tokio_test::task::spawn(service.clone().oneshot(get("/login"))))
        .collect();
    let refused: Vec<u16> = calls
        .iter_mut()
        .filter_map(|call| match call.poll() {
            std::task::Poll::Ready(answer) => Some(answer.unwrap().status().as_u16()),
            std::task::Poll::Pending => None,
        })
        .collect();
    assert_eq!(refused, [429; 8]); // two are at the password
    gate.add_permits(10);
}

#[tokio::test]
async fn an_attempt_that_fails_or_is_not_waited_for_counts() {
    let layer = layer().limit(LOGIN);
    let failing = service_fn(async |_: Request<Body>| Err::<Response<Body>, _>("down"));
    let answer = layer.layer(failing).oneshot(get("/login")).await;
    assert_eq!(answer.unwrap_err(), "down");
    assert_eq!(left_of_alice(&layer, "login").await, 1);

    let hanging = service_fn(|_: Request<Body>| {
        std::future::pending::<Result<Response<Body>, std::convert::Infallible>>()
    });
    let mut call = tokio_test::task::spawn(layer.layer(hanging).oneshot(get("/login")));
    assert!(call.poll().is_pending());
    drop(call);
    assert_eq!(left_of_alice(&layer, "login").await, 0);
}

#[tokio::test]
async fn what_does_not_count_costs_nothing_whatever_was_spent() {
    let limit = Limit::new("points", TEN)
        .cost(cost_five)
        .count(is_unauthorized);
    assert_eq!(left_after(limit, Spent::units(7)).await, 10);
    let counted = Limit::new("points", TEN).cost(cost_five).count(|_| true);
    assert_eq!(left_after(counted, Spent::units(7)).await, 3);
}

#[tokio::test]
async fn an_estimate_is_at_least_one_and_at_most_the_whole_limit() {
    for (estimate, left) in [(0, 9), (1, 9), (10, 0), (11, 0), (u32::MAX, 0)] {
        let layer = layer().limit(Limit::new("tokens", TEN).reserve_with(move |_| estimate));
        assert_eq!(status(&layer, get("/")).await, 200, "{estimate}");
        // Unknown: what was reserved stays charged.
        assert_eq!(left_of_alice(&layer, "tokens").await, left, "{estimate}");
    }
}

#[tokio::test]
async fn a_large_estimate_waits_for_a_full_limit() {
    let (store, clock) = memory();
    let layer = RateLimitLayer::new(store).limit(Limit::new("tokens", TEN).reserve(|_| 99));
    assert_eq!(statuses(&layer, [get("/"), get("/")]).await, [200, 429]);
    clock.advance(Duration::from_secs(10));
    assert_eq!(status(&layer, get("/")).await, 200);
}

#[tokio::test]
async fn what_was_counted_here_while_the_store_was_down_is_given_back_here() {
    let store = Remote::open();
    store.set_down(true);
    let events = Arc::new(std::sync::Mutex::new(0));
    let errors = events.clone();
    let layer = RateLimitLayer::new(store.shared())
        .limit(Limit::new("ip", TWO).count(is_unauthorized))
        .on_event(move |event| {
            if let Event::StoreError { .. } = event {
                *errors.lock().unwrap() += 1;
            }
        });
    for fails in [false, false, false, true, false, true] {
        let answer = answer_with(&layer, get("/login"), |_| attempt(fails)).await;
        assert_ne!(answer.status(), 429);
    }
    assert_eq!(
        answer_with(&layer, get("/login"), |_| attempt(false))
            .await
            .status(),
        429
    );
    assert_eq!(*events.lock().unwrap(), 7);
}
