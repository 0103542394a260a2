//! A site behind the layer: what its service answers, how often it is asked, and what comes of requests to it.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, request::Parts};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use tokio::sync::{Semaphore, mpsc};
use tower::{Layer, Service, ServiceExt};
use tower_upstash::{
    response_cache::{CachePolicy, Event, Reason, ResponseBody, ResponseCacheLayer},
    store::{MemoryStore, SharedStore},
    time::ManualClock,
};

pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Body = UnsyncBoxBody<Bytes, Error>;
pub(super) type Answer = Response<ResponseBody<Body>>;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

/// A response of a service.
pub(super) fn answer(fields: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Body> {
    answer_with(200, fields, body)
}

pub(super) fn answer_with(
    status: u16,
    fields: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Response<Body> {
    stream(status, fields, Full::new(body.into()))
}

/// A response with a body of any kind.
pub(super) fn stream<B>(status: u16, fields: &[(&str, &str)], body: B) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<Error>,
{
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response
        .body(body.map_err(Into::into).boxed_unsync())
        .unwrap()
}

/// The usual response: for a minute, and of which request it is.
pub(super) fn for_a_minute(parts: &Parts) -> Response<Body> {
    answer(&[("cache-control", "max-age=60")], parts.uri.to_string())
}

/// A body whose frames come when the test gives them.
pub(super) struct Channel(mpsc::UnboundedReceiver<Result<Frame<Bytes>, Error>>);

#[derive(Clone)]
pub(super) struct Frames(mpsc::UnboundedSender<Result<Frame<Bytes>, Error>>);

pub(super) fn channel() -> (Frames, Channel) {
    let (frames, body) = mpsc::unbounded_channel();
    (Frames(frames), Channel(body))
}

impl Frames {
    pub(super) fn data(&self, data: &'static str) {
        let _ = self
            .0
            .send(Ok(Frame::data(Bytes::from_static(data.as_bytes()))));
    }

    pub(super) fn trailers(&self, trailers: HeaderMap) {
        let _ = self.0.send(Ok(Frame::trailers(trailers)));
    }

    pub(super) fn fail(&self, why: &'static str) {
        let _ = self.0.send(Err(why.into()));
    }

    /// Returns whether nobody wants the body any more.
    pub(super) fn is_dropped(&self) -> bool {
        self.0.is_closed()
    }
}

impl HttpBody for Channel {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.poll_recv(cx)
    }
}

/// A service that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Down;

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("down")
    }
}

impl std::error::Error for Down {}

type Handler = dyn Fn(&Parts) -> Response<Body> + Send + Sync;

/// The service of a site. It can be held up, and be down.
#[derive(Clone)]
pub(super) struct Origin {
    answer: Arc<Handler>,
    asked: Arc<Mutex<Vec<Parts>>>,
    turns: Arc<Semaphore>,
    is_down: Arc<AtomicBool>,
}

impl Origin {
    pub(super) fn new(answer: impl Fn(&Parts) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self {
            answer: Arc::new(answer),
            asked: Arc::default(),
            turns: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            is_down: Arc::default(),
        }
    }

    /// Answers when it is given [turns](Self::give_turns).
    pub(super) fn held_up(self) -> Self {
        let turns = Arc::new(Semaphore::new(0));
        Self { turns, ..self }
    }

    pub(super) fn give_turns(&self, turns: usize) {
        self.turns.add_permits(turns);
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// Returns how often it was asked.
    pub(super) fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Returns the last request.
    pub(super) fn last(&self) -> Parts {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

impl<B> Service<Request<B>> for Origin {
    type Response = Response<Body>;
    type Error = Down;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Down>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Down>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, _) = request.into_parts();
        self.asked.lock().unwrap().push(parts.clone());
        let origin = self.clone();
        Box::pin(async move {
            origin.turns.acquire().await.unwrap().forget();
            if origin.is_down.load(Ordering::SeqCst) {
                return Err(Down);
            }
            Ok((origin.answer)(&parts))
        })
    }
}

/// What came of a request.
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Got {
    /// Reads an answer to its end.
    pub(super) async fn of(answer: Answer) -> Self {
        let (parts, body) = answer.into_parts();
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Returns what `Cache-Status` says.
    pub(super) fn cache(&self) -> &str {
        self.field("cache-status").unwrap()
    }

    pub(super) fn is_hit(&self) -> bool {
        self.cache().starts_with("tower-upstash;hit")
    }
}

/// A service behind a layer, with a clock that is moved by hand.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) layer: ResponseCacheLayer,
    pub(super) origin: Origin,
    pub(super) clock: ManualClock,
    unstored: Arc<Mutex<Vec<Reason>>>,
}

impl Site {
    pub(super) fn new(answer: impl Fn(&Parts) -> Response<Body> + Send + Sync + 'static) -> Self {
        Self::of(Origin::new(answer))
    }

