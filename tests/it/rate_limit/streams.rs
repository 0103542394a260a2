//! What a streamed response costs while it runs: `Spending`.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio_test::{assert_pending, assert_ready, task};
use tower::{Layer, ServiceExt, service_fn};
use tower_upstash::{
    body::ResponseBody,
    rate_limit::{Limit, RateLimitLayer, Spending, Spent},
    store::MemoryStore,
};

use super::app::{Body, TEN, get, layer, left_of_alice};
use crate::support::Remote;

const TOKENS: Limit = Limit::new("tokens", TEN).unit("tokens").reserve(|_| 5);

/// A body of prepared frames, which knows its length or not.
struct Stream {
    frames: VecDeque<Result<Frame<Bytes>, &'static str>>,
    knows_its_end: bool,
}

impl Stream {
    fn of(parts: &[&'static str]) -> Self {
        let frames = parts.iter().map(|part| Ok(Frame::data(Bytes::from(*part))));
        Self {
            frames: frames.collect(),
            knows_its_end: true,
        }
    }

    fn unknown_end(mut self) -> Self {
        self.knows_its_end = false;
        self
    }

    fn and(mut self, frame: Result<Frame<Bytes>, &'static str>) -> Self {
        self.frames.push_back(frame);
        self
    }
}

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(self.frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.knows_its_end && self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.knows_its_end {
            return SizeHint::default();
        }
        let data = self.frames.iter().flatten().filter_map(Frame::data_ref);
        SizeHint::with_exact(data.map(|data| data.len() as u64).sum())
    }
}

