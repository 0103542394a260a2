//! What a layer adds to a request: build it, `poll_ready`, `call`, poll, drop the response.
//!
//! A layer of ours is one more line in [`rows`].

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    net::SocketAddr,
    task::{Context, Poll, Waker},
};

use axum::{body::Body, extract::ConnectInfo};
use http::{Request, Response};
use tower_governor::{GovernorLayer, governor::GovernorConfigBuilder};
use tower_layer::{Identity, Layer};
use tower_service::Service;

use tower_upstash::{
    body::ResponseBody,
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::MemoryStore,
};

use crate::{
    row::{self, Row},
    store::IP,
};

const BARE: &str = "no-op service";
const GOVERNOR: &str = "tower_governor, peer IP";

pub fn rows() -> Vec<Row> {
    vec![
        through(BARE, Identity::new),
        through(GOVERNOR, governor).over(BARE),
        through("RateLimitLayer, peer IP", limited).over(BARE),
    ]
}

fn limited()
-> impl Layer<NoOp, Service: Service<Request<Body>, Response = Response<ResponseBody<Body>>>> {
    RateLimitLayer::new(MemoryStore::new())
        .limit(Limit::new("ip", Quota::per_second(4_000_000_000)))
}

fn governor() -> impl Layer<NoOp, Service: Service<Request<Body>, Response = Response<Body>>> {
    let mut config = GovernorConfigBuilder::default();
    config.per_nanosecond(1).burst_size(u32::MAX);
    GovernorLayer::new(config.finish().expect("a period and a burst above zero"))
}

/// A row of a request through a layer over a service that does nothing.
fn through<L, B>(name: &'static str, layer: impl Fn() -> L + 'static) -> Row
where
    L: Layer<NoOp>,
    L::Service: Service<Request<Body>, Response = Response<B>> + 'static,
{
    Row::new("layers, +instr over the no-op service", name, move || {
        let mut service = layer().layer(NoOp);
        move || {
            let mut request = Request::new(Body::empty());
            let peer = SocketAddr::from((IP, 4711));
            request
                .extensions_mut()
                .insert(ConnectInfo(black_box(peer)));
            let context = &mut Context::from_waker(Waker::noop());
            assert!(service.poll_ready(context).is_ready());
            let response = row::ready(service.call(request));
            assert!(response.is_ok_and(|response| black_box(&response).status() == 200));
        }
    })
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
