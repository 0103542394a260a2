//! Identifiers that take time to find.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::{
    rate_limit::{By, Limit, Missing, RateLimitLayer, Report},
    store::Identifier,
};

use super::app::{Body, TWO, get, layer, left, left_of_alice, send, statuses, with_header};
use crate::support::Remote;

/// Finds the user in a header once there is a permit.
fn user(permits: &Arc<Semaphore>) -> By {
    let permits = permits.clone();
    By::later(move |parts| {
        let user = parts.headers.get("x-user").map(Identifier::new);
        let permits = permits.clone();
        async move {
            permits.acquire().await.unwrap().forget();
            user
        }
    })
}

fn open() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(1000))
}

#[tokio::test]
async fn a_request_waits_for_its_identifier_and_asks_the_store_then() {
    for store in [
        tower_upstash::store::MemoryStore::new().into(),
        Remote::open().shared(),
    ] {
        let layer = RateLimitLayer::new(store).limit(Limit::new("user", TWO).by(user(&open())));
        let ann = || with_header("x-user", "ann");
        assert_eq!(
            statuses(&layer, [ann(), ann(), ann()]).await,
            [200, 200, 429]
        );
        assert_eq!(
            statuses(&layer, [with_header("x-user", "bob")]).await,
            [200]
        );
    }
}

#[tokio::test]
async fn the_service_is_not_called_before_the_identifier_is_there() {
    let permits = Arc::new(Semaphore::new(0));
    let layer = layer().limit(Limit::new("user", TWO).by(user(&permits)));
    let called = Arc::new(AtomicBool::new(false));
    let seen = called.clone();
    let inner = service_fn(move |_: Request<Body>| {
        seen.store(true, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Body::default())) }
    });
    let mut call = task::spawn(layer.layer(inner).oneshot(with_header("x-user", "ann")));
    assert_pending!(call.poll());
    assert!(!call.is_woken() && !called.load(Ordering::SeqCst));
    permits.add_permits(1);
    assert!(call.is_woken());
    assert_eq!(assert_ready!(call.poll()).unwrap().status(), 200);
    assert!(called.load(Ordering::SeqCst));
}

/// R17
#[tokio::test]
async fn a_request_dropped_while_its_identifier_is_looked_for_is_not_charged() {
    let permits = Arc::new(Semaphore::new(0));
    let layer = layer()
        .limit(Limit::new("ip", TWO))
        .limit(Limit::new("user", TWO).by(user(&permits)));
    let mut call = task::spawn(send(&layer, with_header("x-user", "ann")));
    assert_pending!(call.poll());
    drop(call);
    assert_eq!(left_of_alice(&layer, "ip").await, 2);
    assert_eq!(left(&layer, "user", "ann").await, 2);
}

#[tokio::test]
async fn an_identifier_that_is_not_found_later_is_missing_as_any_other() {
    for (missing, expected) in [
        (Missing::Shared, [200, 200, 429]),
        (Missing::Refuse, [400, 400, 400]),
        (Missing::Exempt, [200, 200, 200]),
    ] {
        let limit = Limit::new("user", TWO).by(user(&open())).missing(missing);
        let layer = layer().limit(limit);
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            expected
        );
        assert_eq!(
            send(&layer, with_header("x-user", "ann")).await.status(),
            200
        );
    }
}

#[tokio::test]
async fn several_identifiers_are_waited_for_and_reported_in_the_order_of_the_limits() {
    let permits = open();
    let layer = layer()
        .limit(Limit::new("first", TWO).by(user(&permits)))
        .limit(Limit::new("second", TWO))
        .limit(Limit::new("third", TWO).by(By::METHOD.and(user(&permits))))
        .limit(Limit::new("fourth", TWO).by(By::EVERYONE))
        .report();
    let ann = || with_header("x-user", "ann");
    let answer = send(&layer, ann()).await;
    let report = answer.extensions().get::<Report>().unwrap();
    let names: Vec<&str> = report.iter().map(|(name, _)| name).collect();
    // Those that had to be waited for used to come last.
    assert_eq!(names, ["first", "second", "third", "fourth"]);
    let told = answer.headers()["ratelimit"].to_str().unwrap();
    assert!(
        told.starts_with(r#""first";r=1;t=10, "second";r=1"#),
        "{told}"
    );
    assert_eq!(statuses(&layer, [ann(), ann()]).await, [200, 429]);
    let composite = Identifier::tuple(&[Identifier::from("GET"), Identifier::from("ann")]);
    assert_eq!(left(&layer, "third", composite).await, 0);
}

#[tokio::test]
async fn what_is_refused_or_exempt_anyway_is_not_looked_for() {
    let looked = Arc::new(AtomicU32::new(0));
    let seen = looked.clone();
    let by = By::later(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        async { Some(Identifier::from("x")) }
    });
    let layer = layer().limit(
        Limit::new("user", TWO)
            .by(by)
            .when(tower_upstash::rate_limit::When::path("/users/*")),
    );
    assert_eq!(send(&layer, get("/")).await.status(), 200);
    assert_eq!(looked.load(Ordering::SeqCst), 0);
    assert_eq!(send(&layer, get("/users/1")).await.status(), 200);
    assert_eq!(looked.load(Ordering::SeqCst), 1);
}
