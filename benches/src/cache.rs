//! What the response cache adds to a request, and what others add.
//!
//! The hashing of the key is apart: a row of its own that is taken off our hit, since valgrind knows no SHA instructions,
//! which the machine most likely has. Peers keep theirs.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt::Debug,
    future::{Ready, ready},
    hint::black_box,
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::body::Body;
use axum_response_cache::CacheLayer;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_cache::MokaManager;
use http_cache_tower_server::ServerCacheLayer;
use sha2::{Digest, Sha256};
use tower_layer::Layer;
use tower_service::Service;
use tower_upstash::{
    response_cache::{ResponseCache, ResponseCacheLayer},
    store::{Budgets, MemoryStore},
};

use crate::{layer::NoOp, row::Row};

const GROUP: &str = "response cache, +instr over the no-op service";
const BARE: &str = "GET, no-op service";
const HASHED: &str = "GET, no-op service, SHA-256 of the key";
const AXUM: &str = "hit: axum-response-cache";
const TOWER: &str = "hit: http-cache-tower-server, moka";
const HIT: &str = "response cache: hit, memory store, 1 kB";
const FRAMES: &str = "1 MB in 16 KiB frames, copied once, no layer";
/// So many megabytes are kept of what has passed, by the layer and without it.
const KEPT: usize = 15;

pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        gets(BARE, StatusCode::OK, get, |_| NoOp),
        Row::new(GROUP, HASHED, || {
            let mut service = NoOp;
            move || {
                // As long as what is hashed for the request: its policy, scheme, host and path, with their lengths.
                let key: [u8; 69] = black_box([7; 69]);
                black_box(Sha256::digest(key));
                assert_eq!(send(&mut service, get()), Some(StatusCode::OK));
            }
        }),
        gets(AXUM, StatusCode::OK, get, |_| {
            CacheLayer::with_lifespan(Duration::from_secs(3600)).layer(Fixed)
        })
        .over(BARE),
        gets(TOWER, StatusCode::OK, get, |_| {
            ServerCacheLayer::new(MokaManager::default()).layer(Fixed)
        })
        .over(BARE),
        gets(HIT, StatusCode::OK, get, ours)
            .over(HASHED)
            .most(3000)
            .within(1.0, AXUM)
            .within(1.0, TOWER),
    ];
    rows.extend(others());
    rows.extend(streams());
    rows
}

fn others() -> Vec<Row> {
    let quiet = |store| {
        ResponseCacheLayer::new(store)
            .cache_status(None)
            .layer(Fixed)
    };
    vec![
        gets(
            "response cache: hit, without Cache-Status",
            StatusCode::OK,
            get,
            quiet,
        )
        .over(HASHED),
        gets(
            "response cache: hit, key hashed in software",
            StatusCode::OK,
            get,
            ours,
        )
        .over(BARE)
        .peer(AXUM),
        gets(
            "response cache: 304",
            StatusCode::NOT_MODIFIED,
            if_none_match,
            ours,
        )
        .over(HASHED)
        .peer(HIT),
        gets(
            "response cache: 206",
            StatusCode::PARTIAL_CONTENT,
            of_a_range,
            ours,
        )
        .over(HASHED)
        .peer(HIT),
        gets("response cache: bypass", StatusCode::OK, upgrade, ours)
            .over(BARE)
            .peer(HIT),
        Row::new(GROUP, "response cache: miss, stored", || {
            within_tokio();
            let mut service = ours(small_store());
            let mut turn = 0_u64;
            move || {
                turn += 1;
                let mut request = get();
                *request.uri_mut() = path(turn);
                assert_eq!(read(&mut service, request), 1024);
            }
        })
        .over(BARE)
        .peer(HIT),
    ]
}

fn streams() -> Vec<Row> {
    vec![
        Row::new(GROUP, FRAMES, || {
            let mut service = Large(frame());
            let mut kept = VecDeque::new();
            move || {
                let mut copy = Vec::with_capacity(64 * FRAME);
                assert_eq!(collect(&mut service, get(), Some(&mut copy)), 64 * FRAME);
                kept.push_back(copy);
                if kept.len() > KEPT {
                    kept.pop_front();
                }
            }
        })
        .fewer(100),
        Row::new(GROUP, "response cache: miss, 1 MB recorded", || {
            within_tokio();
            let mut service = ResponseCacheLayer::new(small_store()).layer(Large(frame()));
            let mut turn = 0_u64;
            move || {
                turn += 1;
                let mut request = get();
                *request.uri_mut() = path(turn);
                assert_eq!(read(&mut service, request), 64 * FRAME);
            }
        })
        .fewer(100)
        .within(1.1, FRAMES)
        .time(1.1, FRAMES),
    ]
}

const FRAME: usize = 16 << 10;

fn frame() -> Bytes {
    vec![7; FRAME].into()
}