    pub(super) fn of(origin: Origin) -> Self {
        let clock = ManualClock::default();
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self::over(store, clock, origin)
    }

    pub(super) fn over(store: impl Into<SharedStore>, clock: ManualClock, origin: Origin) -> Self {
        let unstored = Arc::<Mutex<Vec<Reason>>>::default();
        let seen = Arc::clone(&unstored);
        let layer = ResponseCacheLayer::new(store)
            .clock(clock.clone())
            .on_event(move |event| {
                if let Event::NotStored { reason, .. } = event {
                    seen.lock().unwrap().push(*reason);
                }
            });
        Self {
            layer,
            origin,
            clock,
            unstored,
        }
    }

    pub(super) fn policy(mut self, policy: CachePolicy) -> Self {
        self.layer = self.layer.policy(policy);
        self
    }

    pub(super) fn layered(
        mut self,
        with: impl FnOnce(ResponseCacheLayer) -> ResponseCacheLayer,
    ) -> Self {
        self.layer = with(self.layer);
        self
    }

    /// Returns the site with a service that answers when it is given turns.
    pub(super) fn held_up(mut self) -> Self {
        self.origin = self.origin.held_up();
        self
    }

    pub(super) fn calls(&self) -> usize {
        self.origin.calls()
    }

    /// Returns why responses were not stored since the last time.
    pub(super) fn unstored(&self) -> Vec<Reason> {
        std::mem::take(&mut self.unstored.lock().unwrap())
    }

    /// Returns the head of the answer, and its body to be read.
    pub(super) async fn open(&self, request: Request<Full<Bytes>>) -> Result<Answer, Down> {
        self.layer.layer(self.origin.clone()).oneshot(request).await
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Got {
        Got::of(self.open(request).await.unwrap()).await
    }

    pub(super) async fn get(&self, path: &str) -> Got {
        self.send(get(path)).await
    }

    /// Begins a request, which goes on by itself.
    pub(super) fn spawn(
        &self,
        request: Request<Full<Bytes>>,
    ) -> tokio::task::JoinHandle<Result<Answer, Down>> {
        let site = self.clone();
        tokio::spawn(async move { site.open(request).await })
    }

    /// Asserts that a request is answered by the service, and its like from the cache.
    pub(super) async fn assert_stored(&self, request: impl Fn() -> Request<Full<Bytes>>) {
        let first = self.send(request()).await;
        assert!(!first.is_hit(), "{}", first.cache());
        let second = self.send(request()).await;
        assert!(second.is_hit(), "{}", second.cache());
        assert_eq!(second.body, first.body);
    }

    /// Asserts that nothing is stored of the answer to a request, for this reason.
    pub(super) async fn assert_unstored(
        &self,
        request: impl Fn() -> Request<Full<Bytes>>,
        why: Reason,
    ) {
        for _ in 0..2 {
            let calls = self.calls();
            let got = self.send(request()).await;
            assert!(!got.is_hit(), "{}", got.cache());
            assert_eq!(self.calls(), calls + 1);
            assert_eq!(self.unstored(), [why]);
        }
    }
}

pub(super) fn get(path: &str) -> Request<Full<Bytes>> {
    request("GET", path, &[])
}

pub(super) fn get_with(path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    request("GET", path, fields)
}

/// A request to `http://example.com`, or to the whole URL.
pub(super) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let uri = match path.starts_with('/') {
        true => format!("http://example.com{path}"),
        false => path.to_owned(),
    };
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

/// Lets all other tasks of a runtime of one thread go on for as long as they can.
pub(super) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Returns the next frame of a body, as text.
pub(super) async fn next<B>(body: &mut B) -> Option<Result<String, Error>>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<Error>,
{
    let frame = body.frame().await?;
    let data = |frame: Frame<Bytes>| {
        let data = frame.into_data().expect("no trailers");
        String::from_utf8(data.to_vec()).unwrap()
    };
    Some(frame.map(data).map_err(Into::into))
}

/// An empty answer of a status.
pub(super) fn status(status: StatusCode, fields: &[(&str, &str)]) -> Response<Body> {
    stream(status.as_u16(), fields, Empty::new())
}
