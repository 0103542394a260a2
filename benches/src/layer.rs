//! What a layer adds to a request: build it, `poll_ready`, `call`, poll, drop the response.
//!
//! One more layer is one more line in [`rows`].

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    net::SocketAddr,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::{body::Body, extract::ConnectInfo};
use http::{Request, Response, StatusCode};
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};
use tower_layer::{Identity, Layer};
use tower_service::Service;
use tower_upstash::{
    rate_limit::{By, Limit, RateLimitLayer},
    store::MemoryStore,
};

use crate::{
    row::{self, Row},
    store::{AMPLE, DAY, IP, USED_UP},
};

const BARE: &str = "no-op service";
const GOVERNOR: &str = "tower_governor, peer IP";

pub fn rows() -> Vec<Row> {
    vec![
        through(BARE, Identity::new),
        through(GOVERNOR, || governor(Duration::from_nanos(1), u32::MAX)).over(BARE),
        through("one limit, peer IP", || limited(&[IP_LIMIT]))
            .over(BARE)
            .peer(GOVERNOR)
            .allocations(0),
        through("three limits: everyone, header, peer IP", || {
            limited(&[EVERYONE, USER, IP_LIMIT])
        })
        .over(BARE)
        .peer(GOVERNOR),
        refused("refused: tower_governor, peer IP", || governor(DAY, 1)).over(BARE),
        refused("refused: one limit, peer IP", || limited(&[SPENT])).over(BARE),
    ]
}

const EVERYONE: Limit = Limit::new("everyone", AMPLE).by(By::EVERYONE);
// Without the header, all requests share it.
const USER: Limit = Limit::new("user", AMPLE).by(By::header("x-api-key"));
const IP_LIMIT: Limit = Limit::new("ip", AMPLE);
const SPENT: Limit = Limit::new("spent", USED_UP);

fn limited(limits: &[Limit]) -> RateLimitLayer {
    let layer = RateLimitLayer::new(MemoryStore::new());
    limits
        .iter()
        .fold(layer, |layer, limit| layer.limit(*limit))
}

fn governor(
    period: Duration,
    burst: u32,
) -> impl Layer<NoOp, Service: Service<Request<Body>, Response = Response<Body>>> {
    let mut config = GovernorConfigBuilder::default();
    config.period(period).burst_size(burst);
    GovernorLayer::new(config.finish().expect("a period and a burst above zero"))
}

/// A row of requests that pass a layer over a service that does nothing.
fn through<L, B>(name: &'static str, layer: impl Fn() -> L + 'static) -> Row
where
    L: Layer<NoOp, Service: Service<Request<Body>, Response = Response<B>> + 'static>,
{
    requests(name, StatusCode::OK, layer)
}

/// A row of requests that a layer refuses.
fn refused<L, B>(name: &'static str, layer: impl Fn() -> L + 'static) -> Row
where
    L: Layer<NoOp, Service: Service<Request<Body>, Response = Response<B>> + 'static>,
{
    requests(name, StatusCode::TOO_MANY_REQUESTS, layer)
}

fn requests<L, B>(name: &'static str, status: StatusCode, layer: impl Fn() -> L + 'static) -> Row
where
    L: Layer<NoOp, Service: Service<Request<Body>, Response = Response<B>> + 'static>,
{
    const GROUP: &str = "layers, +instr over the no-op service";
    Row::new(GROUP, name, move || {
        let mut service = layer().layer(NoOp);
        let _ = request(&mut service);
        move || assert_eq!(request(&mut service), Some(status))
    })
}

#[inline(always)]
fn request<S, B>(service: &mut S) -> Option<StatusCode>
where
    S: Service<Request<Body>, Response = Response<B>>,
{
    let mut request = Request::new(Body::empty());
    let peer = SocketAddr::from((IP, 4711));
    request
        .extensions_mut()
        .insert(ConnectInfo(black_box(peer)));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(context).is_ready());
    let response = row::ready(service.call(request)).ok()?;
    Some(black_box(&response).status())
}

#[derive(Clone)]
struct NoOp;

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
