//! A Redis whose clock is moved by hand, the endpoint before it, a memory store, and a service behind layers by that clock.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use local_upstash::{LocalUpstash, RedisServer};
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_upstash::{
    response_cache::{Event, ResponseCacheLayer},
    store::{
        MemoryStore, RedisStore, RedisStoreBuilder, SharedStore, UpstashStore, UpstashStoreBuilder,
    },
    time::{ManualClock, Timestamp},
};

/// More than any answer needs, on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) struct Site {
    pub(super) redis: RedisServer,
    pub(super) server: LocalUpstash,
    /// As far ahead as that of Redis, which runs besides.
    pub(super) clock: ManualClock,
    memory: MemoryStore,
}

/// A kind of store, to be opened by as many processes as there are.
pub(super) struct Place<'a> {
    pub(super) name: &'static str,
    site: &'a Site,
}

impl Site {
    pub(super) async fn start() -> Self {
        let redis = RedisServer::with_clock().await.unwrap();
        let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + redis.ahead();
        let clock = ManualClock::at(Timestamp::from_micros(now.as_micros() as u64));
        Self {
            memory: MemoryStore::builder().clock(clock.clone()).build(),
            redis,
            server,
            clock,
        }
    }

    pub(super) fn advance(&self, time: Duration) {
        self.redis.advance(time);
        self.clock.advance(time);
    }

    pub(super) fn http(&self) -> UpstashStoreBuilder {
        UpstashStore::builder(&self.server.url(), self.server.token()).time_limit(PATIENCE)
    }

    pub(super) fn tcp(&self) -> RedisStoreBuilder {
        RedisStore::builder(&self.redis.url()).time_limit(PATIENCE)
    }

    pub(super) fn places(&self) -> [Place<'_>; 3] {
        ["memory", "http", "tcp"].map(|name| Place { name, site: self })
    }

    /// Makes a layer by the clock of the site.
    pub(super) fn layer(&self, store: impl Into<SharedStore>) -> ResponseCacheLayer {
        ResponseCacheLayer::new(store).clock(self.clock.clone())
    }

    pub(super) async fn flush(&self) {
        self.redis.command(&["FLUSHALL"]).await.unwrap();
    }

    /// Returns what Redis holds as strings.
    pub(super) async fn held(&self) -> Vec<(String, Vec<u8>)> {
        let ask = async |words: &[&str]| self.redis.command(words).await.unwrap();
        let keys: Vec<String> = redis::from_redis_value(ask(&["KEYS", "*"]).await).unwrap();
        let mut held = Vec::new();
        for key in keys {
            let kind: String = redis::from_redis_value(ask(&["TYPE", &key]).await).unwrap();
            if kind == "string" {
                let value = redis::from_redis_value(ask(&["GET", &key]).await).unwrap();
                held.push((key, value));
            }
        }
        held.sort();
        held
    }

    /// Returns the entries of the cache: texts that can be read, where they are no compressed ones.
    pub(super) async fn entries(&self) -> Vec<(String, Vec<u8>)> {
        let mut held = self.held().await;
        held.retain(|(_, value)| value.windows(3).any(|part| part == b"tc1"));
        held
    }

    /// Returns requests and commands since the last call.
    pub(super) fn bill(&self) -> (u64, u64) {
        let bill = (self.server.bill().requests(), self.server.bill().commands());
        self.server.bill().reset();
        bill
    }
}

impl Place<'_> {
    /// Opens the store as a process does that knows nothing of others.
    pub(super) fn open(&self) -> SharedStore {
        match self.name {
            "memory" => self.site.memory.clone().into(),
            "http" => self.site.http().build().unwrap().into(),
            _ => self.site.tcp().build().unwrap().into(),
        }
    }

    /// Makes the layers of two processes.
    pub(super) fn two(&self) -> [ResponseCacheLayer; 2] {
        [self.layer(), self.layer()]
    }

    pub(super) fn layer(&self) -> ResponseCacheLayer {
        self.site.layer(self.open())
    }
}

/// A service that counts its calls, and answers each with what it is told and the number of the call.
#[derive(Clone)]
pub(super) struct App(Arc<Inner>);

struct Inner {
    calls: AtomicUsize,
    reply: Mutex<Reply>,
    gate: Semaphore,
}

