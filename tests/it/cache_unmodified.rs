//! What a 304 does to a stored response, and what its client gets.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_upstash::{
    response_cache::{CachePolicy, Personal, ResponseCacheLayer, SetCookie},
    store::MemoryStore,
    time::{ManualClock, Timestamp},
};

type Fields = &'static [(&'static str, &'static str)];

/// A service that answers by a list, behind a cache.
struct Origin {
    layer: ResponseCacheLayer,
    clock: ManualClock,
    answers: Arc<Mutex<VecDeque<Response<Full<Bytes>>>>>,
    asked: Arc<Mutex<Vec<HeaderMap>>>,
}

fn response(status: u16, fields: Fields, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

impl Origin {
    fn new(policy: CachePolicy, answers: impl IntoIterator<Item = Response<Full<Bytes>>>) -> Self {
        let clock = ManualClock::at(Timestamp::from_micros(1_800_000_000_000_000));
        Self {
            layer: ResponseCacheLayer::new(MemoryStore::new())
                .policy(policy)
                .clock(clock.clone()),
            clock,
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            asked: Arc::default(),
        }
    }

    /// Stores `first`, lets it end, and answers from then on with the others.
    async fn with_ended(
        policy: CachePolicy,
        first: Fields,
        answers: impl IntoIterator<Item = Response<Full<Bytes>>>,
    ) -> Self {
        let first = response(200, first, "stored");
        let origin = Self::new(policy, [first].into_iter().chain(answers));
        assert_eq!(origin.get(&[]).await.1, "stored");
        origin.clock.advance(Duration::from_secs(11));
        origin
    }

    async fn get(&self, fields: Fields) -> (Response<()>, Bytes) {
        let (answers, asked) = (Arc::clone(&self.answers), Arc::clone(&self.asked));
        let service = service_fn(move |request: Request<Full<Bytes>>| {
            asked.lock().unwrap().push(request.headers().clone());
            let answer = answers.lock().unwrap().pop_front();
            async move { Ok::<_, Infallible>(answer.expect("the cache has an answer")) }
        });
        let mut request = Request::get("/").header("host", "a.example");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut cached = self.layer.layer(service);
        let request = request.body(Full::default()).unwrap();
        let answer = cached.ready().await.unwrap().call(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), body)
    }

    fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

const PAGE: CachePolicy = CachePolicy::new("page");
const TEN_SECONDS: Fields = &[("cache-control", "max-age=10"), ("etag", "\"1-gzip\"")];

/// It was passed on as it is, to a client that has no conditions.
#[tokio::test]
async fn a_304_about_another_tag_is_answered_with_what_is_stored_and_freshens_nothing() {
    let strange = || {
        let fields = &[("cache-control", "max-age=10"), ("etag", "\"1\"")];
        response(304, fields, "")
    };
    let origin = Origin::with_ended(PAGE, TEN_SECONDS, [strange(), strange()]).await;
    for calls in 2..=3 {
        let (answer, body) = origin.get(&[]).await;
        assert_eq!((answer.status(), body), (StatusCode::OK, "stored".into()));
        assert_eq!(answer.headers()["etag"], "\"1-gzip\"");
        assert_eq!(origin.calls(), calls);
    }
    let asked = origin.asked.lock().unwrap();
    assert_eq!(asked[2]["if-none-match"], "\"1-gzip\"");
}

/// The marks of the stored response outlived the field that they came from.
#[tokio::test]
async fn a_304_takes_back_what_is_for_everybody() {
    let first: Fields = &[("cache-control", "public, max-age=10"), ("etag", "\"1\"")];
    let again = response(304, &[("cache-control", "max-age=10")], "");
    let own = response(200, &[], "own");
    let origin = Origin::with_ended(PAGE, first, [again, own]).await;
    assert_eq!(origin.get(&[]).await.1, "stored");
    assert_eq!(origin.get(&[]).await.1, "stored");
    assert_eq!(origin.calls(), 2);
    assert_eq!(
        origin.get(&[("authorization", "Basic YTpi")]).await.1,
        "own"
    );
}

/// It was stored with a fresh life, and shared.
#[tokio::test]
async fn a_304_that_is_of_one_user_freshens_nothing() {
    let mut personal = response(304, &[("cache-control", "max-age=10"), ("x-user", "a")], "");
    personal.extensions_mut().insert(Personal::marked());
    let cookie: Fields = &[("cache-control", "max-age=10"), ("set-cookie", "id=1")];
    let private: Fields = &[("cache-control", "private, max-age=10")];
    let answers = [
        personal,
        response(304, cookie, ""),
        response(304, private, ""),
        response(304, &[], ""),
    ];
    let origin = Origin::with_ended(PAGE, TEN_SECONDS, answers).await;
    let (of_user, _) = origin.get(&[]).await;
    assert_eq!(of_user.headers()["x-user"], "a");
    let (with_cookie, body) = origin.get(&[]).await;
    assert_eq!(body, "stored");
    assert_eq!(with_cookie.headers()["set-cookie"], "id=1");
    assert!(!with_cookie.headers().contains_key("x-user"));
    origin.get(&[]).await;
    let (last, _) = origin.get(&[]).await;
    assert_eq!(origin.calls(), 5);
    assert!(!last.headers().contains_key("set-cookie"));
    assert_eq!(last.headers()["cache-control"], "max-age=10");
}

#[tokio::test]
async fn the_cookies_of_a_304_are_for_who_asked() {
    let cookie: Fields = &[("cache-control", "max-age=10"), ("set-cookie", "id=1")];
    let policy = PAGE.set_cookie(SetCookie::Strip);
    let origin = Origin::with_ended(policy, TEN_SECONDS, [response(304, cookie, "")]).await;
    let (first, _) = origin.get(&[]).await;
    assert_eq!(first.headers()["set-cookie"], "id=1");
    let (second, _) = origin.get(&[]).await;
    assert_eq!(origin.calls(), 2);
    assert!(!second.headers().contains_key("set-cookie"));
}

/// Services leave `Date` to the server around them, and the old one made what was validated stale at once.
#[tokio::test]
async fn a_304_without_a_date_is_of_now() {
    let origin = Origin::with_ended(PAGE, TEN_SECONDS, [response(304, &[], "")]).await;
    let (first, _) = origin.get(&[]).await;
    assert_eq!(first.headers()["age"], "0");
    origin.clock.advance(Duration::from_secs(9));
    let (second, _) = origin.get(&[]).await;
    assert_eq!(origin.calls(), 2);
    assert_eq!(second.headers()["age"], "9");
}

/// The secondary key stayed what it was when the response was stored.
#[tokio::test]
async fn a_304_may_say_what_the_response_varies_by() {
    let varies: Fields = &[("cache-control", "max-age=10"), ("vary", "x-a")];
    let answers = [response(304, varies, ""), response(200, varies, "other")];
    let origin = Origin::with_ended(PAGE, TEN_SECONDS, answers).await;
    assert_eq!(origin.get(&[("x-a", "1")]).await.1, "stored");
    assert_eq!(origin.get(&[("x-a", "1")]).await.1, "stored");
    assert_eq!(origin.calls(), 2);
    assert_eq!(origin.get(&[("x-a", "2")]).await.1, "other");
}

/// It was sent to all again (RFC 9111, sections 5.2.2.4 and 5.2.2.7).
#[tokio::test]
async fn a_field_that_a_304_calls_private_is_not_stored() {
    let named: Fields = &[
        ("cache-control", "max-age=10, private=\"x-user\""),
        ("x-user", "a"),
    ];
    let origin = Origin::with_ended(PAGE, TEN_SECONDS, [response(304, named, "")]).await;
    origin.get(&[]).await;
    let (second, _) = origin.get(&[]).await;
    assert_eq!(origin.calls(), 2);
    assert!(!second.headers().contains_key("x-user"));
}

#[tokio::test]
async fn a_tag_of_a_304_names_the_response_from_then_on() {
    let tagged: Fields = &[("cache-control", "max-age=10"), ("surrogate-key", "b")];
    let answers = [response(304, tagged, ""), response(200, &[], "new")];
    let origin = Origin::with_ended(PAGE, TEN_SECONDS, answers).await;
    assert_eq!(origin.get(&[]).await.1, "stored");
    origin.layer.handle().purge_tags(["b"]).await.unwrap();
    assert_eq!(origin.get(&[]).await.1, "new");
}

/// Callers who are trusted had to wait for what others get at once.
#[tokio::test]
async fn those_who_are_trusted_get_what_is_stale_while_it_is_validated() {
    let first: Fields = &[
        ("cache-control", "max-age=10, stale-while-revalidate=60"),
        ("etag", "\"1\""),
    ];
    let answers = ["first", "second", "third"].map(|body| response(200, first, body));
    let mut origin = Origin::new(PAGE, answers);
    origin.layer = origin.layer.trust_requests(|_| true);
    assert_eq!(origin.get(&[]).await.1, "first");
    origin.clock.advance(Duration::from_secs(11));
    let (stale, body) = origin.get(&[("cache-control", "only-if-cached")]).await;
    assert_eq!(body, "first");
    assert_eq!(stale.headers()["age"], "11");
    while origin.calls() < 2 {
        tokio::task::yield_now().await;
    }
    let demanding: Fields = &[("cache-control", "no-cache")];
    assert_eq!(origin.get(demanding).await.1, "third");
}
