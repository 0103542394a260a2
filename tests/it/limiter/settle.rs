//! What is charged or given back once the truth about a request is known.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use local_upstash::Fault;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer, Spent},
    store::SharedStore,
};

use super::{
    site::{HOUR, Site, send, status},
    tokens::{FULL, PEER, TOKENS, used},
};
use crate::support::request_from;

/// Sends a request whose handler does something and says what it has cost.
async fn spend(layer: &RateLimitLayer, spent: Option<Spent>, meanwhile: impl Fn() + Clone) -> u16 {
    let service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| {
        meanwhile();
        let mut response = Response::new(Full::<Bytes>::from("inner"));
        if let Some(spent) = &spent {
            response.extensions_mut().insert(spent.clone());
        }
        async { Ok::<_, Infallible>(response) }
    }));
    let response = service
        .oneshot(request_from(&format!("{PEER}:1")))
        .await
        .unwrap();
    response.status().as_u16()
}

fn layers(site: &Site) -> Vec<RateLimitLayer> {
    let [http, tcp] = site.stores();
    let shared: SharedStore = site
        .http()
        .upstash_ratelimit("tokens", "p")
        .build()
        .unwrap()
        .into();
    [http, tcp, shared]
        .map(|store| site.layer(store).limit(TOKENS))
        .into()
}

#[tokio::test]
async fn a_request_costs_what_its_handler_says() {
    let site = Site::start().await;
    for layer in layers(&site) {
        for (spent, cost) in [
            (None, 100),
            (Some(Spent::of("tokens", 30)), 30),
            (Some(Spent::of("tokens", 100)), 100),
            (Some(Spent::of("tokens", 250)), 250),
            (Some(Spent::of("tokens", 0)), 0),
            (Some(Spent::nothing()), 0),
            (Some(Spent::requests(7)), 100), // of another unit
        ] {
            site.flush().await;
            assert_eq!(spend(&layer, spent.clone(), || ()).await, 200);
            assert_eq!(used(&layer).await, cost, "{spent:?}");
        }
        // Overdrawn: the next one waits.
        assert_eq!(
            spend(&layer, Some(Spent::of("tokens", 5 * FULL)), || ()).await,
            200
        );
        assert_eq!(status(&layer, PEER).await, 429);
        site.flush().await;
    }
}

#[tokio::test]
async fn units_of_a_window_that_has_ended_are_not_given_back() {
    let site = Site::start().await;
    for layer in layers(&site) {
        site.flush().await;
        let (redis, clock) = (&site.redis, &site.clock);
        assert_eq!(spend(&layer, None, || ()).await, 200);
        let next = || {
            redis.advance(HOUR);
            clock.advance(HOUR);
        };
        // The next hour, with units of its own.
        let service = layer.layer(service_fn(async |_: Request<Full<Bytes>>| {
            next();
            send(&layer, PEER).await;
            let mut response = Response::new(Full::<Bytes>::default());
            response.extensions_mut().insert(Spent::of("tokens", 0));
            Ok::<_, Infallible>(response)
        }));
        service
            .oneshot(request_from(&format!("{PEER}:1")))
            .await
            .unwrap();
        assert_eq!(used(&layer).await, 100, "what the inner request took");
    }
}

#[tokio::test]
async fn only_what_counts_is_kept() {
    let site = Site::start().await;
    for store in site.stores() {
        site.flush().await;
        let login = Limit::new("tokens", Quota::strict(3, HOUR))
            .count(|response| response.status == StatusCode::UNAUTHORIZED);
        let layer = site.layer(store).limit(login);
        let login = async |answer: StatusCode| {
            let service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| async move {
                let mut response = Response::new(Full::<Bytes>::default());
                *response.status_mut() = answer;
                Ok::<_, Infallible>(response)
            }));
            let answer = service.oneshot(request_from(&format!("{PEER}:1"))).await;
            answer.unwrap().status().as_u16()
        };
        for _ in 0..5 {
            assert_eq!(login(StatusCode::OK).await, 200);
        }
        for _ in 0..3 {
            assert_eq!(login(StatusCode::UNAUTHORIZED).await, 401);
        }
        assert_eq!(login(StatusCode::OK).await, 429);
    }
}

#[tokio::test]
async fn a_charge_that_fails_is_owed_and_a_refund_that_fails_is_not_given() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(TOKENS);
    let faults = site.server.faults().clone();
    let away = move || faults.inject(Fault::DropBefore.times(1));
    used(&layer).await; // loads the script
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 30)), away.clone()).await,
        200
    );
    assert_eq!(used(&layer).await, 100, "not given back");
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 250)), away).await,
        200
    );
    assert_eq!(used(&layer).await, 200, "150 are owed");
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 0)), || ()).await,
        200
    );
    assert_eq!(used(&layer).await, 350);
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 0)), || ()).await,
        200
    );
    assert_eq!(used(&layer).await, 350, "once");
}

#[tokio::test]
async fn what_was_counted_here_is_corrected_here() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(TOKENS);
    used(&layer).await;
    site.server.faults().inject(Fault::DropBefore);
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 30)), || ()).await,
        200
    );
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 250)), || ()).await,
        200
    );
    site.server.faults().clear();
    assert_eq!(
        spend(&layer, Some(Spent::of("tokens", 0)), || ()).await,
        200
    );
    assert_eq!(used(&layer).await, 280);
}