#[derive(Clone)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl App {
    pub(super) fn new() -> Self {
        let app = Self::without_fields();
        app.header("cache-control", "max-age=600");
        app
    }

    pub(super) fn without_fields() -> Self {
        Self(Arc::new(Inner {
            calls: AtomicUsize::new(0),
            reply: Mutex::new(Reply {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: None,
            }),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }))
    }

    pub(super) fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    pub(super) fn header(&self, name: &'static str, value: &str) {
        let value = value.parse().unwrap();
        self.0.reply.lock().unwrap().headers.insert(name, value);
    }

    pub(super) fn status(&self, status: u16) {
        self.0.reply.lock().unwrap().status = StatusCode::from_u16(status).unwrap();
    }

    /// Answers so from now on, instead of with numbers.
    pub(super) fn body(&self, body: impl Into<Bytes>) {
        self.0.reply.lock().unwrap().body = Some(body.into());
    }

    /// Lets calls wait until they are let through.
    pub(super) fn hold(&self) {
        self.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn let_through(&self, calls: usize) {
        self.0.gate.add_permits(calls);
    }

    /// Waits until it was called so often.
    pub(super) async fn called(&self, times: usize) {
        let called = async {
            while self.calls() < times {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, called)
            .await
            .expect("the service is called");
    }

    async fn answer(&self) -> Response<Full<Bytes>> {
        let call = self.0.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let reply = self.0.reply.lock().unwrap().clone();
        self.0.gate.acquire().await.unwrap().forget();
        let body = reply.body.unwrap_or_else(|| format!("call {call}").into());
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    /// Sends a request, and waits for what it has left to the background.
    pub(super) async fn send(
        &self,
        layer: &ResponseCacheLayer,
        request: Request<Full<Bytes>>,
    ) -> Answer {
        let answer = self.ask(layer, request).await;
        layer.handle().drain().await;
        answer
    }

    pub(super) async fn ask(
        &self,
        layer: &ResponseCacheLayer,
        request: Request<Full<Bytes>>,
    ) -> Answer {
        let app = self.clone();
        let service = service_fn(move |_: Request<Full<Bytes>>| {
            let app = app.clone();
            async move { Ok::<_, Infallible>(app.answer().await) }
        });
        let response = layer.layer(service).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes(),
        }
    }

    pub(super) async fn get(&self, layer: &ResponseCacheLayer, path: &str) -> Answer {
        self.send(layer, request(Method::GET, path, &[])).await
    }

    pub(super) async fn post(&self, layer: &ResponseCacheLayer, path: &str) -> Answer {
        self.send(layer, request(Method::POST, path, &[])).await
    }

    /// Fetches as a client that wants something of its own.
    pub(super) async fn get_with(
        &self,
        layer: &ResponseCacheLayer,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        self.send(layer, request(Method::GET, path, fields)).await
    }
}

pub(super) fn request(method: Method, path: &str, fields: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    request = request.header("host", "example.com");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Full::default()).unwrap()
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// How it came about, by `Cache-Status`.
    pub(super) fn how(&self) -> &str {
        let how = self.headers.get("cache-status").map(|how| how.to_str());
        how.map_or("", Result::unwrap)
    }

    pub(super) fn is_hit(&self) -> bool {
        self.how().starts_with("tower-upstash;hit")
    }
}

/// What a layer has told, as words.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    pub(super) fn by(&self, layer: ResponseCacheLayer) -> ResponseCacheLayer {
        let told = Arc::clone(&self.0);
        layer.on_event(move |event| {
            let word = match event {
                Event::Hit { stale: false, .. } => "hit".to_owned(),
                Event::Hit { stale: true, .. } => "stale".to_owned(),
                Event::Collapsed { .. } => "collapsed".to_owned(),
                Event::Miss { .. } => "miss".to_owned(),
                Event::Validated { .. } => "validated".to_owned(),
                Event::Stored { .. } => "stored".to_owned(),
                Event::NotStored { reason, .. } => format!("not stored: {}", reason.as_str()),
                Event::RefreshFailed { .. } => "refresh failed".to_owned(),
                Event::StoreError { error } => format!("store: {:?}", error.kind()),
                _ => "something else".to_owned(),
            };
            told.lock().unwrap().push(word);
        })
    }

    /// Returns what was told since the last call.
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    pub(super) fn errors(&self) -> usize {
        let told = self.0.lock().unwrap();
        told.iter()
            .filter(|word| word.starts_with("store:"))
            .count()
    }
}
