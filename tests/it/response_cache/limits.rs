//! Behind and in front of a rate limit.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer, Spent},
    store::{Identifier, MemoryStore},
};

use super::app::{HOUR, SECOND, Site, answer, answer_with, for_a_minute, get};

const PEER: &str = "192.0.2.1:1";

fn limited(limit: Limit) -> RateLimitLayer {
    RateLimitLayer::new(MemoryStore::new()).limit(limit)
}

fn ask() -> Request<Full<Bytes>> {
    let mut request = get("/");
    let peer: SocketAddr = PEER.parse().unwrap();
    request.extensions_mut().insert(peer);
    request
}

async fn left(layer: &RateLimitLayer, limit: &str) -> u32 {
    let peer: SocketAddr = PEER.parse().unwrap();
    let limit = layer.handle().limit(limit).unwrap();
    limit
        .peek(Identifier::from(peer.ip()))
        .await
        .unwrap()
        .remaining()
}

#[tokio::test]
async fn the_state_of_a_limit_inside_is_not_stored() {
    let site = Site::new(for_a_minute);
    let limit = limited(Limit::new("ip", Quota::fixed(10, HOUR)));
    let service = site.layer.layer(limit.layer(site.origin.clone()));
    let first = service.clone().oneshot(ask()).await.unwrap();
    assert!(first.headers().contains_key("ratelimit"));
    assert!(first.headers().contains_key("ratelimit-policy"));
    first.into_body().collect().await.unwrap();
    let second = service.oneshot(ask()).await.unwrap();
    assert_eq!(site.calls(), 1);
    let names = second.headers().keys().map(http::HeaderName::as_str);
    assert!(!names.into_iter().any(|name| name.contains("ratelimit")));
    assert_eq!(left(&limit, "ip").await, 9);
}

#[tokio::test]
async fn a_limit_outside_tells_its_own_state_with_a_hit() {
    let site = Site::new(|parts| {
        let mut response = for_a_minute(parts);
        for name in [
            "ratelimit",
            "ratelimit-policy",
            "ratelimit-limit",
            "x-ratelimit-reset",
        ] {
            response
                .headers_mut()
                .insert(name, "of-the-service".parse().unwrap());
        }
        response
    });
    let limit = limited(Limit::new("ip", Quota::fixed(10, HOUR)));
    let service = limit.layer(site.layer.layer(site.origin.clone()));
    for expected in [9, 8, 7] {
        let answer = service.clone().oneshot(ask()).await.unwrap();
        let state = answer.headers().get_all("ratelimit").iter();
        let state: Vec<_> = state
            .map(|line| line.to_str().unwrap().to_owned())
            .collect();
        let is_hit = expected < 9;
        assert_eq!(
            state.join(", ").contains("of-the-service"),
            !is_hit,
            "{state:?}"
        );
        assert!(
            state.join(", ").contains(&format!("\"ip\";r={expected}")),
            "{state:?}"
        );
        assert_eq!(answer.headers().contains_key("x-ratelimit-reset"), !is_hit);
        answer.into_body().collect().await.unwrap();
    }
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn a_hit_gives_back_what_was_reserved_and_a_validation_costs_what_it_says() {
    let site = Site::new(|parts| {
        let fields = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
        let is_known = parts.headers.contains_key("if-none-match");
        let (mut response, cost) = match is_known {
            true => (answer_with(304, &fields, ""), 1),
            false => (answer(&fields, "an answer"), 3),
        };
        response.extensions_mut().insert(Spent::of("tokens", cost));
        response
    });
    let tokens = Limit::new("tokens", Quota::fixed(100, HOUR)).unit("tokens");
    let limit = limited(tokens.reserve(|_| 10)).limit(Limit::new("ip", Quota::fixed(100, HOUR)));
    let service = limit.layer(site.layer.layer(site.origin.clone()));
    let spent = [(0, 97), (0, 97), (61, 96), (0, 96)];
    for (at, (wait, expected)) in spent.into_iter().enumerate() {
        site.clock.advance(wait * SECOND);
        let answer = service.clone().oneshot(ask()).await.unwrap();
        answer.into_body().collect().await.unwrap();
        assert_eq!(left(&limit, "tokens").await, expected, "{at}");
    }
    // It is still a request.
    assert_eq!(left(&limit, "ip").await, 96);
    assert_eq!(site.calls(), 2);
}
