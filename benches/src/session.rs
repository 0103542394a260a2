//! What a session layer adds to a request: a fresh request, a service that does with its session what the row says, and
//! all dropped in the end.
//!
//! Extensions that are empty cost whoever inserts first its map. Servers always put something there, so the layers
//! that only insert a handle are measured with both.

mod ours;

use std::{
    convert::Infallible,
    fmt::Debug,
    hint::black_box,
    net::SocketAddr,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use axum::{body::Body, extract::ConnectInfo};
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{COOKIE, SET_COOKIE},
};
use sha2::{Digest, Sha256};
use tower_layer::Layer;
use tower_service::Service;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use crate::{cache, layer::NoOp, row::Row, store::IP};

const GROUP: &str = "sessions, +instr over the no-op service";
pub const BARE: &str = "request";
pub const IN_USE: &str = "request, extensions in use";
pub const WITH_COOKIE: &str = "request, cookie";
pub const WITH_COOKIE_IN_USE: &str = "request, cookie, extensions in use";
pub const HASHED: &str = "request, SHA-256 of a token";
pub const HASHED_WITH_COOKIE: &str = "request, cookie, SHA-256 of a token";

/// The rows of tower-sessions, with its memory store.
pub const UNTOUCHED: &str = "tower-sessions: no cookie, untouched";
pub const UNTOUCHED_IN_USE: &str = "tower-sessions: no cookie, extensions in use";
pub const NOTHING_READ: &str = "tower-sessions: no cookie, read";
pub const CREATE: &str = "tower-sessions: no cookie, create";
pub const COOKIE_UNTOUCHED: &str = "tower-sessions: cookie, untouched";
pub const COOKIE_UNTOUCHED_IN_USE: &str = "tower-sessions: cookie, extensions in use";
pub const READ: &str = "tower-sessions: cookie, read";
pub const WRITE: &str = "tower-sessions: cookie, write";
pub const UPDATE: &str = "tower-sessions: cookie, read and write";

/// What a session holds beside its counter.
pub const FIELDS: [(&str, &str); 4] = [
    ("user", "0195f3a2-7c1e-7b60-9d4e-3f2a6c8b1d05"),
    ("name", "Ada Lovelace"),
    ("language", "en-GB"),
    ("theme", "dark"),
];
pub const HITS: &str = "hits";

pub type Answer = Result<Response<Body>, Infallible>;

pub fn rows() -> Vec<Row> {
    let mut rows = requests();
    rows.extend(without_cookie());
    rows.extend(with_cookie());
    rows.extend(ours::rows());
    rows
}

/// What is subtracted: requests to a service that does nothing.
fn requests() -> Vec<Row> {
    let service = || (NoOp, any_cookie());
    vec![
        row(BARE, fresh, service),
        row(IN_USE, in_use, service),
        row(WITH_COOKIE, with, service),
        row(WITH_COOKIE_IN_USE, with_in_use, service),
        hashed(HASHED, fresh).over(BARE),
        hashed(HASHED_WITH_COOKIE, with).over(WITH_COOKIE),
    ]
}

fn without_cookie() -> Vec<Row> {
    vec![
        row(UNTOUCHED, fresh, || begun(NoOp)).over(BARE),
        row(UNTOUCHED_IN_USE, in_use, || begun(NoOp)).over(IN_USE),
        row(NOTHING_READ, fresh, || begun(Handler(read::<false>))).over(BARE),
        row(CREATE, fresh, || begun(Handler(write)))
            .over(BARE)
            .fewer(10),
    ]
}

fn with_cookie() -> Vec<Row> {
    vec![
        row(COOKIE_UNTOUCHED, with, || begun(NoOp)).over(WITH_COOKIE),
        row(COOKIE_UNTOUCHED_IN_USE, with_in_use, || begun(NoOp)).over(WITH_COOKIE_IN_USE),
        row(READ, with, || begun(Handler(read::<true>))).over(WITH_COOKIE),
        row(WRITE, with, || begun(Handler(write))).over(WITH_COOKIE),
        row(UPDATE, with, || begun(Handler(update))).over(WITH_COOKIE),
    ]
}

/// Returns a cookie that costs as much as any other: its bytes are shared, as those that a server has received.
fn any_cookie() -> HeaderValue {
    HeaderValue::from_bytes(b"id=0123456789abcdefghijkl").expect("a cookie of letters")
}

/// Returns a row that hashes a token, to be subtracted where a layer does: valgrind knows no SHA instructions, which
/// the machine most likely has. So the instructions are those of software, and the nanoseconds those of the machine.
fn hashed(name: &'static str, make: fn(&HeaderValue) -> Request<Body>) -> Row {
    Row::new(GROUP, name, move || {
        let cookie = any_cookie();
        move || {
            black_box(Sha256::digest(black_box([7_u8; 34])));
            let response = answer(&mut NoOp, make(&cookie));
            assert_eq!(black_box(&response).status(), StatusCode::OK);
        }
    })
}

