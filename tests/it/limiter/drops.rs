//! R17: requests that are dropped at each place where they wait.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer as _, Service as _, service_fn};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Lease, Limit, RateLimitLayer, Spent},
    store::SharedStore,
};

use super::site::{HOUR, Site, status};
use crate::support::request_from;

const PEER: &str = "192.0.2.1";
const FULL: u32 = 1_000;
/// More polls than any request needs.
const POLLS: u32 = 40;

async fn used(layer: &RateLimitLayer, name: &str) -> u32 {
    let handle = layer.handle();
    let key = handle.client(PEER.parse().unwrap());
    FULL - handle
        .limit(name)
        .unwrap()
        .peek(key)
        .await
        .unwrap()
        .remaining()
}

/// Drops a request after so many polls, between which the runtime goes on. Returns whether it was answered before.
async fn drop_after(layer: &RateLimitLayer, polls: u32, served: &Arc<AtomicU32>) -> bool {
    let served = Arc::clone(served);
    let mut service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| {
        let served = Arc::clone(&served);
        async move {
            tokio::task::yield_now().await;
            served.fetch_add(1, Ordering::SeqCst);
            let mut response = Response::new(Full::<Bytes>::from("inner"));
            response.extensions_mut().insert(Spent::requests(3));
            Ok::<_, Infallible>(response)
        }
    }));
    let mut future = Box::pin(service.call(request_from(&format!("{PEER}:1"))));
    for _ in 0..polls {
        let mut cx = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut cx).is_ready() {
            return true;
        }
        // What is on the way gets on.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    false
}

fn stores(site: &Site) -> [SharedStore; 2] {
    site.stores()
}

/// One unit when the request is admitted, two more when it is answered.
#[tokio::test]
async fn a_request_that_is_dropped_anywhere_is_charged_once_or_not() {
    let site = Site::start().await;
    for store in stores(&site) {
        let limits = [
            Limit::new("api", Quota::aligned(FULL, HOUR)),
            Limit::new("all", Quota::fixed(FULL, HOUR)).by(By::PEER_IP),
        ];
        let layer = limits
            .iter()
            .fold(site.layer(store), |layer, limit| layer.limit(limit.clone()));
        assert_eq!(status(&layer, PEER).await, 200);
        let mut answered = 0;
        for polls in 0..POLLS {
            site.flush().await;
            let served = Arc::default();
            let was_answered = drop_after(&layer, polls, &served).await;
            answered += u32::from(was_answered);
            let served = served.load(Ordering::SeqCst);
            // What has left arrives.
            layer.handle().drain().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            let used = [used(&layer, "api").await, used(&layer, "all").await];
            assert_eq!(used[0], used[1], "all or nothing, after {polls} polls");
            let most = if served == 0 { 1 } else { 3 };
            assert!(used[0] <= most, "after {polls} polls: {used:?}");
            if served > 0 {
                assert!(used[0] >= 1, "served for nothing");
            }
            if was_answered {
                assert_eq!(used[0], 3);
            }
        }
        assert!(
            (1..POLLS).contains(&answered),
            "{answered}: dropped here and there"
        );
    }
}

#[tokio::test]
async fn a_leased_request_that_is_dropped_hands_out_nothing_that_was_not_debited() {
    let site = Site::start().await;
    for store in stores(&site) {
        let limit = Limit::new("api", Quota::aligned(FULL, HOUR)).lease(Lease::new());
        let layer = site.layer(store.clone()).limit(limit);
        let served = Arc::default();
        for round in 0..3 * POLLS {
            drop_after(&layer, round % POLLS, &served).await;
        }
        layer.handle().drain().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Each of the served has taken a unit, and those that were answered two more.
        let served = served.load(Ordering::SeqCst);
        let used = used(&layer, "api").await;
        assert!(served > 0 && used >= served, "{used} used, {served} served");
        assert!(used < FULL, "they do not eat up everything");
    }
}

/// What was reserved for a request that never came back ends with its window.
#[tokio::test]
async fn a_reservation_of_a_request_that_was_dropped_ends_by_itself() {
    let site = Site::start().await;
    for store in stores(&site) {
        site.flush().await;
        let reserve = Limit::new("api", Quota::fixed(FULL, HOUR)).reserve(|_| 400);
        let layer = site.layer(store).limit(reserve);
        let hang = || {
            layer.layer(service_fn(async |_: Request<Full<Bytes>>| {
                std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>().await
            }))
        };
        for used_up in [400, 800] {
            let call = hang().call(request_from(&format!("{PEER}:1")));
            let waited = tokio::time::timeout(Duration::from_millis(500), call).await;
            assert!(waited.is_err());
            assert_eq!(used(&layer, "api").await, used_up);
        }
        assert_eq!(status(&layer, PEER).await, 429);
        site.advance(HOUR);
        assert_eq!(status(&layer, PEER).await, 200);
        assert_eq!(used(&layer, "api").await, 400);
    }
}

/// The client went while the head of its response waited for the correction: what it has cost was not charged.
#[tokio::test]
async fn a_correction_that_is_under_way_is_finished_without_the_client() {
    let site = Site::start().await;
    for store in stores(&site) {
        for (spent, polls) in [(700, 1), (700, 3), (0, 1), (0, 3)] {
            site.flush().await;
            let reserve = Limit::new("api", Quota::aligned(FULL, HOUR)).reserve(|_| 100);
            let layer = site.layer(store.clone()).limit(reserve);
            let served = Arc::new(AtomicU32::new(0));
            let seen = Arc::clone(&served);
            let mut service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| {
                seen.fetch_add(1, Ordering::SeqCst);
                let mut response = Response::new(Full::<Bytes>::default());
                response.extensions_mut().insert(Spent::requests(spent));
                async { Ok::<_, Infallible>(response) }
            }));
            let mut call = Box::pin(service.call(request_from(&format!("{PEER}:1"))));
            let mut left = polls;
            while left > 0 {
                let mut cx = Context::from_waker(Waker::noop());
                if call.as_mut().poll(&mut cx).is_ready() {
                    break; // faster than the test
                }
                left -= served.load(Ordering::SeqCst);
                if left > 0 {
                    tokio::time::sleep(Duration::from_micros(50)).await;
                }
            }
            drop(call);
            layer.handle().drain().await.unwrap();
            assert_eq!(
                used(&layer, "api").await,
                spent,
                "{polls} polls after its answer"
            );
        }
    }
}