/// Returns the body of a response that streams.
async fn stream(
    layer: &RateLimitLayer,
    spending: &Spending,
    stream: Stream,
) -> ResponseBody<Stream> {
    let stream = std::cell::Cell::new(Some(stream));
    let inner = service_fn(|_: Request<Body>| {
        let mut response = Response::new(stream.take().unwrap());
        response.extensions_mut().insert(spending.clone());
        async { Ok::<_, Infallible>(response) }
    });
    let response = layer.layer(inner).oneshot(get("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    response.into_body()
}

async fn left(layer: &RateLimitLayer) -> u32 {
    left_of_alice(layer, "tokens").await
}

fn both_stores() -> [RateLimitLayer; 2] {
    [MemoryStore::new().into(), Remote::open().shared()]
        .map(|store| RateLimitLayer::new(store).limit(TOKENS))
}

#[tokio::test]
async fn a_stream_is_settled_before_its_last_frame() {
    for layer in both_stores() {
        for (cost, expected) in [(2, 8), (7, 1)] {
            let spending = Spending::new();
            let mut body = stream(&layer, &spending, Stream::of(&["one", "two"])).await;
            let first = body.frame().await.unwrap().unwrap();
            assert_eq!(first.into_data().unwrap(), "one");
            spending.set(Spent::of("tokens", 99));
            spending.set(Spent::of("tokens", cost)); // the last one counts
            let last = body.frame().await.unwrap().unwrap();
            assert_eq!(last.into_data().unwrap(), "two");
            assert_eq!(left(&layer).await, expected);
            assert!(body.is_end_stream());
            assert!(body.frame().await.is_none());
            drop(body);
            assert_eq!(left(&layer).await, expected, "settled twice");
        }
    }
}

#[tokio::test]
async fn a_stream_of_which_nothing_is_known_costs_what_was_reserved() {
    for layer in both_stores() {
        let body = stream(&layer, &Spending::new(), Stream::of(&["one"])).await;
        body.collect().await.unwrap();
        assert_eq!(left(&layer).await, 5);
    }
}

#[tokio::test]
async fn the_last_frame_waits_for_the_store() {
    let store = Remote::with_turns(1);
    let layer = RateLimitLayer::new(store.shared()).limit(TOKENS);
    let spending = Spending::new();
    let mut body = stream(&layer, &spending, Stream::of(&["one", "last"])).await;
    spending.set(Spent::of("tokens", 1));
    body.frame().await.unwrap().unwrap();
    assert_eq!(body.size_hint().exact(), Some(4));
    let mut next = task::spawn(body.frame());
    assert_pending!(next.poll());
    assert_pending!(next.poll());
    drop(next);
    assert!(!body.is_end_stream(), "a frame is still to come");
    assert_eq!(body.size_hint().exact(), Some(4));
    store.give_turn();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "last"
    );
    assert!(body.is_end_stream());
    assert_eq!(body.size_hint().exact(), Some(0));
    store.give_turn();
    assert_eq!(left(&layer).await, 9);
}

#[tokio::test]
async fn trailers_are_kept_and_come_after_the_settlement() {
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    for layer in both_stores() {
        let spending = Spending::new();
        let frames = Stream::of(&["one"]).and(Ok(Frame::trailers(trailers.clone())));
        let mut body = stream(&layer, &spending, frames).await;
        spending.set(Spent::of("tokens", 1));
        body.frame().await.unwrap().unwrap();
        assert_eq!(left(&layer).await, 5);
        let last = body.frame().await.unwrap().unwrap();
        assert_eq!(left(&layer).await, 9);
        assert_eq!(last.into_trailers().unwrap(), trailers);
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test]
async fn a_stream_that_does_not_know_its_end_is_settled_there() {
    for layer in both_stores() {
        let spending = Spending::new();
        let mut body = stream(&layer, &spending, Stream::of(&["one"]).unknown_end()).await;
        spending.set(Spent::of("tokens", 1));
        body.frame().await.unwrap().unwrap();
        assert!(!body.is_end_stream());
        assert!(body.frame().await.is_none());
        assert_eq!(left(&layer).await, 9);
    }
}

#[tokio::test]
async fn an_empty_stream_is_not_at_its_end_before_it_is_settled() {
    // A server that sees the end at once polls no frame.
    for layer in both_stores() {
        let spending = Spending::new();
        spending.set(Spent::of("tokens", 1));
        let mut body = stream(&layer, &spending, Stream::of(&[])).await;
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(body.frame().await.is_none());
        assert!(body.is_end_stream());
        assert_eq!(left(&layer).await, 9);
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_or_fails_is_settled_too() {
    for fails in [false, true] {
        for layer in both_stores() {
            let spending = Spending::new();
            let frames = Stream::of(&["one"]).and(Err("cut off")).unknown_end();
            let mut body = stream(&layer, &spending, frames).await;
            body.frame().await.unwrap().unwrap();
            spending.set(Spent::of("tokens", 2));
            if fails {
                assert_eq!(body.frame().await.unwrap().unwrap_err(), "cut off");
            } else {
                drop(body);
            }
            layer.handle().drain().await.unwrap(); // waits for it
            assert_eq!(left(&layer).await, 8, "fails: {fails}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_is_dropped_while_it_is_settled_is_settled() {
    // What was under way used to be dropped with it.
    let store = Remote::with_turns(1);
    let layer = RateLimitLayer::new(store.shared()).limit(TOKENS);
    let spending = Spending::new();
    let mut body = stream(&layer, &spending, Stream::of(&["last"])).await;
    spending.set(Spent::of("tokens", 9));
    let mut next = task::spawn(body.frame());
    assert_pending!(next.poll());
    drop(next);
    drop(body);
    store.give_turn();
    layer.handle().drain().await.unwrap();
    store.give_turn();
    assert_eq!(left(&layer).await, 1);
}

#[test]
fn without_a_runtime_what_takes_time_stays_as_it_was_reserved() {
    let [memory, remote] = both_stores();
    for (layer, expected) in [(memory, 9), (remote, 5)] {
        let spending = Spending::new();
        spending.set(Spent::of("tokens", 1));
        let mut begun = task::spawn(stream(&layer, &spending, Stream::of(&["one"])));
        let body = loop {
            if let Poll::Ready(body) = begun.poll() {
                break body;
            }
        };
        drop(body);
        let mut left = task::spawn(left(&layer));
        let left = loop {
            if let Poll::Ready(left) = left.poll() {
                break left;
            }
        };
        assert_eq!(left, expected);
    }
}

#[tokio::test]
async fn a_response_that_was_settled_is_not_settled_twice_when_its_stream_ends() {
    // Both corrections used to begin with what was reserved.
    for (counts, expected) in [(true, 6), (false, 10)] {
        let limit = TOKENS.count_with(move |_| counts);
        let layer = layer().limit(limit);
        let inner = service_fn(async |_: Request<Body>| {
            let spending = Spending::new();
            spending.set(Spent::of("tokens", 4));
            let mut response = Response::new(Stream::of(&["one"]));
            response.extensions_mut().insert(spending);
            response.extensions_mut().insert(Spent::of("tokens", 2));
            Ok::<_, Infallible>(response)
        });
        layer
            .handle()
            .limit("tokens")
            .unwrap()
            .charge(super::app::alice(), 3)
            .await
            .unwrap();
        let response = layer.layer(inner).oneshot(get("/")).await.unwrap();
        response.into_body().collect().await.unwrap();
        assert_eq!(left(&layer).await, expected - 3, "counts: {counts}");
    }
}

#[tokio::test]
async fn a_body_is_untouched_where_nothing_is_settled() {
    let layer = layer().limit(TOKENS);
    let inner = service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Response::new(Stream::of(&["one", "two"])))
    });
    let body = layer
        .layer(inner)
        .oneshot(get("/"))
        .await
        .unwrap()
        .into_body();
    assert_eq!(
        (body.size_hint().exact(), body.is_end_stream()),
        (Some(6), false)
    );
    let mut frames = task::spawn(body.collect());
    assert_eq!(assert_ready!(frames.poll()).unwrap().to_bytes(), "onetwo");
}
