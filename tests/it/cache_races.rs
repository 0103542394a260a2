//! The response cache under cancellation, and with stores and services that are slow, mute, or fail.
//!
//! Every step is made by hand: a call of the service is answered where a test says so, and a store answers a kind of call
//! as often as it is given turns.

mod abandoned;
mod collapsed;
mod freed;
mod interleaved;
mod refreshed;
mod written;

use std::{
    convert::Infallible,
    mem,
    pin::Pin,
    result::Result as StdResult,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_test::task::{Spawn, spawn};
use tower_layer::Layer;
use tower_service::Service;
use tower_upstash::{
    response_cache::{Event, ResponseBody, ResponseCache, ResponseCacheLayer, ResponseFuture},
    store::{
        Batch, Claim, Cursor, Decisions, Entries, Error, ErrorKind, Key, Members, MemoryStore,
        Position, Purge, Purges, Result, Scope, SharedStore, Store, Written,
    },
    time::ManualClock,
};

/// A body that a test writes.
struct Script(mpsc::UnboundedReceiver<Bytes>);

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<StdResult<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|frame| frame.map(Frame::data).map(Ok))
    }
}

/// What a call of the service ends with.
type Answer = StdResult<Response<Script>, &'static str>;

/// The service panics with it.
const PANIC: &str = "panic";

/// A service whose calls are answered by hand.
#[derive(Clone, Default)]
struct Origin(Arc<Mutex<Vec<Option<Pending>>>>);

struct Pending {
    answer: oneshot::Sender<Answer>,
}

impl Origin {
    fn calls(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn take(&self, call: usize) -> Pending {
        self.0.lock().unwrap()[call].take().unwrap()
    }

    /// Answers with a whole body.
    fn answer(&self, call: usize, cache_control: &str, body: &'static str) {
        let writer = self.begin(call, cache_control);
        writer.send(Bytes::from_static(body.as_bytes())).unwrap();
    }

    /// Answers with a body that is yet to be written.
    fn begin(&self, call: usize, cache_control: &str) -> mpsc::UnboundedSender<Bytes> {
        let (writer, body) = mpsc::unbounded_channel();
        let response = Response::builder().header("cache-control", cache_control);
        self.give(
            call,
            Ok(response.header("etag", "\"1\"").body(Script(body)).unwrap()),
        );
        writer
    }

    fn give(&self, call: usize, answer: Answer) {
        let _ = self.take(call).answer.send(answer);
    }

    fn give_status(&self, call: usize, status: u16) {
        let (_, body) = mpsc::unbounded_channel();
        let mut response = Response::new(Script(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        self.give(call, Ok(response));
    }

    /// Answers that nothing has changed.
    fn confirm(&self, call: usize, cache_control: &str) {
        let (_, body) = mpsc::unbounded_channel();
        let response = Response::builder().status(304).header("etag", "\"1\"");
        let response = response.header("cache-control", cache_control);
        self.give(call, Ok(response.body(Script(body)).unwrap()));
    }
}

impl Service<Request<Empty<Bytes>>> for Origin {
    type Response = Response<Script>;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<StdResult<(), &'static str>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Empty<Bytes>>) -> Self::Future {
        let (answer, answered) = oneshot::channel();
        self.0.lock().unwrap().push(Some(Pending { answer }));
        Box::pin(async {
            let answer = answered.await.unwrap_or(Err("gone"));
            assert!(!matches!(answer, Err(PANIC)), "as a handler does");
            answer
        })
    }
}

/// What a store is asked.
#[derive(Clone, Copy)]
enum Ask {
    Read,
    Write,
    Poll,
    Purge,
}

/// A store that never answers at once, and each kind of call only with leave.
#[derive(Clone)]
struct Stepped {
    memory: MemoryStore,
    gates: Arc<[Gate; 4]>,
}

struct Gate {
    turns: Semaphore,
    is_down: AtomicBool,
}

impl Stepped {
    fn open() -> Self {
        Self::over(MemoryStore::new())
    }

    /// Another process over the same store, with gates of its own.
    fn over(memory: MemoryStore) -> Self {
        let gate = |_| Gate {
            turns: Semaphore::new(Semaphore::MAX_PERMITS),
            is_down: AtomicBool::new(false),
        };
        Self {
            memory,
            gates: Arc::new([0, 1, 2, 3].map(gate)),
        }
    }

    /// From now on, such calls wait.
    fn hold(&self, ask: Ask) {
        self.gates[ask as usize]
            .turns
            .forget_permits(Semaphore::MAX_PERMITS);
    }

    /// One call more is answered.
    fn step(&self, ask: Ask) {
        self.gates[ask as usize].turns.add_permits(1);
    }

    fn release(&self, ask: Ask) {
        self.hold(ask);
        self.gates[ask as usize]
            .turns
            .add_permits(Semaphore::MAX_PERMITS);
    }

    fn set_down(&self, ask: Ask, is_down: bool) {
        self.gates[ask as usize]
            .is_down
            .store(is_down, Ordering::SeqCst);
    }

    async fn pass(&self, ask: Ask) -> Result<&MemoryStore> {
        let gate = &self.gates[ask as usize];
        tokio::task::yield_now().await;
        gate.turns.acquire().await.unwrap().forget();
        if gate.is_down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "down for a test"));
        }
        Ok(&self.memory)
    }
}

