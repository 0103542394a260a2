//! What the layer asks of a service, and what it leaves alone: Tower's contract.

use std::{cell::Cell, convert::Infallible, rc::Rc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use tokio_test::{assert_pending, assert_ready, assert_ready_ok, task};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_test::mock;
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, Missing, RateLimitLayer},
    store::MemoryStore,
};

use crate::support::{Remote, request_from};

fn once() -> RateLimitLayer {
    RateLimitLayer::new(MemoryStore::new())
        .limit(Limit::new("ip", Quota::every(Duration::from_secs(60))))
}

type Mock = mock::Mock<Request<Full<Bytes>>, Response<Full<Bytes>>>;

#[tokio::test]
async fn readiness_is_the_inner_services() {
    let (inner, mut handle): (Mock, _) = mock::pair();
    handle.allow(0);
    let mut service = mock::Spawn::new(once().layer(inner));
    assert_pending!(service.poll_ready());
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
}

#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    // tower's ConcurrencyLimit and Buffer panic when a clone is called that was never ready.
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut limited = ServiceBuilder::new()
        .layer(once())
        .concurrency_limit(1)
        .service(inner);
    assert_eq!(
        limited
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1"))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        limited
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1"))
            .await
            .unwrap()
            .status(),
        429
    );

    let waiting =
        RateLimitLayer::new(Remote::open().shared()).limit(Limit::new("ip", Quota::per_hour(1)));
    let mut buffered = ServiceBuilder::new()
        .layer(waiting)
        .buffer(1)
        .service(inner);
    assert_eq!(
        buffered
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1"))
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        buffered
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1"))
            .await
            .unwrap()
            .status(),
        429
    );
}

#[tokio::test]
async fn a_refusal_pins_no_permit_of_the_inner_service() {
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let shared = ServiceBuilder::new().concurrency_limit(1).service(inner);
    let mut service = once().layer(shared);
    service
        .ready()
        .await
        .unwrap()
        .call(request_from("192.0.2.1:1"))
        .await
        .unwrap();
    let mut refused = service.clone();
    let refusal = refused
        .ready()
        .await
        .unwrap()
        .call(request_from("192.0.2.1:1"));

    // The refusal is not answered yet, and lives on; the only permit is free again.
    let mut other = mock::Spawn::new(service.clone());
    assert_ready_ok!(other.poll_ready());
    assert_eq!(refusal.await.unwrap().status(), 429);
}

#[tokio::test]
async fn a_refused_request_does_not_reach_the_service() {
    let (inner, mut handle): (Mock, _) = mock::pair();
    let mut service = once().layer(inner);
    let mut first = task::spawn(
        service
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1")),
    );
    assert_pending!(first.poll());
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(Response::default());
    assert_eq!(assert_ready!(first.poll()).unwrap().status(), 200);

    let mut second = task::spawn(
        service
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1")),
    );
    assert_eq!(assert_ready!(second.poll()).unwrap().status(), 429);
    assert_pending!(task::spawn(handle.next_request()).poll());
}

