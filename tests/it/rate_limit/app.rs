//! An application behind the layer, requests to it, and what its limits have left.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::{
    body::ResponseBody,
    quota::Quota,
    rate_limit::{Event, RateLimitLayer},
    store::{Identifier, MemoryStore},
    time::ManualClock,
};

pub(super) type Body = Full<Bytes>;
pub(super) type Answer = Response<ResponseBody<Body>>;

/// What fits in ten seconds, twice.
pub(super) const TWO: Quota = Quota::fixed(2, Duration::from_secs(10));
pub(super) const TEN: Quota = Quota::fixed(10, Duration::from_secs(10));

/// The address of most requests.
pub(super) const ALICE: &str = "192.0.2.1:1";
pub(super) const BOB: &str = "192.0.2.2:1";

/// Returns a store whose time is moved by hand.
pub(super) fn memory() -> (MemoryStore, ManualClock) {
    let clock = ManualClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    (store, clock)
}

pub(super) fn layer() -> RateLimitLayer {
    RateLimitLayer::new(MemoryStore::new())
}

/// A request of Alice's.
pub(super) fn get(path: &str) -> Request<Body> {
    let peer: SocketAddr = ALICE.parse().unwrap();
    let request = Request::builder().uri(path).extension(peer);
    request.body(Full::default()).unwrap()
}

pub(super) fn with_header(name: &'static str, value: impl AsRef<[u8]>) -> Request<Body> {
    let mut request = get("/");
    let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
    request.headers_mut().append(name, value);
    request
}

/// Sends a request through the layer to a service that answers "inner".
pub(super) async fn send(layer: &RateLimitLayer, request: Request<Body>) -> Answer {
    answer_with(layer, request, |_| Response::new(Full::from("inner"))).await
}

/// Sends a request through the layer to a service that answers so.
pub(super) async fn answer_with(
    layer: &RateLimitLayer,
    request: Request<Body>,
    answer: impl Fn(Request<Body>) -> Response<Body>,
) -> Answer {
    let inner = service_fn(|request| {
        let response = answer(request);
        async { Ok::<_, Infallible>(response) }
    });
    layer.layer(inner).oneshot(request).await.unwrap()
}

pub(super) async fn status(layer: &RateLimitLayer, request: Request<Body>) -> u16 {
    send(layer, request).await.status().as_u16()
}

/// Sends requests one after another.
pub(super) async fn statuses(
    layer: &RateLimitLayer,
    requests: impl IntoIterator<Item = Request<Body>>,
) -> Vec<u16> {
    let mut statuses = Vec::new();
    for request in requests {
        statuses.push(status(layer, request).await);
    }
    statuses
}

/// Returns how many units a key has left.
pub(super) async fn left(layer: &RateLimitLayer, limit: &str, key: impl Into<Identifier>) -> u32 {
    let limit = layer.handle().limit(limit).unwrap();
    limit.peek(key).await.unwrap().remaining()
}

/// Returns how many units Alice's address has left.
pub(super) async fn left_of_alice(layer: &RateLimitLayer, limit: &str) -> u32 {
    left(layer, limit, alice()).await
}

pub(super) fn alice() -> Identifier {
    Identifier::from(ALICE.parse::<SocketAddr>().unwrap().ip())
}

/// The events of a layer, as short words: `allowed ip`.
#[derive(Clone, Default)]
pub(super) struct Events(Arc<Mutex<Vec<String>>>);

impl Events {
    pub(super) fn of(&self, layer: RateLimitLayer) -> RateLimitLayer {
        let events = self.clone();
        layer.on_event(move |event| events.0.lock().unwrap().push(words(event)))
    }

    /// Returns the events since the last time.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Allowed { limit, .. } => format!("allowed {limit}"),
        Event::NearLimit { limit, .. } => format!("near {limit}"),
        Event::Refused { limit, .. } => format!("refused {limit}"),
        Event::WouldRefuse { limit, .. } => format!("would refuse {limit}"),
        Event::Missing { limit, .. } => format!("missing {limit}"),
        Event::StoreError { error } => format!("error {:?}", error.kind()),
        other => format!("unknown {other:?}"),
    }
}