impl Store for Stepped {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.pass(Ask::Read).await?.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.pass(Ask::Write).await?.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.memory.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.memory.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.memory.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.pass(Ask::Purge).await?.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.pass(Ask::Poll).await?.purges(log, since).await
    }
}

/// A request that is polled only when it is woken.
struct Client {
    task: Spawn<ResponseFuture<Origin, Empty<Bytes>, Script>>,
    is_new: bool,
}

type Got = Response<ResponseBody<Script>>;

fn layer(store: Stepped) -> ResponseCacheLayer {
    ResponseCacheLayer::new(SharedStore::new(store))
}

/// A process: a layer over a store, around a service.
struct Process {
    layer: ResponseCacheLayer,
    cache: ResponseCache<Origin>,
    origin: Origin,
    clock: ManualClock,
    events: Arc<Mutex<Vec<String>>>,
}

impl Process {
    fn new(store: Stepped) -> Self {
        Self::with(layer(store))
    }

    fn with(layer: ResponseCacheLayer) -> Self {
        let (origin, clock) = (Origin::default(), ManualClock::default());
        let events = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&events);
        let layer = layer.clock(clock.clone()).on_event(move |event| {
            told.lock().unwrap().push(name(event));
        });
        Self {
            cache: layer.layer(origin.clone()),
            layer,
            origin,
            clock,
            events,
        }
    }

    fn request(&self, method: &str, path: &str) -> Client {
        let request = Request::builder()
            .method(method)
            .header("host", "example.com");
        let request = request.uri(path).body(Empty::new()).unwrap();
        Client {
            task: spawn(self.cache.clone().call(request)),
            is_new: true,
        }
    }

    fn get(&self) -> Client {
        self.request("GET", "/")
    }

    /// Lets a fill come to its end.
    async fn fill(&self, cache_control: &str, body: &'static str) {
        let mut client = self.get();
        let call = self.origin.calls();
        assert!(ready(&mut client).await.is_none());
        self.origin.answer(call, cache_control, body);
        assert_eq!(text(&mut client).await, body);
    }

    fn events(&self) -> Vec<String> {
        mem::take(&mut self.events.lock().unwrap())
    }
}

fn name(event: &Event<'_>) -> String {
    let text = format!("{event:?}");
    let end = text.find(' ').unwrap_or(text.len());
    text[..end].to_owned()
}

/// Lets tasks run, and the client as often as it is woken.
async fn ready(client: &mut Client) -> Option<StdResult<Got, &'static str>> {
    for _ in 0..50 {
        if (mem::take(&mut client.is_new) || client.task.is_woken())
            && let Poll::Ready(answer) = client.task.poll()
        {
            return Some(answer);
        }
        tokio::task::yield_now().await;
    }
    None
}

/// Lets tasks run.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn got(client: &mut Client) -> Got {
    ready(client).await.unwrap().unwrap()
}

/// Returns the whole body of an answer that is there.
async fn text(client: &mut Client) -> String {
    read(got(client).await).await
}

async fn read(response: Got) -> String {
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

fn status(response: &Got) -> String {
    let status = response.headers().get("cache-status").unwrap();
    status.to_str().unwrap().to_owned()
}
