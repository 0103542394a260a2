//! Streams: what they have cost is known at their end, or when their client has gone.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use local_upstash::Fault;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    time::timeout,
};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_upstash::{
    body::ResponseBody,
    rate_limit::{RateLimitLayer, Spending, Spent},
};

use super::{
    site::{PATIENCE, Site},
    tokens::{PEER, TOKENS, used},
};
use crate::support::request_from;

/// A body that is fed by the test.
struct Chunks(UnboundedReceiver<Bytes>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(cx)
            .map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

struct Stream {
    body: Pin<Box<ResponseBody<Chunks>>>,
    feed: UnboundedSender<Bytes>,
    spending: Spending,
}

/// Begins an answer by a stream, of which a chunk has arrived.
async fn begin(layer: &RateLimitLayer) -> Stream {
    let (feed, chunks) = mpsc::unbounded_channel();
    let spending = Spending::new();
    let mut response = Response::new(Chunks(chunks));
    response.extensions_mut().insert(spending.clone());
    let response = Arc::new(Mutex::new(Some(response)));
    let service = layer.layer(service_fn(move |_: Request<Full<Bytes>>| {
        let response = response.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(response) }
    }));
    let response = service
        .oneshot(request_from(&format!("{PEER}:1")))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let mut body = Box::pin(response.into_body());
    feed.send("a chunk".into()).unwrap();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "a chunk");
    Stream {
        body,
        feed,
        spending,
    }
}

fn layers(site: &Site) -> Vec<RateLimitLayer> {
    site.stores()
        .map(|store| site.layer(store).limit(TOKENS))
        .into()
}

#[tokio::test]
async fn a_stream_costs_what_was_told_before_its_end() {
    let site = Site::start().await;
    for layer in layers(&site) {
        for (told, cost) in [(Some(30), 30), (Some(0), 0), (Some(700), 700), (None, 100)] {
            site.flush().await;
            let Stream {
                body,
                feed,
                spending,
            } = begin(&layer).await;
            assert_eq!(used(&layer).await, 100, "reserved");
            if let Some(tokens) = told {
                spending.set(Spent::of("tokens", 7));
                spending.set(Spent::of("tokens", tokens));
            }
            feed.send("the last".into()).unwrap();
            drop(feed);
            let rest = body.collect().await.unwrap().to_bytes();
            assert_eq!(rest, "the last");
            // Before the end was passed on.
            assert_eq!(used(&layer).await, cost, "{told:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_whose_client_has_gone_is_settled_and_a_drain_waits_for_it() {
    let site = Site::start().await;
    for layer in layers(&site) {
        for (told, cost) in [(Some(30), 30), (Some(0), 0), (Some(700), 700), (None, 100)] {
            site.flush().await;
            let Stream {
                body,
                spending,
                feed: _feed,
            } = begin(&layer).await;
            if let Some(tokens) = told {
                spending.set(Spent::of("tokens", tokens));
            }
            site.server
                .faults()
                .inject(Fault::Delay(Duration::from_millis(200)).times(1));
            drop(body);
            let drained = timeout(PATIENCE, layer.handle().drain()).await;
            drained.expect("nobody hangs").unwrap();
            site.server.faults().clear();
            assert_eq!(used(&layer).await, cost, "{told:?}");
        }
    }
}

#[tokio::test]
async fn a_correction_that_fails_is_owed_and_ends_the_wait_of_a_drain() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(TOKENS);
    for (told, then) in [(30, 100), (250, 250)] {
        site.flush().await;
        used(&layer).await;
        let Stream {
            body,
            spending,
            feed: _feed,
        } = begin(&layer).await;
        spending.set(Spent::of("tokens", told));
        site.server.faults().inject(Fault::DropBefore.times(1));
        drop(body);
        timeout(PATIENCE, layer.handle().drain())
            .await
            .expect("nobody hangs")
            .unwrap();
        assert_eq!(used(&layer).await, 100);
        // The next request hands back what is owed.
        drop(begin(&layer).await);
        assert_eq!(used(&layer).await, then + 100);
    }
}

/// The client went while the end waited for the store.
#[tokio::test]
async fn a_client_that_goes_at_the_very_end_changes_nothing() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(TOKENS);
    used(&layer).await;
    for polls in 1..5 {
        site.flush().await;
        let Stream {
            mut body,
            feed,
            spending,
        } = begin(&layer).await;
        spending.set(Spent::of("tokens", 30));
        drop(feed);
        site.server
            .faults()
            .inject(Fault::Delay(Duration::from_millis(200)).times(1));
        for _ in 0..polls {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(body.as_mut().poll_frame(&mut cx).is_pending());
            tokio::task::yield_now().await;
        }
        drop(body);
        timeout(PATIENCE, layer.handle().drain())
            .await
            .expect("nobody hangs")
            .unwrap();
        site.server.faults().clear();
        assert_eq!(used(&layer).await, 30, "after {polls} polls");
    }
}