fn ours(store: MemoryStore) -> ResponseCache<Fixed> {
    ResponseCacheLayer::new(store).layer(Fixed)
}

/// Full after a few megabytes.
fn small_store() -> MemoryStore {
    MemoryStore::builder()
        .budgets(Budgets::default().cache((KEPT as u64) << 20))
        .build()
}

/// A response that misses waits for a time limit, which needs a runtime.
fn within_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = Box::leak(Box::new(runtime.expect("a runtime")));
    mem::forget(runtime.enter());
}

fn path(turn: u64) -> Uri {
    Uri::try_from(format!("/articles/{turn}")).expect("a path")
}

fn gets<S, B>(
    name: &'static str,
    status: StatusCode,
    make: fn() -> Request<Body>,
    service: impl Fn(MemoryStore) -> S + 'static,
) -> Row
where
    S: Service<Request<Body>, Response = Response<B>> + 'static,
    S::Error: Debug,
    B: HttpBody<Data = Bytes>,
{
    Row::new(GROUP, name, move || {
        within_tokio();
        let mut service = service(MemoryStore::new());
        read(&mut service, get());
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
    let Poll::Ready(response) = pin!(service.call(request)).poll(context) else {
        panic!("a layer that waits");
    };
    Some(black_box(&response.ok()?).status())
}

/// Reads an answer to its end. Returns its length.
fn read<S, B>(service: &mut S, request: Request<Body>) -> usize
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Debug,
    B: HttpBody<Data = Bytes>,
{
    collect(service, request, None)
}

fn collect<S, B>(service: &mut S, request: Request<Body>, mut into: Option<&mut Vec<u8>>) -> usize
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Error: Debug,
    B: HttpBody<Data = Bytes>,
{
    let context = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(context).is_ready());
    let mut future = pin!(service.call(request));
    let response = loop {
        if let Poll::Ready(response) = future.as_mut().poll(context) {
            break response.expect("no error");
        }
    };
    let mut body = pin!(response.into_body());
    let mut length = 0;
    while !body.is_end_stream() {
        match body.as_mut().poll_frame(context) {
            Poll::Pending => {}
            Poll::Ready(None) => break,
            Poll::Ready(Some(frame)) => {
                let frame = frame.unwrap_or_else(|_| panic!("a whole body"));
                let data = frame.into_data().unwrap_or_default();
                length += data.len();
                if let Some(into) = &mut into {
                    into.extend_from_slice(&data);
                }
            }
        }
    }
    length
}

pub fn get() -> Request<Body> {
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/articles/a-title-of-usual-length");
    let fields = request.headers_mut();
    for (name, value) in [
        (header::HOST, "www.example.com"),
        (header::ACCEPT, "text/html,application/xhtml+xml"),
        (header::ACCEPT_ENCODING, "gzip, deflate, br"),
        (header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64)"),
    ] {
        fields.insert(name, HeaderValue::from_static(value));
    }
    request
}

fn with(name: HeaderName, value: &'static str) -> Request<Body> {
    let mut request = get();
    let value = HeaderValue::from_static(value);
    request.headers_mut().insert(name, value);
    request
}

fn if_none_match() -> Request<Body> {
    with(header::IF_NONE_MATCH, "\"33a64df551425fcc\"")
}

fn of_a_range() -> Request<Body> {
    with(header::RANGE, "bytes=0-99")
}

fn upgrade() -> Request<Body> {
    with(header::UPGRADE, "websocket")
}

fn fields() -> HeaderMap {
    [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=86400"),
        (header::CONTENT_LENGTH, "1024"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::ETAG, "\"33a64df551425fcc\""),
        (header::LAST_MODIFIED, "Sun, 06 Nov 1994 08:00:00 GMT"),
        (header::SERVER, "origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
    .into_iter()
    .map(|(name, value)| (name, HeaderValue::from_static(value)))
    .collect()
}

/// Answers with a kilobyte.
#[derive(Clone)]
struct Fixed;

impl Service<Request<Body>> for Fixed {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        black_box(&request);
        let mut response = Response::new(Body::from(Bytes::from_static(&[b'x'; 1024])));
        *response.headers_mut() = fields();
        ready(Ok(response))
    }
}

/// Answers with a megabyte, frame by frame.
#[derive(Clone)]
struct Large(Bytes);

impl Service<Request<Body>> for Large {
    type Response = Response<Frames>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Frames>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let frames = Frames {
            frame: self.0.clone(),
            left: 64,
        };
        let mut response = Response::new(frames);
        let max_age = HeaderValue::from_static("max-age=86400");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, max_age);
        ready(Ok(response))
    }
}

struct Frames {
    frame: Bytes,
    left: usize,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(Frame::data(self.frame.clone()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.left * FRAME) as u64)
    }
}
