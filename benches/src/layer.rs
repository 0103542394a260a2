//! What a layer adds to a request: build it, `poll_ready`, `call`, poll, drop the response.
//!
//! One more layer is one more line in [`rows`].

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{body::Body, extract::ConnectInfo};
use http::{HeaderValue, Request, Response, StatusCode, header::COOKIE};
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};
use tower_layer::{Identity, Layer};
use tower_service::Service;
use tower_upstash::{
    rate_limit::{By, Headers, Limit, RateLimitLayer, TrustedProxies},
    store::MemoryStore,
};

use crate::{
    row::Row,
    store::{AMPLE, DAY, IP, TEXT, USED_UP},
};

const BARE: &str = "no-op service";
const FIELDS: &str = "no-op service, header fields";
const GOVERNOR: &str = "tower_governor, peer IP";
const GOVERNOR_FIELDS: &str = "tower_governor, peer IP, x-ratelimit-*";
const GOVERNOR_REFUSES: &str = "refused: tower_governor, peer IP";
const ONE: &str = "one limit, peer IP, no header fields";
const IETF: &str = "one limit, peer IP, RateLimit";

pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        through(BARE, Identity::new),
        through(GOVERNOR, || governor(Duration::from_nanos(1), u32::MAX)).over(BARE),
        through(GOVERNOR_FIELDS, governor_with_fields).over(BARE),
        through(ONE, || silent(&[IP_LIMIT]))
            .over(BARE)
            .peer(GOVERNOR)
            .most(700)
            .allocations(0),
        through(IETF, || limited(&[IP_LIMIT]))
            .over(BARE)
            .peer(GOVERNOR_FIELDS)
            .most(1400)
            .allocations(2),
        refused(GOVERNOR_REFUSES, || governor(DAY, 1)).over(BARE),
        refused("refused: one limit, peer IP, RateLimit", || {
            limited(&[SPENT])
        })
        .over(BARE)
        .peer(GOVERNOR_REFUSES)
        .within(2.0, IETF)
        .time(0.1, GOVERNOR_REFUSES),
    ];
    rows.extend(variants());
    rows
}

/// What else a limit may go by, or tell, compared with the first one.
fn variants() -> Vec<Row> {
    let with_fields = |name, layer: fn() -> RateLimitLayer| {
        let row = requests(name, StatusCode::OK, request_with_fields, layer);
        row.over(FIELDS).peer(ONE)
    };
    vec![
        requests(FIELDS, StatusCode::OK, request_with_fields, Identity::new),
        with_fields("three limits: everyone, header, peer IP", || {
            silent(&[EVERYONE, USER, IP_LIMIT])
        })
        .within(3.2, ONE)
        .allocations(0),
        with_fields("client IP behind one proxy", || {
            silent(&[IP_LIMIT]).trusted_proxies(TrustedProxies::hops(1))
        })
        .allocations(0),
        with_fields("a header", || silent(&[USER])).allocations(0),
        with_fields("a cookie", || silent(&[SESSION])).allocations(0),
        through("peer IP, shadow", || silent(&[IP_LIMIT.shadow()]))
            .over(BARE)
            .peer(ONE)
            .allocations(0),
        through("peer IP, on_event", || {
            silent(&[IP_LIMIT]).on_event(|event| {
                black_box(event);
            })
        })
        .over(BARE)
        .peer(ONE)
        .allocations(0),
    ]
}

const EVERYONE: Limit = Limit::new("everyone", AMPLE).by(By::EVERYONE);
const USER: Limit = Limit::new("user", AMPLE).by(By::header("x-api-key"));
const SESSION: Limit = Limit::new("session", AMPLE).by(By::cookie("session"));
const IP_LIMIT: Limit = Limit::new("ip", AMPLE);
const SPENT: Limit = Limit::new("spent", USED_UP);

fn silent(limits: &[Limit]) -> RateLimitLayer {
    limited(limits).headers(Headers::None)
}

fn limited(limits: &[Limit]) -> RateLimitLayer {
    let layer = RateLimitLayer::new(MemoryStore::new());
    limits
        .iter()
        .fold(layer, |layer, limit| layer.limit(limit.clone()))
}

fn governor(
    period: Duration,
    burst: u32,
) -> impl Layer<NoOp, Service: Service<Request<Body>, Response = Response<Body>>> {
    let mut config = GovernorConfigBuilder::default();
    config.period(period).burst_size(burst);
    GovernorLayer::new(config.finish().expect("a period and a burst above zero"))
}

fn governor_with_fields()
-> impl Layer<NoOp, Service: Service<Request<Body>, Response = Response<Body>>> {
    let mut config = GovernorConfigBuilder::default();
    config.period(Duration::from_nanos(1)).burst_size(u32::MAX);
    let config = config.use_headers().finish();
    GovernorLayer::new(config.expect("a period and a burst above zero"))
}

/// A row of requests that pass a layer over a service that does nothing.
fn through<L, B>(name: &'static str, layer: impl Fn() -> L + 'static) -> Row
where
    L: Layer<NoOp, Service: Service<Request<Body>, Response = Response<B>> + 'static>,
{
    requests(name, StatusCode::OK, plain_request, layer)
}

/// A row of requests that a layer refuses.
fn refused<L, B>(name: &'static str, layer: impl Fn() -> L + 'static) -> Row
where
    L: Layer<NoOp, Service: Service<Request<Body>, Response = Response<B>> + 'static>,
{
    requests(name, StatusCode::TOO_MANY_REQUESTS, plain_request, layer)
}

fn requests<L, B>(
    name: &'static str,
    status: StatusCode,
    make: fn() -> Request<Body>,
    layer: impl Fn() -> L + 'static,
) -> Row
where
    L: Layer<NoOp, Service: Service<Request<Body>, Response = Response<B>> + 'static>,
{
    const GROUP: &str = "layers, +instr over the no-op service";
    Row::new(GROUP, name, move || {
        let mut service = layer().layer(NoOp);
        let _ = send(&mut service, make());
        move || assert_eq!(send(&mut service, make()), Some(status))
    })
}

#[inline(always)]
fn send<S, B>(service: &mut S, request: Request<Body>) -> Option<StatusCode>
where
    S: Service<Request<Body>, Response = Response<B>>,
{
    let context = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(context).is_ready());
    // Polled where it is made: handed over to another function, a large future would be copied.
    let Poll::Ready(response) = pin!(service.call(request)).poll(context) else {
        panic!("a layer that waits");
    };
    Some(black_box(&response.ok()?).status())
}

fn plain_request() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    let peer = SocketAddr::from((IP, 4711));
    request
        .extensions_mut()
        .insert(ConnectInfo(black_box(peer)));
    request
}

/// A request that has come through a proxy, with an API key and a cookie.
pub fn request_with_fields() -> Request<Body> {
    let mut request = plain_request();
    let fields = request.headers_mut();
    fields.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
    fields.insert("x-api-key", HeaderValue::from_static(TEXT));
    fields.insert(
        COOKIE,
        HeaderValue::from_static("theme=dark; session=0123456789abcdef0123456789abcdef"),
    );
    request
}

#[derive(Clone)]
pub struct NoOp;

impl Service<Request<Body>> for NoOp {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(&request);
        ready(Ok(Response::new(Body::empty())))
    }
}
