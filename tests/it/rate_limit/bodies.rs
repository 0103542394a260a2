//! What the layer leaves alone: bodies, permits, methods, upgrades. Tower's contract is in `service.rs`.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_test::mock::Spawn;
use tower_upstash::rate_limit::{By, Limit, Missing, RateLimitLayer};

use super::app::{ALICE, Body, TWO, answer_with, get, layer};
use crate::support::{Remote, request_from};

/// A body that nobody may touch.
struct Untouchable;

impl HttpBody for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        unreachable!("the body was polled")
    }
}

#[tokio::test]
async fn a_refusal_touches_no_body() {
    let missing = Limit::new("key", TWO)
        .by(By::header("x-key"))
        .missing(Missing::Refuse);
    for layer in [
        layer().limit(missing),
        layer().limit(Limit::new("ip", TWO).cost(|_| 3)),
        RateLimitLayer::new(Remote::open().shared()).limit(Limit::new("ip", TWO).cost(|_| 3)),
        layer()
            .limit(Limit::new("ip", TWO).cost(|_| 3))
            .on_refusal(|parts, refusal| refusal.answer(&parts.headers)),
    ] {
        let inner = service_fn(async |_: Request<Untouchable>| {
            Ok::<_, Infallible>(Response::new(Untouchable)) // its body would be polled
        });
        let refused = layer
            .layer(inner)
            .oneshot(Request::new(Untouchable))
            .await
            .unwrap();
        assert!(refused.status().is_client_error());
        assert!(
            !refused
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .is_empty()
        );
    }
}

async fn fine<B>(_: Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::default())
}

/// R23
#[tokio::test]
async fn a_refusal_that_is_being_answered_pins_no_permit() {
    for store in [
        tower_upstash::store::MemoryStore::new().into(),
        Remote::open().shared(),
    ] {
        let layer = RateLimitLayer::new(store).limit(Limit::new("ip", TWO).cost(|_| 3));
        let under = ServiceBuilder::new()
            .layer(layer)
            .concurrency_limit(1)
            .service(service_fn(fine::<Body>));
        let mut first = under.clone();
        let mut answer = Box::pin(first.ready().await.unwrap().call(get("/")));
        assert_eq!(answer.as_mut().await.unwrap().status(), 429);
        // The future that has answered still lives.
        let mut other = Spawn::new(under);
        assert_ready_ok!(other.poll_ready());
        drop(answer);
    }
}

/// R23
#[tokio::test]
async fn a_concurrency_limit_outside_is_free_again_after_a_refusal() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let over = ServiceBuilder::new()
        .concurrency_limit(1)
        .layer(layer)
        .service(service_fn(fine::<Body>));
    let mut service = Spawn::new(over);
    for expected in [200, 200, 429, 429] {
        assert_ready_ok!(service.poll_ready());
        let call = service.call(get("/"));
        assert_pending!(service.poll_ready());
        assert_eq!(call.await.unwrap().status(), expected);
    }
}

#[tokio::test]
async fn any_body_will_do() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let full = layer.layer(service_fn(fine::<Full<Bytes>>));
    assert_eq!(
        full.oneshot(request_from(ALICE)).await.unwrap().status(),
        200
    );
    // A request body that is none at all, a response body of another crate.
    let other = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    }));
    let request = request_from(ALICE).map(|_| ());
    assert_eq!(other.oneshot(request).await.unwrap().status(), 200);
}

/// R24
#[tokio::test]
async fn a_request_reaches_the_service_as_it_was_sent() {
    let plain = layer().limit(Limit::new("ip", TWO));
    // One that takes the head apart, and one that waits with it.
    let parts = layer().limit(Limit::new("ip", TWO).cost(|_| 1));
    let waits = RateLimitLayer::new(Remote::open().shared()).limit(Limit::new("ip", TWO));
    for layer in [plain, parts, waits] {
        let mut request = get("/a?b=c");
        *request.method_mut() = Method::HEAD;
        *request.version_mut() = http::Version::HTTP_2;
        request.headers_mut().append("x", "1".parse().unwrap());
        request.headers_mut().append("x", "2".parse().unwrap());
        request.extensions_mut().insert(42_u8);
        *request.body_mut() = Full::from("body");
        let answer = answer_with(&layer, request, |request| {
            assert_eq!(request.method(), Method::HEAD);
            assert_eq!(request.uri(), "/a?b=c");
            assert_eq!(request.version(), http::Version::HTTP_2);
            assert_eq!(request.headers().get_all("x").iter().count(), 2);
            assert_eq!(request.extensions().get::<u8>(), Some(&42));
            let mut response = Response::new(request.into_body());
            response.extensions_mut().insert("as upgrades are");
            response
        });
        let answer = answer.await;
        assert_eq!(answer.extensions().get::<&str>(), Some(&"as upgrades are"));
        assert_eq!(
            answer.into_body().collect().await.unwrap().to_bytes(),
            "body"
        );
    }
}

/// R24
#[tokio::test]
async fn an_upgrade_goes_through() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let layer = layer().limit(Limit::new("ip", TWO).by(By::EVERYONE));
    let app = layer.layer(service_fn(
        async |mut request: Request<hyper::body::Incoming>| {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = hyper_util::rt::TokioIo::new(upgrade.await.unwrap());
                io.write_all(b"upgraded").await.unwrap();
                io.shutdown().await.unwrap();
            });
            let response = Response::builder().status(101);
            let response = response
                .header("connection", "upgrade")
                .header("upgrade", "raw");
            Ok::<_, Infallible>(response.body(Empty::<Bytes>::new()).unwrap())
        },
    ));
    let (client, server) = tokio::io::duplex(1024);
    let server = hyper::server::conn::http1::Builder::new()
        .serve_connection(
            hyper_util::rt::TokioIo::new(server),
            hyper::service::service_fn(move |request| app.clone().oneshot(request)),
        )
        .with_upgrades();
    tokio::spawn(server);
    let mut client = client;
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(!answer.contains("ratelimit"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nupgraded"), "{answer}");
}
