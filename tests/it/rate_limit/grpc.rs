//! Refusals as gRPC clients see them, with tonic's as one of them.

use http::{Method, Request, header::CONTENT_TYPE};
use http_body::Body as _;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use tower_upstash::rate_limit::{By, Limit, Missing, OnStoreError, RateLimitLayer};

use super::app::{Answer, Body, TWO, get, layer, send};
use crate::support::Remote;

fn call() -> Request<Body> {
    let mut request = get("/package.Service/Method");
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, "application/grpc+proto".parse().unwrap());
    request
}

fn status(answer: &Answer) -> Status {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/grpc+proto");
    assert!(answer.body().is_end_stream(), "not trailers-only");
    Status::from_header_map(answer.headers()).unwrap()
}

/// R26
#[tokio::test]
async fn a_refused_call_is_exhausted_and_says_when_to_come_again() {
    let layer = layer().limit(Limit::new("ip", TWO));
    for _ in 0..2 {
        let passed = send(&layer, call()).await;
        assert!(
            !passed.headers().contains_key("ratelimit"),
            "no place for it in gRPC"
        );
    }
    let refused = send(&layer, call()).await;
    let status = status(&refused);
    assert_eq!(status.code(), Code::ResourceExhausted);
    let delay = status
        .get_details_retry_info()
        .unwrap()
        .retry_delay
        .unwrap();
    assert!(
        delay.as_millis() > 9_900 && delay.as_secs() <= 10,
        "{delay:?}"
    );
    assert_eq!(
        status.get_details_quota_failure().unwrap().violations[0].subject,
        "ip"
    );
    let pushback = refused.headers()["grpc-retry-pushback-ms"]
        .to_str()
        .unwrap();
    assert!(
        (9_900..=10_000).contains(&pushback.parse().unwrap()),
        "{pushback}"
    );
    assert!(!refused.headers().contains_key("retry-after"));
    // To whoever does not speak gRPC it is 429.
    assert_eq!(send(&layer, get("/")).await.status(), 429);
}

#[tokio::test]
async fn a_call_without_an_identifier_and_one_without_a_store_are_told_apart() {
    let strict = Limit::new("key", TWO)
        .by(By::header("x-key"))
        .missing(Missing::Refuse);
    let refused = send(&layer().limit(strict), call()).await;
    assert_eq!(status(&refused).code(), Code::InvalidArgument);

    let store = Remote::open();
    store.set_down(true);
    let closed = Limit::new("ip", TWO).on_store_error(OnStoreError::Refuse);
    let refused = send(&RateLimitLayer::new(store.shared()).limit(closed), call()).await;
    assert_eq!(status(&refused).code(), Code::Unavailable);
}

/// A cache in front would have kept the empty 200 for everybody.
#[tokio::test]
async fn a_request_that_is_no_post_is_no_call_whatever_its_content_type_says() {
    let hooked = layer().on_refusal(|parts, refusal| refusal.answer(&parts.headers));
    for (layer, method) in [
        (layer(), Method::GET),
        (layer(), Method::HEAD),
        (hooked, Method::GET),
    ] {
        let layer = layer.limit(Limit::new("ip", TWO));
        for expected in [200, 200, 429] {
            let mut request = call();
            *request.method_mut() = method.clone();
            let answer = send(&layer, request).await;
            assert_eq!(answer.status(), expected);
            assert!(answer.headers().contains_key("ratelimit"));
            assert!(!answer.headers().contains_key("grpc-status"));
            assert_eq!(
                answer.headers().contains_key("retry-after"),
                expected == 429
            );
        }
    }
}

#[tokio::test]
async fn a_hook_that_answers_in_grpc_is_left_alone() {
    let layer = layer()
        .limit(Limit::new("ip", TWO).cost(|_| 1))
        .on_refusal(|parts, refusal| refusal.grpc(&parts.headers));
    for _ in 0..2 {
        send(&layer, call()).await;
    }
    let refused = send(&layer, call()).await;
    assert_eq!(status(&refused).code(), Code::ResourceExhausted);
    assert!(!refused.headers().contains_key("retry-after"));
}
