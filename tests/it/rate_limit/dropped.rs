//! Requests that nobody waits for any more, at each place where they wait: R17.

use std::convert::Infallible;

use http::{Request, Response};
use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::rate_limit::{Limit, RateLimitLayer, Spent};

use super::app::{Body, TEN, answer_with, get, left_of_alice};
use crate::support::Remote;

const POINTS: Limit = Limit::new("points", TEN).reserve(|_| 5);

fn spending() -> Response<Body> {
    let mut response = Response::new(Body::default());
    response.extensions_mut().insert(Spent::requests(1));
    response
}

fn limited(turns: usize) -> (Remote, RateLimitLayer) {
    let store = Remote::with_turns(turns);
    let layer = RateLimitLayer::new(store.shared()).limit(POINTS);
    (store, layer)
}

async fn left(store: &Remote, layer: &RateLimitLayer) -> u32 {
    store.give_turn();
    left_of_alice(layer, "points").await
}

#[tokio::test]
async fn dropped_before_it_is_polled_a_request_is_not_charged() {
    let (store, layer) = limited(0);
    drop(answer_with(&layer, get("/"), |_| spending()));
    assert_eq!(left(&store, &layer).await, 10);
}

#[tokio::test]
async fn dropped_while_the_store_is_asked_a_request_is_charged_once_at_most() {
    let (store, layer) = limited(0);
    let mut call = task::spawn(answer_with(&layer, get("/"), |_| {
        unreachable!("it was called")
    }));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(left(&store, &layer).await, 10);
}

#[tokio::test]
async fn dropped_while_it_is_served_a_request_stays_charged() {
    let (store, layer) = limited(1);
    let hanging =
        service_fn(|_: Request<Body>| std::future::pending::<Result<Response<Body>, Infallible>>());
    let mut call = task::spawn(layer.layer(hanging).oneshot(get("/")));
    assert_pending!(call.poll());
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(left(&store, &layer).await, 5);
}

#[tokio::test]
async fn dropped_while_it_is_settled_a_request_is_settled_all_the_same() {
    for (spent, expected) in [(1, 9), (8, 2)] {
        let (store, layer) = limited(1);
        let mut call = task::spawn(answer_with(&layer, get("/"), move |_| {
            let mut response = spending();
            response.extensions_mut().insert(Spent::requests(spent));
            response
        }));
        for _ in 0..3 {
            assert_pending!(call.poll());
        }
        drop(call);
        store.give_turn();
        // What is under way is waited for.
        layer.handle().drain().await.unwrap();
        assert_eq!(left(&store, &layer).await, expected);
    }
}

/// Without anybody who goes on with it, nothing is left behind that a shutdown would wait for.
#[test]
fn dropped_while_it_is_settled_outside_of_a_runtime_a_request_stays_charged() {
    let (store, layer) = limited(1);
    let mut call = task::spawn(answer_with(&layer, get("/"), |_| spending()));
    for _ in 0..3 {
        assert_pending!(call.poll());
    }
    drop(call);
    tokio_test::block_on(async {
        layer.handle().drain().await.unwrap();
        assert_eq!(left(&store, &layer).await, 5);
    });
}
