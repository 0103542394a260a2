//! The layer in a real server, on real connections.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};
use tower::{Layer as _, ServiceExt as _};
use tower_upstash::{
    response_cache::{CachePolicy, ResponseCacheLayer},
    store::MemoryStore,
};

use super::site::{PATIENCE, Site, Told};

/// A server whose paths say what is wanted: `/sized/100`, `/chunked/100`, `/cut/100`, `/held/100`.
struct Server {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
    /// Lets frames of `/held` through.
    gate: Arc<Semaphore>,
    client: reqwest::Client,
}

/// Frames that are made when they are wanted.
struct Frames {
    left: usize,
    end: Option<io::Error>,
    gate: Option<Arc<Semaphore>>,
}

const FRAME: usize = 16 << 10;

fn frame(of: usize) -> Bytes {
    vec![b'x'; of.min(FRAME)].into()
}

impl Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(self.end.take().map(Err));
        }
        if let Some(gate) = &self.gate {
            let Ok(permit) = gate.try_acquire() else {
                let waker = cx.waker().clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    waker.wake();
                });
                return Poll::Pending;
            };
            permit.forget();
        }
        let data = frame(self.left);
        self.left -= data.len();
        Poll::Ready(Some(Ok(Frame::data(data))))
    }
}

type AnyBody = UnsyncBoxBody<Bytes, io::Error>;

fn answer(path: &str, gate: &Arc<Semaphore>) -> Response<AnyBody> {
    let mut parts = path.trim_start_matches('/').split('/');
    let (kind, size) = (parts.next().unwrap(), parts.next().unwrap_or("0"));
    let size: usize = size.parse().unwrap();
    let frames = |left, is_cut: bool, gate| Frames {
        left,
        end: is_cut.then(|| io::Error::other("cut")),
        gate,
    };
    let body = match kind {
        "sized" => Full::new(Bytes::from(vec![b'x'; size]))
            .map_err(|never| match never {})
            .boxed_unsync(),
        "cut" => frames(size, true, None).boxed_unsync(),
        "held" | "heldsized" => frames(size, false, Some(Arc::clone(gate))).boxed_unsync(),
        _ => frames(size, false, None).boxed_unsync(),
    };
    let mut response = Response::builder()
        .header("cache-control", "max-age=60")
        .header("etag", format!("\"{size}\""));
    if kind.ends_with("sized") || kind == "announced" {
        response = response.header("content-length", size);
    }
    response.body(body).unwrap()
}