/// Creates a row of requests to a service. `prepare` also returns the cookie that they bring, if they bring one.
pub fn row<S, B>(
    name: &'static str,
    make: fn(&HeaderValue) -> Request<Body>,
    prepare: impl Fn() -> (S, HeaderValue) + 'static,
) -> Row
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug> + 'static,
{
    Row::new(GROUP, name, move || {
        let (mut service, cookie) = prepare();
        move || {
            let response = answer(&mut service, make(&cookie));
            assert_eq!(black_box(&response).status(), StatusCode::OK);
        }
    })
}

/// Returns a service behind the layer, and the cookie of a session that was written to twice.
fn begun<S>(service: S) -> (impl Theirs, HeaderValue)
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
{
    let layer = SessionManagerLayer::new(MemoryStore::default());
    let begun = answer(&mut layer.layer(Handler(begin)), Request::default());
    let cookie = set_cookie(&begun);
    let updated = answer(&mut layer.layer(Handler(update)), with(&cookie));
    assert_eq!(updated.status(), StatusCode::OK);
    (layer.layer(service), cookie)
}

/// A service behind the layer of the peer.
trait Theirs: Service<Request<Body>, Response = Response<Body>, Error = Infallible> {}

impl<S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>> Theirs for S {}

async fn begin(request: Request<Body>) -> Answer {
    let session = session(&request);
    for (key, value) in FIELDS {
        session.insert(key, value).await.expect("a value");
    }
    session.insert(HITS, 1_u64).await.expect("a value");
    Ok(Response::default())
}

/// Reads the counter. It is there, or not, as the row says.
async fn read<const THERE: bool>(request: Request<Body>) -> Answer {
    let hits: Option<u64> = session(&request).get(HITS).await.expect("a value");
    assert_eq!(black_box(hits).is_some(), THERE);
    Ok(Response::default())
}

async fn write(request: Request<Body>) -> Answer {
    let session = session(&request);
    session.insert(HITS, another()).await.expect("a value");
    Ok(Response::default())
}

async fn update(request: Request<Body>) -> Answer {
    let session = session(&request);
    let hits: u64 = session
        .get(HITS)
        .await
        .expect("a value")
        .expect("a counter");
    session.insert(HITS, hits + 1).await.expect("a value");
    Ok(Response::default())
}

fn session(request: &Request<Body>) -> Session {
    let session = request.extensions().get::<Session>();
    session.expect("a layer that inserts it").clone()
}

/// Returns another number each time: one that is the same is not written.
pub fn another() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Relaxed)
}

/// Calls a service that does not wait.
#[inline(always)]
pub fn answer<S, B>(service: &mut S, request: Request<Body>) -> Response<B>
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug>,
{
    let context = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(context).is_ready());
    // Polled where it is made: handed over to another function, a large future would be copied.
    match pin!(service.call(request)).poll(context) {
        Poll::Ready(response) => response.expect("no error"),
        Poll::Pending => panic!("a layer that waits"),
    }
}

/// Returns what a client answers to the cookie that it was sent.
pub fn set_cookie<B>(response: &Response<B>) -> HeaderValue {
    let field = response.headers().get(SET_COOKIE).expect("a new session");
    let field = field.to_str().expect("a cookie of letters");
    let (pair, _) = field.split_once(';').expect("a cookie with attributes");
    HeaderValue::from_str(pair).expect("a cookie of letters")
}

pub fn fresh(_: &HeaderValue) -> Request<Body> {
    cache::get()
}

pub fn in_use(_: &HeaderValue) -> Request<Body> {
    let mut request = cache::get();
    let peer = SocketAddr::from((IP, 4711));
    request
        .extensions_mut()
        .insert(ConnectInfo(black_box(peer)));
    request
}

pub fn with(cookie: &HeaderValue) -> Request<Body> {
    let mut request = cache::get();
    request.headers_mut().insert(COOKIE, cookie.clone());
    request
}

pub fn with_in_use(cookie: &HeaderValue) -> Request<Body> {
    let mut request = in_use(cookie);
    request.headers_mut().insert(COOKIE, cookie.clone());
    request
}

/// A service of a function.
#[derive(Clone)]
pub struct Handler<F>(pub F);

impl<F, R> Service<Request<Body>> for Handler<F>
where
    F: Fn(Request<Body>) -> R,
    R: Future<Output = Answer>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = R;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.0(request)
    }
}
