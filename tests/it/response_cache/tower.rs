//! Tower's contract: readiness, clones, calls; and a store that fails.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_test::mock::Spawn;
use tower_upstash::{response_cache::ResponseCacheLayer, store::MemoryStore, time::ManualClock};

use super::app::{Origin, Site, answer, for_a_minute, get, get_with, request, settle};
use crate::support::Remote;

/// A service of which only the clone that was ready may be called.
#[derive(Default)]
struct Picky {
    is_ready: bool,
}

impl Clone for Picky {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<Full<Bytes>>> for Picky {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Full<Bytes>>) -> Self::Future {
        assert!(
            std::mem::take(&mut self.is_ready),
            "called without being ready"
        );
        std::future::ready(Ok(Response::default()))
    }
}

/// P15
#[tokio::test]
async fn the_service_that_was_ready_is_the_one_that_is_called() {
    for layer in [
        ResponseCacheLayer::new(MemoryStore::new()),
        ResponseCacheLayer::new(Remote::open().shared()),
    ] {
        let mut service = layer.layer(Picky::default());
        for method in ["GET", "POST", "HEAD", "GET"] {
            let ready = service.ready().await.unwrap();
            assert_eq!(
                ready
                    .call(request(method, "/", &[]))
                    .await
                    .unwrap()
                    .status(),
                200
            );
        }
        let get_with_body = get("/").map(|_| Full::from("body"));
        service
            .ready()
            .await
            .unwrap()
            .call(get_with_body)
            .await
            .unwrap();
    }
}

/// P15
#[tokio::test]
async fn readiness_is_that_of_the_service() {
    let site = Site::new(for_a_minute);
    let limited = ServiceBuilder::new()
        .layer(site.layer.clone())
        .concurrency_limit(1)
        .service(site.origin.clone().held_up());
    let mut service = Spawn::new(limited);
    assert_ready_ok!(service.poll_ready::<Request<Full<Bytes>>>());
    let first = tokio::spawn(service.call(get("/1")));
    settle().await;
    assert_pending!(service.poll_ready::<Request<Full<Bytes>>>());
    first.abort();
    settle().await;
    assert_ready_ok!(service.poll_ready::<Request<Full<Bytes>>>());
}

/// P15
#[tokio::test]
async fn a_hit_calls_no_service() {
    // Neither before the lookup nor after it.
    for (store, is_remote) in [
        (MemoryStore::new().into(), false),
        (Remote::open().shared(), true),
    ] {
        let site = Site::over(store, ManualClock::default(), Origin::new(for_a_minute));
        site.get("/").await;
        for _ in 0..3 {
            assert!(site.get("/").await.is_hit(), "{is_remote}");
        }
        assert_eq!(site.calls(), 1);
    }
    let remote = Remote::with_turns(0);
    let site = Site::over(
        remote.shared(),
        ManualClock::default(),
        Origin::new(for_a_minute),
    );
    let asked = site.spawn(get("/"));
    settle().await;
    assert_eq!(site.calls(), 0, "the store has not answered yet");
    for _ in 0..100 {
        remote.give_turn();
    }
    asked.await.unwrap().unwrap();
    assert_eq!(site.calls(), 1);
}

/// P15
#[tokio::test]
async fn a_store_that_is_down_is_passed_by() {
    for remote in [Remote::open(), Remote::at_once()] {
        let site = Site::over(
            remote.shared(),
            ManualClock::default(),
            Origin::new(for_a_minute),
        );
        let errors = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&errors);
        let site = site.layered(|layer| {
            layer.on_event(move |event| {
                if let tower_upstash::response_cache::Event::StoreError { .. } = event {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
            })
        });
        site.get("/").await;
        remote.set_down(true);
        for at in 1..=3 {
            let got = site.get("/").await;
            assert_eq!(
                (got.status, &got.body[..]),
                (200, &b"http://example.com/"[..])
            );
            assert_eq!(got.cache(), "tower-upstash;fwd=bypass;detail=store");
            assert_eq!(errors.load(Ordering::SeqCst), at);
        }
        assert_eq!(site.send(request("POST", "/", &[])).await.status, 200);
        assert_eq!(errors.load(Ordering::SeqCst), 4);
        assert_eq!(site.calls(), 5);
        remote.set_down(false);
        // What the POST has changed is not forgotten.
        assert!(!site.get("/").await.is_hit());
        assert!(site.get("/").await.is_hit());
    }
}

/// A store that fails while a response is received costs nothing but the entry.
#[tokio::test]
async fn a_store_that_fails_at_the_end_costs_the_entry_only() {
    let remote = Remote::open();
    let down = remote.clone();
    let origin = Origin::new(move |_| {
        down.set_down(true);
        answer(&[("cache-control", "max-age=60")], "good")
    });
    let site = Site::over(remote.shared(), ManualClock::default(), origin);
    for calls in 1..=2 {
        assert_eq!(site.get("/").await.body, "good");
        assert_eq!(site.calls(), calls);
        settle().await;
        remote.set_down(false);
    }
}

/// An error of the service is its own.
#[tokio::test]
async fn errors_of_the_service_pass() {
    let site = Site::new(for_a_minute);
    site.origin.set_down(true);
    for ask in [
        get("/"),
        request("POST", "/", &[]),
        request("HEAD", "/", &[]),
    ] {
        assert_eq!(site.open(ask).await.err(), Some(super::app::Down));
    }
}

#[tokio::test]
async fn who_wants_only_what_is_stored_gets_no_call_of_the_service_where_the_store_is_down() {
    let remote = Remote::open();
    let origin = Origin::new(for_a_minute);
    let site = Site::over(remote.shared(), ManualClock::default(), origin)
        .layered(|layer| layer.trust_requests(|_| true));
    remote.set_down(true);
    let ask = get_with("/", &[("cache-control", "only-if-cached")]);
    assert_eq!((site.send(ask).await.status, site.calls()), (504, 0));
}