impl Server {
    async fn start(layer: ResponseCacheLayer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let calls = Arc::<AtomicUsize>::default();
        let gate = Arc::new(Semaphore::new(0));
        let it = Self {
            address: listener.local_addr().unwrap(),
            calls: Arc::clone(&calls),
            gate: Arc::clone(&gate),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        let inner = tower::service_fn(move |request: Request<Incoming>| {
            calls.fetch_add(1, Ordering::SeqCst);
            let response = answer(request.uri().path(), &gate);
            async move { Ok::<_, Infallible>(response) }
        });
        let service = layer.layer(inner);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                let service =
                    hyper::service::service_fn(move |request| service.clone().oneshot(request));
                let serving = hyper::server::conn::http1::Builder::new()
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(serving);
            }
        });
        it
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn ask(&self, method: Method, path: &str, fields: &[(&str, &str)]) -> Got {
        let url = format!("http://{}{path}", self.address);
        let mut request = self.client.request(method, url);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let Ok(response) = request.send().await else {
            // Cut off before its head was sent.
            return Got {
                status: 0,
                headers: HeaderMap::new(),
                body: None,
            };
        };
        Got {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await.ok(),
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.ask(Method::GET, path, &[]).await
    }

    /// Sends text, on a connection of its own.
    async fn raw(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

struct Got {
    status: u16,
    headers: HeaderMap,
    /// `None`: it was cut off.
    body: Option<Bytes>,
}

impl Got {
    fn len(&self) -> usize {
        let body = self.body.as_ref().expect("a whole body");
        assert!(body.iter().all(|byte| *byte == b'x'));
        body.len()
    }

    fn is_hit(&self) -> bool {
        self.field("cache-status").starts_with("tower-upstash;hit")
    }

    fn field(&self, name: &str) -> &str {
        let field = self.headers.get(name).map(|value| value.to_str().unwrap());
        field.unwrap_or_default()
    }
}

fn over_memory() -> ResponseCacheLayer {
    ResponseCacheLayer::new(MemoryStore::builder().max_value(8 << 20).build())
}

/// Waits for what happens beside.
async fn eventually(mut is_so: impl FnMut() -> bool) {
    let so = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, so).await.expect("it happens");
}

#[tokio::test]
async fn whole_bodies_are_stored_however_they_are_framed() {
    let site = Site::start().await;
    let http = site.http().build().unwrap();
    for layer in [over_memory(), ResponseCacheLayer::new(http)] {
        let server = Server::start(layer).await;
        for kind in ["sized", "chunked", "announced"] {
            for size in [0, 1, FRAME, 3 * FRAME, 3 * FRAME + 1, 500_000] {
                let path = format!("/{kind}/{size}");
                let calls = server.calls();
                let first = server.get(&path).await;
                assert_eq!((first.status, first.len()), (200, size), "{path}");
                let second = server.get(&path).await;
                assert!(second.is_hit(), "{path}: {}", second.field("cache-status"));
                assert_eq!(second.len(), size, "{path}");
                assert_eq!(second.field("content-length"), size.to_string(), "{path}");
                assert_eq!(server.calls(), calls + 1, "{path}");
            }
        }
        assert!(server.get("/cut/50000").await.body.is_none());
        let again = server.get("/cut/50000").await;
        assert!(!again.is_hit(), "{}", again.field("cache-status"));
    }
}

#[tokio::test]
async fn heads_conditions_and_ranges_are_answered_from_what_is_stored() {
    let server = Server::start(over_memory()).await;
    for kind in ["sized", "chunked"] {
        let path = &format!("/{kind}/50000");
        let missed = server.ask(Method::HEAD, path, &[]).await;
        assert_eq!((missed.status, missed.len()), (200, 0));
        server.get(path).await;
        let calls = server.calls();
        let head = server.ask(Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.len()), (200, 0), "{kind}");
        assert_eq!(head.field("content-length"), "50000", "{kind}");
        let fields = [("if-none-match", "\"50000\"")];
        for method in [Method::GET, Method::HEAD] {
            let same = server.ask(method, path, &fields).await;
            assert_eq!((same.status, same.len()), (304, 0), "{kind}");
            assert_eq!(same.field("etag"), "\"50000\"", "{kind}");
        }
        for (range, status, len, content) in [
            ("bytes=0-0", 206, 1, "bytes 0-0/50000"),
            ("bytes=49990-", 206, 10, "bytes 49990-49999/50000"),
            ("bytes=-5", 206, 5, "bytes 49995-49999/50000"),
            ("bytes=50000-", 416, 0, "bytes */50000"),
        ] {
            let part = server.ask(Method::GET, path, &[("range", range)]).await;
            assert_eq!((part.status, part.len()), (status, len), "{kind} {range}");
            assert_eq!(part.field("content-range"), content, "{kind} {range}");
            if status == 206 {
                assert_eq!(part.field("content-length"), len.to_string(), "{range}");
            }
        }
        assert_eq!(server.calls(), calls, "{kind}: nobody was asked");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_and_whole() {
    let server = Server::start(over_memory()).await;
    let sizes = [100, 20_000, 0, 100, 20_000, 7];
    for round in 0..2 {
        let mut text = String::new();
        for size in sizes {
            text += &format!("GET /sized/{size} HTTP/1.1\r\nhost: a\r\n\r\n");
        }
        text += "GET /sized/1 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        let mut stream = server.raw(&text).await;
        let mut all = String::new();
        let read = timeout(PATIENCE, stream.read_to_string(&mut all)).await;
        read.unwrap().unwrap();
        let mut rest = &all[..];
        for size in sizes.into_iter().chain([1]) {
            let (head, body) = rest.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
            let length = format!("content-length: {size}");
            assert!(head.contains(&length), "{head}");
            assert_eq!(
                head.contains(";hit"),
                round == 1 || head.contains("age: "),
                "{head}"
            );
            assert!(body[..size].bytes().all(|byte| byte == b'x'));
            rest = &body[size..];
        }
        assert_eq!(rest, "");
    }
    assert_eq!(server.calls(), 5, "each once");
}

#[tokio::test]
async fn a_client_that_goes_in_the_middle_stores_nothing_and_the_next_one_does() {
    for kind in ["held", "heldsized"] {
        let told = Told::default();
        let server = Server::start(told.by(over_memory())).await;
        let path = format!("/{kind}/{}", 10 * FRAME);
        let mut stream = server
            .raw(&format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n",
                server.address
            ))
            .await;
        server.gate.add_permits(3);
        let mut some = [0; 1000];
        stream.read_exact(&mut some).await.unwrap();
        drop(stream);
        eventually(|| told.take().contains(&"not stored: incomplete".to_owned())).await;
        server.gate.add_permits(100);
        let whole = server.get(&path).await;
        assert!(!whole.is_hit(), "{kind}");
        assert_eq!(whole.len(), 10 * FRAME, "{kind}");
        let hit = server.get(&path).await;
        assert!(hit.is_hit(), "{kind}: {}", hit.field("cache-status"));
        assert_eq!((hit.len(), server.calls()), (10 * FRAME, 2), "{kind}");
    }
}

/// What one client begins and another one waits for goes on without the first.
#[tokio::test]
async fn a_client_that_goes_takes_nothing_from_those_who_read_with_it() {
    for kind in ["held", "heldsized"] {
        let told = Told::default();
        let server = Server::start(told.by(over_memory())).await;
        let path = format!("/{kind}/{}", 10 * FRAME);
        let mut first = server
            .raw(&format!(
                "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n",
                server.address
            ))
            .await;
        server.gate.add_permits(3);
        let mut some = [0; 1000];
        first.read_exact(&mut some).await.unwrap();
        let second = server.get(&path);
        let leaving = async {
            eventually(|| told.take().contains(&"collapsed".to_owned())).await;
            drop(first);
            tokio::time::sleep(Duration::from_millis(20)).await;
            server.gate.add_permits(100);
        };
        let (second, ()) = tokio::join!(second, leaving);
        assert_eq!(second.len(), 10 * FRAME, "{kind}");
        let hit = server.get(&path).await;
        assert!(hit.is_hit(), "{kind}: {}", hit.field("cache-status"));
        assert_eq!(server.calls(), 1, "{kind}");
    }
}

/// With a policy that finishes what is abandoned, the first client's leaving costs nobody anything.
#[tokio::test]
async fn what_is_abandoned_is_finished_where_the_policy_says_so() {
    let told = Told::default();
    let policy = CachePolicy::new("page").finish_abandoned();
    let server = Server::start(told.by(over_memory().policy(policy))).await;
    let path = format!("/held/{}", 10 * FRAME);
    let mut stream = server
        .raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n",
            server.address
        ))
        .await;
    server.gate.add_permits(3);
    let mut some = [0; 1000];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_millis(20)).await;
    server.gate.add_permits(100);
    eventually(|| told.take().contains(&"stored".to_owned())).await;
    assert!(server.get(&path).await.is_hit());
    assert_eq!(server.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_large_streams_over_connections_arrive_whole_and_are_not_stored() {
    const STREAMS: usize = 24;
    const SIZE: usize = 10_000_000;
    let told = Told::default();
    let layer = told.by(over_memory()).recording_memory(8 << 20);
    let server = Arc::new(Server::start(layer).await);
    let mut streams = JoinSet::new();
    for n in 0..STREAMS {
        let server = Arc::clone(&server);
        let kind = if n % 2 == 0 { "chunked" } else { "announced" };
        streams.spawn(async move {
            let path = format!("/{kind}/{SIZE}/{n}");
            let url = format!("http://{}{path}", server.address);
            let mut response = server.client.get(url).send().await.unwrap();
            let mut len = 0;
            while let Some(chunk) = response.chunk().await.unwrap() {
                len += chunk.len();
            }
            assert_eq!(len, SIZE, "{path}");
        });
    }
    streams.join_all().await;
    assert_eq!(server.calls(), STREAMS);
    let told = told.take();
    let refused = told.iter().filter(|word| *word == "not stored: too-large");
    assert_eq!(refused.count(), STREAMS, "{told:?}");
}