#[tokio::test]
async fn the_service_is_called_when_the_store_has_answered() {
    let store = Remote::with_turns(0);
    let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", Quota::per_hour(1)));
    let (inner, mut handle) = mock::pair::<Request<&'static str>, Response<Full<Bytes>>>();
    let mut service = layer.layer(inner.map_request(|request: Request<&'static str>| request));
    let mut call = task::spawn(service.ready().await.unwrap().call(Request::new("body")));
    for _ in 0..10 {
        assert_pending!(call.poll());
    }
    assert_pending!(task::spawn(handle.next_request()).poll());

    store.give_turn();
    assert_pending!(call.poll());
    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request.into_body(), "body");
    respond.send_response(Response::default());
    assert_eq!(assert_ready!(call.poll()).unwrap().status(), 200);
}

#[tokio::test]
async fn a_call_that_is_dropped_while_the_store_is_asked_does_not_reach_the_service() {
    let store = Remote::with_turns(0);
    let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", Quota::per_hour(1)));
    let (inner, mut handle): (Mock, _) = mock::pair();
    let mut service = layer.layer(inner);
    let mut call = task::spawn(
        service
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1")),
    );
    assert_pending!(call.poll());
    drop(call);
    assert_pending!(task::spawn(handle.next_request()).poll());

    // It was not charged either: the store never had its turn.
    store.give_turn();
    let mut call = task::spawn(
        service
            .ready()
            .await
            .unwrap()
            .call(request_from("192.0.2.1:1")),
    );
    assert_pending!(call.poll());
    assert_pending!(call.poll());
    handle
        .next_request()
        .await
        .unwrap()
        .1
        .send_response(Response::default());
    assert_eq!(assert_ready!(call.poll()).unwrap().status(), 200);
}

#[tokio::test]
async fn an_error_of_the_service_is_passed_on_as_it_is() {
    #[derive(Debug, PartialEq)]
    struct Own(u8);
    let inner = service_fn(async |_: Request<Full<Bytes>>| Err::<Response<Full<Bytes>>, _>(Own(7)));
    let answer = once()
        .layer(inner)
        .oneshot(request_from("192.0.2.1:1"))
        .await;
    assert_eq!(answer.map(|_| ()), Err(Own(7)));
}

#[tokio::test]
async fn services_and_bodies_need_not_be_send_or_clone_or_default() {
    struct Body(Rc<Cell<u8>>);
    let calls = Rc::new(Cell::new(0));
    let inner = service_fn(|request: Request<Body>| async move {
        request.body().0.set(request.body().0.get() + 1);
        Ok::<_, Infallible>(Response::new(request.into_body()))
    });
    let mut service = once().layer(inner);
    for expected in [200, 429] {
        let request = Request::new(Body(calls.clone()));
        assert_eq!(
            service
                .ready()
                .await
                .unwrap()
                .call(request)
                .await
                .unwrap()
                .status(),
            expected
        );
    }
    assert_eq!(calls.get(), 1);
}

#[tokio::test]
async fn frames_trailers_and_size_of_the_inner_body_are_kept() {
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    let sent = trailers.clone();
    let inner = service_fn(move |_: Request<Full<Bytes>>| {
        let trailers = sent.clone();
        let body = Full::<Bytes>::from("one").with_trailers(async { Some(Ok(trailers)) });
        async { Ok::<_, Infallible>(Response::new(UnsyncBoxBody::new(body))) }
    });
    let body = once()
        .layer(inner)
        .oneshot(request_from("192.0.2.1:1"))
        .await
        .unwrap()
        .into_body();
    assert!(!body.is_end_stream());
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), "one");

    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::from("four")))
    });
    let body = once()
        .layer(inner)
        .oneshot(request_from("192.0.2.1:1"))
        .await
        .unwrap()
        .into_body();
    assert_eq!(body.size_hint().exact(), Some(4));
}

#[tokio::test]
async fn the_response_keeps_its_extensions_and_the_request_too() {
    let inner = service_fn(async |request: Request<Full<Bytes>>| {
        let mut response = Response::new(Full::<Bytes>::default());
        *response.extensions_mut() = request.extensions().clone();
        Ok::<_, Infallible>(response)
    });
    let mut request = request_from("192.0.2.1:1");
    request.extensions_mut().insert(42_u8);
    let response = once().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(response.extensions().get::<u8>(), Some(&42));
}

#[tokio::test]
async fn a_request_that_no_limit_applies_to_does_not_wait_for_the_store() {
    let exempt = Limit::new("key", Quota::per_hour(1))
        .by(By::header("x-api-key"))
        .missing(Missing::Exempt);
    for layer in [
        RateLimitLayer::new(Remote::with_turns(0).shared()),
        RateLimitLayer::new(Remote::with_turns(0).shared()).limit(exempt),
    ] {
        let inner = service_fn(async |_: Request<Full<Bytes>>| {
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        });
        let mut call = task::spawn(layer.layer(inner).oneshot(request_from("192.0.2.1:1")));
        assert_eq!(assert_ready!(call.poll()).unwrap().status(), 200);
    }
}
