//! What is said aloud, once: as a `tracing` subscriber hears it.

use http::Request;
use tokio_test::block_on;
use tower_upstash::rate_limit::{By, Limit, MatchedRoute, RateLimitLayer, TrustedProxies};
use tracing::subscriber::with_default;

use super::app::{Body, TWO, layer, statuses};
use crate::{heard::Heard, support::request_from};

/// Returns the answers to requests, and what was said meanwhile.
fn hear(
    layer: &RateLimitLayer,
    requests: impl IntoIterator<Item = Request<Body>>,
) -> (Vec<u16>, Vec<String>) {
    let heard = Heard::default();
    let statuses = with_default(heard.clone(), || block_on(statuses(layer, requests)));
    let heard = heard.texts();
    (statuses, heard)
}

fn from_nowhere() -> Request<Body> {
    Request::new(Body::default())
}

#[test]
fn a_missing_connect_info_is_said_once_with_the_call_that_is_missing_and_is_no_500() {
    let base = layer().limit(Limit::new("ip", TWO));
    let route = base.with(Limit::new("route", TWO));
    let (answers, heard) = hear(&base, [from_nowhere(), from_nowhere(), from_nowhere()]);
    assert_eq!(answers, [200, 200, 429]);
    let [text] = &heard[..] else {
        panic!("said {} times", heard.len());
    };
    assert!(
        text.contains("into_make_service_with_connect_info::<SocketAddr>()"),
        "{text}"
    );
    assert!(text.contains("share one limit"), "{text}");
    // Nor by the layers that were made of it.
    assert_eq!(hear(&route, [from_nowhere()]).1, [""; 0]);
}

#[test]
fn where_axum_has_routed_the_request_only_axum_is_spoken_of() {
    let app: axum::Router = axum::Router::new()
        .route("/", axum::routing::get(async || ""))
        .layer(layer().limit(Limit::new("ip", TWO)));
    let heard = Heard::default();
    with_default(heard.clone(), || {
        let request = Request::new(axum::body::Body::empty());
        let answer = block_on(tower::ServiceExt::oneshot(app, request)).unwrap();
        assert_eq!(answer.status(), 200);
    });
    let heard = heard.texts();
    assert!(heard.len() == 1 && !heard[0].contains("hyper"), "{heard:?}");
}

fn proxied(peer: &str) -> Request<Body> {
    let mut request = request_from(peer);
    let headers = request.headers_mut();
    headers.insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
    request
}

#[test]
fn a_proxy_that_nobody_trusts_is_said_once_when_a_request_is_refused() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let (answers, heard) = hear(&layer, (0..5).map(|_| proxied("10.0.0.1:1")));
    assert_eq!(answers, [200, 200, 429, 429, 429]);
    assert!(
        heard.len() == 1 && heard[0].contains("TrustedProxies"),
        "{heard:?}"
    );
}

#[test]
fn a_proxy_that_a_peer_hook_tells_of_is_noticed_too() {
    // The hook was not asked.
    let peer = |parts: &http::request::Parts| parts.extensions.get().map(std::net::SocketAddr::ip);
    let layer = layer().limit(Limit::new("ip", TWO)).peer(peer);
    let (_, heard) = hear(&layer, (0..3).map(|_| proxied("10.0.0.1:1")));
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[test]
fn nothing_is_said_where_nothing_is_wrong() {
    let by_key = By::parts(|_| Some("x".into()));
    for (layer, request) in [
        (
            layer().limit(Limit::new("ip", TWO)),
            request_from as fn(&str) -> _,
        ),
        (
            layer()
                .limit(Limit::new("ip", TWO))
                .trusted_proxies(TrustedProxies::hops(1)),
            proxied,
        ),
        // No limit by address, so that it does not matter; it was said nevertheless.
        (layer().limit(Limit::new("key", TWO).by(by_key)), proxied),
        (
            layer().limit(Limit::new("all", TWO).by(By::EVERYONE)),
            proxied,
        ),
    ] {
        let (answers, heard) = hear(&layer, (0..3).map(|_| request("10.0.0.1:1")));
        assert_eq!(answers, [200, 200, 429]);
        assert_eq!(heard, [""; 0]);
    }
    // From the internet, the header is anybody's.
    let layer = layer().limit(Limit::new("ip", TWO));
    assert_eq!(
        hear(&layer, (0..3).map(|_| proxied("203.0.113.1:1"))).1,
        [""; 0]
    );
    let mut routed = from_nowhere();
    routed.extensions_mut().insert(MatchedRoute::new("/"));
    let by_route = super::app::layer().limit(Limit::new("route", TWO).by(By::ROUTE));
    assert_eq!(hear(&by_route, [routed]).1, [""; 0]);
}
