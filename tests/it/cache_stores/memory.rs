//! A thousand large streams at once, in a process of their own whose memory is measured.

use std::{
    convert::Infallible,
    env, fs,
    io::{self, Write as _},
    pin::Pin,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::{process::Command, task::JoinSet, time::timeout};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_upstash::{
    response_cache::{CachePolicy, Event, ResponseCacheLayer},
    store::MemoryStore,
};

use super::site::request;

const MEASURED: &str = "TOWER_UPSTASH_TEST_MEMORY";
const STREAMS: usize = 1000;
const SIZE: usize = 10 << 20;
const FRAME: usize = 64 << 10;
const MIB: usize = 1 << 20;
/// What recordings may take.
const BUDGET: usize = 32 * MIB;
/// What a thousand tasks, their frames on the way, and an allocator that keeps a little take besides.
const BESIDE: usize = 48 * MIB;

/// Frames that take memory of their own.
struct Frames(usize);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= FRAME;
        Poll::Ready(Some(Ok(Frame::data(vec![7; FRAME].into()))))
    }
}

/// Returns a number of `/proc/self/status`, in bytes.
fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let number = line.split_whitespace().nth(1).unwrap();
    number.parse::<usize>().unwrap() * 1024
}

async fn stream(layer: ResponseCacheLayer, path: String) -> usize {
    let service = layer.layer(service_fn(async |request: Request<Full<Bytes>>| {
        let mut response = Response::builder().header("cache-control", "max-age=60");
        if request.uri().path().starts_with("/announced") {
            response = response.header("content-length", SIZE);
        }
        Ok::<_, Infallible>(response.body(Frames(SIZE)).unwrap())
    }));
    let response = service
        .oneshot(request(Method::GET, &path, &[]))
        .await
        .unwrap();
    let mut body = response.into_body();
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        let data = frame.unwrap().into_data().unwrap();
        assert_eq!((data[0], data[data.len() - 1]), (7, 7));
        len += data.len();
        drop(data);
        // All of them are on the way at the same time.
        tokio::task::yield_now().await;
    }
    len
}

#[tokio::test]
#[ignore = "what a process does that the test below starts"]
async fn the_streams() {
    if env::var_os(MEASURED).is_none() {
        return;
    }
    let refused = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&refused);
    // All of them could be stored, as far as the policy goes: only the budget is in the way.
    let policy = CachePolicy::new("large").max_body(2 * SIZE);
    let layer = ResponseCacheLayer::new(MemoryStore::new())
        .policy(policy)
        .recording_memory(BUDGET)
        .on_event(move |event| {
            if let Event::NotStored { .. } = event {
                told.fetch_add(1, Ordering::SeqCst);
            }
        });
    for kind in ["warm", "chunked", "announced"] {
        // Once, for what is allocated only once.
        let streams = if kind == "warm" { 1 } else { STREAMS };
        let before = status("VmRSS");
        refused.store(0, Ordering::SeqCst);
        let mut all = JoinSet::new();
        for n in 0..streams {
            all.spawn(stream(layer.clone(), format!("/{kind}/{n}")));
        }
        let arrived: usize = all.join_all().await.into_iter().sum();
        let grown = status("VmHWM").saturating_sub(before);
        let refused = refused.load(Ordering::SeqCst);
        let line = format!("\n{kind} {arrived} {grown} {refused}\n");
        io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn a_thousand_large_streams_take_no_more_memory_than_recordings_may() {
    let (_, module) = module_path!().split_once("::").unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("{module}::the_streams")])
        .args(["--ignored", "--nocapture"])
        .env(MEASURED, "1")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(120), child).await;
    let output = output.expect("it ends").unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    for kind in ["chunked", "announced"] {
        let line = text.lines().find_map(|line| line.strip_prefix(kind));
        let numbers = line.expect("it tells").split_whitespace();
        let numbers: Vec<usize> = numbers.map(|number| number.parse().unwrap()).collect();
        let [arrived, grown, refused] = numbers[..] else {
            panic!("{text}");
        };
        eprintln!("{kind}: {} MiB for {STREAMS} streams", grown / MIB);
        assert_eq!(arrived, STREAMS * SIZE, "{kind}");
        assert!(grown <= BUDGET + BESIDE, "{kind}: {grown}");
        assert_eq!(refused, STREAMS, "{kind}");
    }
}
