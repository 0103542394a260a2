//! Bodies stream, whatever becomes of them.

use std::sync::Mutex;

use bytes::Bytes;
use http::{HeaderMap, request::Parts};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use tower_upstash::response_cache::{CachePolicy, Reason};

use super::app::{Body, Channel, Frames, Site, answer, channel, get, next, settle, stream};

const MINUTE: (&str, &str) = ("cache-control", "max-age=60");

/// A site whose first answer has the body that the test sends, and whose second one is "again".
fn sending(fields: &'static [(&str, &str)]) -> (Frames, Site) {
    let (frames, body) = channel();
    (frames, Site::new(once(fields, body)))
}

fn once(
    fields: &'static [(&str, &str)],
    body: Channel,
) -> impl Fn(&Parts) -> http::Response<Body> + Send + Sync + 'static {
    let body = Mutex::new(Some(body));
    move |_| match body.lock().unwrap().take() {
        Some(body) => stream(200, fields, body),
        None => answer(&[("cache-control", "no-store")], "again"),
    }
}

#[tokio::test]
async fn what_is_stored_streams_from_its_first_byte() {
    let (frames, site) = sending(&[MINUTE]);
    let mut body = site.open(get("/")).await.unwrap().into_body();
    for part in ["one ", "two ", "three"] {
        assert!(!body.is_end_stream());
        frames.data(part);
        assert_eq!(next(&mut body).await.unwrap().unwrap(), part);
    }
    drop(frames);
    assert!(next(&mut body).await.is_none());
    assert!(body.is_end_stream());
    let got = site.get("/").await;
    assert!(got.is_hit());
    assert_eq!(got.body, "one two three");
}

/// P8
#[tokio::test]
async fn a_body_that_its_client_leaves_is_not_stored() {
    let (frames, site) = sending(&[MINUTE]);
    let mut body = site.open(get("/")).await.unwrap().into_body();
    frames.data("one");
    next(&mut body).await.unwrap().unwrap();
    drop(body);
    assert!(frames.is_dropped());
    assert_eq!(site.unstored(), [Reason::Incomplete]);
    assert_eq!(site.get("/").await.body, "again");
}

#[tokio::test]
async fn a_body_that_its_client_leaves_is_read_on_where_the_policy_says_so() {
    let (frames, site) = sending(&[MINUTE]);
    let site = site.policy(CachePolicy::new("dear").finish_abandoned());
    drop(site.open(get("/")).await.unwrap());
    frames.data("one ");
    settle().await;
    assert!(!frames.is_dropped());
    frames.data("two");
    drop(frames);
    settle().await;
    let got = site.get("/").await;
    assert_eq!((got.is_hit(), &got.body[..]), (true, &b"one two"[..]));
}

/// P8
#[tokio::test]
async fn a_body_that_is_shorter_than_announced_is_not_stored() {
    for sent in ["1234", "123456"] {
        let (frames, site) = sending(&[MINUTE, ("content-length", "5")]);
        let mut body = site.open(get("/")).await.unwrap().into_body();
        frames.data(sent);
        drop(frames);
        assert_eq!(next(&mut body).await.unwrap().unwrap(), sent);
        drop(body.collect().await);
        assert_eq!(site.unstored(), [Reason::Incomplete]);
        assert_eq!(site.get("/").await.body, "again");
    }
}

/// P8
#[tokio::test]
async fn an_error_of_a_body_reaches_the_client_and_nothing_is_stored() {
    let (frames, site) = sending(&[MINUTE]);
    let mut body = site.open(get("/")).await.unwrap().into_body();
    frames.data("one");
    frames.fail("the disk is gone");
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "one");
    let error = next(&mut body).await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
    assert_eq!(site.unstored(), [Reason::Incomplete]);
    assert_eq!(site.get("/").await.body, "again");
}

