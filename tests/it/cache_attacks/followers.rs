//! Those who read along while somebody else's answer streams.

use std::{
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
};

use http_body::{Body, Frame};
use tokio::sync::{Semaphore, mpsc};

use super::*;

/// A body that a test feeds.
struct Fed(mpsc::UnboundedReceiver<&'static str>);

impl Body for Fed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_recv(cx);
        next.map(|text| text.map(|text| Ok(Frame::data(Bytes::from(text)))))
    }
}

#[tokio::test]
async fn a_follower_gets_nothing_more_once_the_answer_is_marked_as_personal() {
    let (feed, body) = mpsc::unbounded_channel();
    let body = Arc::new(std::sync::Mutex::new(Some(Fed(body))));
    let personal = Personal::new();
    let layer = ResponseCacheLayer::new(MemoryStore::new());
    let service = layer.layer(service_fn(move |_: Asked| {
        let body = body.lock().unwrap().take();
        async move {
            let mut response = Response::new(body.expect("one call"));
            put(response.headers_mut(), &[("cache-control", "max-age=60")]);
            Ok::<_, Infallible>(response)
        }
    }));
    let ask = |personal: Option<Personal>| {
        let mut asked = request(Method::GET, "http://a.example/", &[]);
        if let Some(personal) = personal {
            asked.extensions_mut().insert(personal);
        }
        service.clone().oneshot(asked)
    };
    let mut alice = ask(Some(personal.clone())).await.unwrap().into_body();
    let bob = ask(None).await.unwrap();
    assert!(
        bob.headers()
            .get("cache-status")
            .unwrap()
            .to_str()
            .unwrap()
            .contains("collapsed")
    );
    let mut bob = bob.into_body();
    feed.send("for all, ").unwrap();
    assert_eq!(
        bob.frame().await.unwrap().unwrap().into_data().unwrap(),
        "for all, "
    );
    personal.mark();
    feed.send("for alice").unwrap();
    drop(feed);
    assert!(bob.frame().await.unwrap().is_err());
    assert!(bob.frame().await.is_none() && bob.is_end_stream());
    let mut all = Vec::new();
    while let Some(frame) = alice.frame().await {
        all.extend_from_slice(&frame.unwrap().into_data().unwrap());
    }
    assert_eq!(all, b"for all, for alice");
}

/// A service that holds its answers until it is let go, and tells how many calls there are.
#[derive(Clone)]
struct Slow {
    calls: Arc<AtomicUsize>,
    turns: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self {
            calls: Arc::default(),
            turns: Arc::new(Semaphore::new(0)),
        }
    }

    async fn turn(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.turns.acquire().await.unwrap().forget();
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn neither_somebody_with_a_cookie_nor_an_error_ends_the_collapsing_for_others() {
    let slow = Slow::new();
    let held = slow.clone();
    let policy = CachePolicy::new("silent").default_ttl(MINUTE);
    let layer = ResponseCacheLayer::new(MemoryStore::new()).policy(policy);
    let service = layer.layer(service_fn(move |asked: Asked| {
        let held = held.clone();
        async move {
            held.turn().await;
            let status = if asked.headers().contains_key("x-bad") {
                400
            } else {
                200
            };
            Ok::<_, Infallible>(answer(status, &[], "page"))
        }
    }));
    let ask = |lines: &[(&str, &str)]| {
        let asked = request(Method::GET, "http://a.example/", lines);
        let answer = service.clone().oneshot(asked);
        tokio::spawn(async move { answer.await.unwrap().into_body().collect().await.unwrap() })
    };
    for line in [("cookie", "evil"), ("x-bad", "1")] {
        slow.turns.add_permits(1);
        ask(&[line]).await.unwrap();
    }
    let before = slow.calls();
    let many: Vec<_> = (0..10).map(|_| ask(&[])).collect();
    settle().await;
    assert_eq!(slow.calls(), before + 1);
    slow.turns.add_permits(10);
    for one in many {
        one.await.unwrap();
    }
    assert_eq!(slow.calls(), before + 1);
}

#[tokio::test]
async fn those_who_validate_each_time_do_not_queue() {
    let slow = Slow::new();
    let held = slow.clone();
    let clock = ManualClock::default();
    let layer = ResponseCacheLayer::new(MemoryStore::new()).clock(clock.clone());
    let service = layer.layer(service_fn(move |asked: Asked| {
        let held = held.clone();
        async move {
            held.turn().await;
            let status = if is_conditional(&asked) { 304 } else { 200 };
            let lines = [("cache-control", "no-cache"), ("etag", "\"1\"")];
            Ok::<_, Infallible>(answer(status, &lines, ""))
        }
    }));
    let ask = || {
        let asked = request(Method::GET, "http://a.example/", &[]);
        let answer = service.clone().oneshot(asked);
        tokio::spawn(async move { answer.await.unwrap().into_body().collect().await.unwrap() })
    };
    slow.turns.add_permits(1);
    ask().await.unwrap();
    // What the first answer has shown is forgotten by then.
    clock.advance(2 * MINUTE);
    slow.calls.store(0, Ordering::SeqCst);
    let many: Vec<_> = (0..10).map(|_| ask()).collect();
    settle().await;
    slow.turns.add_permits(1);
    settle().await;
    assert_eq!(slow.calls(), 10, "all at once after the first");
    slow.turns.add_permits(9);
    for one in many {
        one.await.unwrap();
    }
}