/// P9
#[tokio::test]
async fn a_body_beyond_the_limit_streams_on_and_is_not_stored() {
    let small = CachePolicy::new("small").max_body(8);
    let (frames, site) = sending(&[MINUTE]);
    let site = site.policy(small.clone());
    let mut body = site.open(get("/")).await.unwrap().into_body();
    for part in ["1234", "5678", "9", "a", "b"] {
        frames.data(part);
        assert_eq!(next(&mut body).await.unwrap().unwrap(), part);
    }
    assert_eq!(site.unstored(), [Reason::TooLarge]);
    drop(frames);
    assert!(next(&mut body).await.is_none());
    assert_eq!(site.get("/").await.body, "again");

    // Known in advance: nothing of it is recorded.
    let (frames, site) = sending(&[MINUTE, ("content-length", "9")]);
    let site = site.policy(small.clone());
    let mut body = site.open(get("/")).await.unwrap().into_body();
    assert_eq!(site.unstored(), [Reason::TooLarge]);
    frames.data("123456789");
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "123456789");

    let site = Site::new(|_| answer(&[MINUTE], "12345678")).policy(small);
    site.assert_stored(|| get("/")).await;
}

/// P9
#[tokio::test]
async fn recordings_together_stay_within_their_memory() {
    let (frames, body) = channel();
    let (other_frames, other) = channel();
    let bodies = Mutex::new(vec![other, body]);
    let site = Site::new(move |_| stream(200, &[MINUTE], bodies.lock().unwrap().pop().unwrap()));
    let site = site.layered(|layer| layer.recording_memory(16));
    let mut one = site.open(get("/1")).await.unwrap().into_body();
    let mut two = site.open(get("/2")).await.unwrap().into_body();
    for frames in [&frames, &other_frames] {
        frames.data("1234567890");
    }
    assert_eq!(next(&mut one).await.unwrap().unwrap(), "1234567890");
    assert_eq!(next(&mut two).await.unwrap().unwrap(), "1234567890");
    assert_eq!(site.unstored(), [Reason::TooLarge]);
    other_frames.data("more");
    drop((frames, other_frames));
    assert_eq!(next(&mut two).await.unwrap().unwrap(), "more");
    assert!(next(&mut two).await.is_none());
    assert!(next(&mut one).await.is_none());
    assert!(site.get("/1").await.is_hit());
}

/// P10
#[tokio::test]
async fn an_event_stream_passes_frame_by_frame() {
    for kind in [
        "text/event-stream",
        "text/event-stream; charset=utf-8",
        "Text/Event-Stream",
    ] {
        let (frames, body) = channel();
        let body = Mutex::new(Some(body));
        let site = Site::new(move |_| {
            stream(
                200,
                &[MINUTE, ("content-type", kind)],
                body.lock().unwrap().take().unwrap(),
            )
        });
        let mut body = site.open(get("/")).await.unwrap().into_body();
        assert_eq!(site.unstored(), [Reason::Stream]);
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            frames.data(event);
            assert_eq!(next(&mut body).await.unwrap().unwrap(), event);
        }
        drop(body);
        assert!(frames.is_dropped());
    }
}

/// P10
#[tokio::test]
async fn trailers_pass_and_what_has_them_is_not_stored() {
    let (frames, site) = sending(&[MINUTE]);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-digest", "1".parse().unwrap());
    frames.data("one");
    frames.trailers(trailers.clone());
    drop(frames);
    let body = site.open(get("/")).await.unwrap().into_body();
    let all = body.collect().await.unwrap();
    assert_eq!(all.trailers(), Some(&trailers));
    assert_eq!(all.to_bytes(), "one");
    assert_eq!(site.unstored(), [Reason::Trailers]);
    assert_eq!(site.get("/").await.body, "again");
}

#[tokio::test]
async fn the_size_of_a_body_is_known_where_it_was() {
    let site = Site::new(|_| stream(200, &[MINUTE], Full::new(Bytes::from("12345"))));
    for _ in 0..2 {
        let body = site.open(get("/")).await.unwrap().into_body();
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "12345");
    }
    assert_eq!(site.calls(), 1);
    let empty = Site::new(|_| stream(204, &[MINUTE], Full::default()));
    // A server need not poll it.
    drop(empty.open(get("/")).await.unwrap());
    settle().await;
    let body = empty.open(get("/")).await.unwrap().into_body();
    assert!(body.is_end_stream());
    assert_eq!(empty.calls(), 1);
}

/// A server stops to read when it has the announced bytes: that is no client that has gone.
#[tokio::test]
async fn a_body_that_is_dropped_after_its_last_byte_is_stored() {
    let site = Site::new(|_| {
        let fields = [MINUTE, ("content-length", "5")];
        stream(200, &fields, Full::new(Bytes::from("12345")))
    });
    let mut body = site.open(get("/")).await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap().unwrap(), "12345");
    drop(body);
    settle().await;
    assert!(site.get("/").await.is_hit());
}
