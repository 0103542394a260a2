//! What clients see: status, header fields, documents.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full};
use sfv::{BareItem, List, ListEntry, Parser};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Headers, Limit, Missing, RateLimitLayer, Reason, Reset, When},
    time::Timestamp,
};

use super::app::{
    Answer, BOB, Body, TEN, TWO, answer_with, get, layer, left_of_alice, memory, send, status,
    statuses, with_header,
};
use crate::support::{Remote, request_from};

/// Reads a problem document.
pub(super) async fn document(answer: Answer) -> serde_json::Value {
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

type Item = (String, Vec<(String, i64)>);

/// Reads all lines of a structured field, as any client would.
pub(super) fn read(headers: &HeaderMap, name: &str) -> Vec<Item> {
    let lines = headers
        .get_all(name)
        .iter()
        .map(|line| line.to_str().unwrap());
    let lines: Vec<&str> = lines.collect();
    let list: List = Parser::new(&lines.join(", ")).parse().unwrap();
    let item = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else {
            panic!("an inner list");
        };
        let name = item.bare_item.as_string().unwrap().as_str().to_owned();
        let number = |value: &BareItem| value.as_integer().map(i64::from);
        let numbers = item.params.iter();
        let numbers =
            numbers.filter_map(|(key, value)| Some((key.as_str().to_owned(), number(value)?)));
        (name, numbers.collect())
    };
    list.iter().map(item).collect()
}

fn item(name: &str, numbers: &[(&str, i64)]) -> Item {
    let numbers = numbers
        .iter()
        .map(|(key, value)| ((*key).to_owned(), *value));
    (name.to_owned(), numbers.collect())
}

#[tokio::test]
async fn all_limits_are_told_on_200_and_on_429() {
    let layer = layer().limit(Limit::new("burst", TWO)).limit(Limit::new(
        "hour",
        Quota::fixed(100, Duration::from_secs(3600)),
    ));
    let passed = send(&layer, get("/")).await;
    let policies = [
        item("burst", &[("q", 2), ("w", 10)]),
        item("hour", &[("q", 100), ("w", 3600)]),
    ];
    assert_eq!(read(passed.headers(), "ratelimit-policy"), policies);
    let left = [
        item("burst", &[("r", 1), ("t", 10)]),
        item("hour", &[("r", 99), ("t", 3600)]),
    ];
    assert_eq!(read(passed.headers(), "ratelimit"), left);

    send(&layer, get("/")).await;
    let refused = send(&layer, get("/")).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(read(refused.headers(), "ratelimit-policy"), policies);
    let left = read(refused.headers(), "ratelimit");
    assert_eq!(left[0], item("burst", &[("r", 0), ("t", 10)]));
    assert_eq!(left[1].1[0], ("r".to_owned(), 97));
    assert_eq!(refused.headers()[RETRY_AFTER], "10");
}

#[tokio::test]
async fn a_refusal_is_a_problem_document_that_names_the_limits() {
    let layer = layer()
        .limit(Limit::new("ip", TWO))
        .limit(Limit::new("all", TWO).by(By::EVERYONE))
        .limit(Limit::new("free", TEN));
    statuses(&layer, [get("/"), get("/")]).await;
    let refused = document(send(&layer, get("/")).await).await;
    assert_eq!(
        refused["type"],
        "https://iana.org/assignments/http-problem-types#quota-exceeded"
    );
    assert_eq!(refused["status"], 429);
    assert_eq!(
        refused["violated-policies"],
        serde_json::json!(["ip", "all"])
    );
    let other = document(send(&layer, request_from(BOB)).await).await;
    assert_eq!(other["violated-policies"], serde_json::json!(["all"]));

    let strict = super::app::layer().limit(
        Limit::new("key", TWO)
            .by(By::header("x-api-key"))
            .missing(Missing::Refuse),
    );
    let missing = send(&strict, get("/")).await;
    assert_eq!(missing.status(), 400);
    assert!(!missing.headers().contains_key(RETRY_AFTER));
    let missing = document(missing).await;
    assert_eq!(missing["type"], "about:blank");
    assert!(
        missing["detail"].as_str().unwrap().contains("\"key\""),
        "{missing}"
    );
}

/// R7
#[tokio::test]
async fn retry_after_is_a_second_at_least_and_never_before_any_t_or_the_truth() {
    for micros in [
        1,
        1_000,
        999_999,
        1_000_000,
        1_000_001,
        59_999_999,
        315_360_000_000_000,
    ] {
        let window = Duration::from_micros(micros);
        let (store, clock) = memory();
        let layer = RateLimitLayer::new(store)
            .limit(Limit::new("a", Quota::fixed(1, window)))
            .limit(Limit::new("b", Quota::fixed(1, Duration::from_secs(7))));
        assert_eq!(status(&layer, get("/")).await, 200);
        let refused = send(&layer, get("/")).await;
        assert_eq!(refused.status(), 429, "{micros}");
        let retry: u64 = refused.headers()[RETRY_AFTER]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        let truth = window.max(Duration::from_secs(7));
        assert!(
            retry >= 1 && Duration::from_secs(retry) >= truth,
            "{micros}: {retry}"
        );
        assert!(Duration::from_secs(retry - 1) < truth, "{micros}: {retry}");
        for (_, numbers) in read(refused.headers(), "ratelimit") {
            let t = numbers.iter().find(|(key, _)| key == "t");
            assert!(
                t.is_none_or(|(_, t)| *t <= retry as i64),
                "{micros}: {retry} {numbers:?}"
            );
        }
        clock.advance(Duration::from_secs(retry));
        assert_eq!(status(&layer, get("/")).await, 200, "{micros}");
    }
}

#[tokio::test]
async fn a_refusal_ends_when_it_says() {
    let (store, clock) = memory();
    let layer = RateLimitLayer::new(store).limit(Limit::new("ip", TWO));
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
    clock.advance(Duration::from_millis(9_999));
    assert_eq!(send(&layer, get("/")).await.headers()[RETRY_AFTER], "1");
    clock.advance(Duration::from_millis(1));
    let passed = send(&layer, get("/")).await;
    assert_eq!(passed.status(), StatusCode::OK);
    assert!(!passed.headers().contains_key(RETRY_AFTER));
    assert_eq!(
        passed.into_body().collect().await.unwrap().to_bytes(),
        "inner"
    );
}

/// R28
#[tokio::test]
async fn a_window_begins_with_the_first_hit_or_where_the_clock_says() {
    let ten = Duration::from_secs(10);
    for (quota, expected) in [(Quota::fixed(1, ten), "10"), (Quota::aligned(1, ten), "7")] {
        let (store, clock) = memory();
        clock.set(Timestamp::from_micros(1_003_000_000));
        let layer = RateLimitLayer::new(store).limit(Limit::new("ip", quota));
        assert_eq!(status(&layer, get("/")).await, 200);
        assert_eq!(
            send(&layer, get("/")).await.headers()[RETRY_AFTER],
            expected
        );
    }
}

/// R28
#[tokio::test]
async fn jitter_makes_a_refusal_later_and_never_earlier() {
    let layer = layer()
        .limit(Limit::new("ip", TWO))
        .retry_jitter(Duration::from_secs(30));
    statuses(&layer, [get("/"), get("/")]).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        let refused = send(&layer, get("/")).await;
        let retry: u64 = refused.headers()[RETRY_AFTER]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((10..=40).contains(&retry), "{retry}");
        seen.insert(retry);
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[tokio::test]
async fn an_informational_answer_and_an_upgrade_have_no_fields() {
    let layer = layer()
        .limit(Limit::new("ip", TEN))
        .headers(Headers::Both(Reset::Seconds));
    for status in [100, 101, 103] {
        let answer = answer_with(&layer, get("/"), |_| {
            Response::builder()
                .status(status)
                .body(Body::default())
                .unwrap()
        });
        let answer = answer.await;
        assert_eq!(answer.status(), status);
        assert!(answer.headers().is_empty(), "{:?}", answer.headers());
    }
    for status in [200, 204, 304, 404, 500] {
        let answer = answer_with(&layer, get("/"), |_| {
            Response::builder()
                .status(status)
                .body(Body::default())
                .unwrap()
        });
        assert!(answer.await.headers().contains_key("ratelimit"), "{status}");
    }
}

#[tokio::test]
async fn stacked_layers_and_handlers_append_to_one_list() {
    use tower::{Layer, ServiceExt, service_fn};
    let outer = layer().limit(Limit::new("outer", TEN));
    let inner = layer().limit(Limit::new("inner", TWO));
    let handler = service_fn(async |_: Request<Body>| {
        let response = Response::builder().header("ratelimit", r#""own";r=5"#);
        Ok::<_, std::convert::Infallible>(response.body(Body::default()).unwrap())
    });
    let answer = outer
        .layer(inner.layer(handler))
        .oneshot(get("/"))
        .await
        .unwrap();
    let names: Vec<String> = read(answer.headers(), "ratelimit")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["own", "inner", "outer"]);
    assert_eq!(read(answer.headers(), "ratelimit-policy").len(), 2);
}

#[tokio::test]
async fn header_fields_are_those_that_were_chosen() {
    let names = async |headers: Headers| {
        let layer = layer().limit(Limit::new("ip", TWO)).headers(headers);
        let answer = send(&layer, get("/")).await;
        let mut names: Vec<String> = answer.headers().keys().map(ToString::to_string).collect();
        names.sort();
        statuses(&layer, [get("/")]).await;
        let refused = send(&layer, get("/")).await;
        assert_eq!(refused.headers()[RETRY_AFTER], "10");
        names.join(" ")
    };
    let (ietf, legacy) = (
        "ratelimit ratelimit-policy",
        "x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset",
    );
    assert_eq!(names(Headers::None).await, "");
    assert_eq!(names(Headers::Ietf).await, ietf);
    assert_eq!(names(Headers::Legacy(Reset::Seconds)).await, legacy);
    assert_eq!(
        names(Headers::Both(Reset::Epoch)).await,
        format!("{ietf} {legacy}")
    );
}

#[tokio::test]
async fn a_unit_of_its_own_is_named_in_the_policy() {
    let layer = layer().limit(Limit::new("tokens", TEN).unit("tokens").cost(|_| 4));
    let answer = send(&layer, get("/")).await;
    assert_eq!(
        answer.headers()["ratelimit-policy"],
        r#""tokens";q=10;qu="tokens";w=10"#
    );
    assert_eq!(answer.headers()["ratelimit"], r#""tokens";r=6;t=10"#);
}

#[tokio::test]
async fn a_hook_answers_otherwise_and_is_helped_where_it_forgets_when_to_come_again() {
    let layer = layer()
        .limit(Limit::new("ip", TWO))
        .limit(Limit::new("other", TEN))
        .on_refusal(|parts, refusal| {
            assert_eq!(refusal.reason(), Reason::QuotaExceeded);
            assert_eq!(refusal.decisions().count(), 2);
            let text = format!(
                "{} {} {refusal}",
                parts.uri,
                refusal.limits().collect::<String>()
            );
            let mut response = Response::new(Bytes::from(text));
            *response.status_mut() = StatusCode::IM_A_TEAPOT;
            if parts.uri.path() == "/own" {
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, "77".parse().unwrap());
            }
            response
        });
    statuses(&layer, [get("/"), get("/")]).await;
    let refused = send(&layer, get("/x")).await;
    assert_eq!(refused.status(), 418);
    assert_eq!(refused.headers()[RETRY_AFTER], "10");
    assert!(refused.headers().contains_key("ratelimit"));
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert!(body.starts_with(b"/x ip "), "{body:?}");
    assert_eq!(send(&layer, get("/own")).await.headers()[RETRY_AFTER], "77");
}

#[tokio::test]
async fn a_hook_sees_every_reason() {
    let reasons = async |layer: RateLimitLayer| {
        let layer = layer.on_refusal(|_, refusal| {
            Response::new(format!("{:?} {}", refusal.reason(), refusal.status()).into())
        });
        let refused = send(&layer, get("/")).await;
        let body = refused.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    let missing = Limit::new("key", TWO)
        .by(By::header("x-key"))
        .missing(Missing::Refuse);
    assert!(
        reasons(layer().limit(missing))
            .await
            .starts_with("MissingIdentifier 400")
    );
    let closed = Limit::new("ip", Quota::NONE);
    assert!(
        reasons(layer().limit(closed))
            .await
            .starts_with("QuotaExceeded 429")
    );
    let store = Remote::open();
    store.set_down(true);
    let strict =
        Limit::new("ip", TWO).on_store_error(tower_upstash::rate_limit::OnStoreError::Refuse);
    let layer = RateLimitLayer::new(store.shared()).limit(strict);
    assert!(reasons(layer).await.starts_with("StoreUnavailable 503"));
}

fn preflight() -> Request<Body> {
    let mut request = get("/");
    *request.method_mut() = Method::OPTIONS;
    let headers = request.headers_mut();
    headers.insert(ORIGIN, "https://example.com".parse().unwrap());
    headers.insert(ACCESS_CONTROL_REQUEST_METHOD, "POST".parse().unwrap());
    request
}

#[tokio::test]
async fn a_preflight_passes_and_costs_nothing_unless_it_is_limited() {
    let layer = layer().limit(Limit::new("ip", TWO));
    assert_eq!(
        statuses(&layer, (0..5).map(|_| preflight())).await,
        [200; 5]
    );
    assert_eq!(left_of_alice(&layer, "ip").await, 2);
    let mut options = get("/");
    *options.method_mut() = Method::OPTIONS;
    assert_eq!(status(&layer, options).await, 200);
    assert_eq!(left_of_alice(&layer, "ip").await, 1);

    let strict = layer.limit_preflights();
    assert_eq!(
        statuses(&strict, (0..2).map(|_| preflight())).await,
        [200, 429]
    );
}

#[tokio::test]
async fn a_request_that_no_limit_applies_to_is_told_nothing() {
    let limit = Limit::new("ip", TWO).when(When::path("/limited"));
    let layer = layer().limit(limit);
    assert!(send(&layer, get("/")).await.headers().is_empty());
    assert!(!send(&layer, get("/limited")).await.headers().is_empty());
}

#[tokio::test]
async fn a_retry_after_of_the_handler_stays_and_no_t_is_later() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let answer = answer_with(&layer, get("/"), |_| {
        let response = Response::builder().status(503).header(RETRY_AFTER, "1");
        response.body(Full::default()).unwrap()
    });
    let answer = answer.await;
    assert_eq!(answer.headers()[RETRY_AFTER], "1");
    assert_eq!(
        read(answer.headers(), "ratelimit"),
        [item("ip", &[("r", 1)])]
    );
}

#[tokio::test]
async fn a_refusal_that_never_ends_says_no_time() {
    let layer = layer().limit(Limit::new("ip", TWO).cost(|_| 3));
    let never = send(&layer, with_header("x", "y")).await;
    assert_eq!(never.status(), 429);
    assert!(!never.headers().contains_key(RETRY_AFTER));
    assert_eq!(
        read(never.headers(), "ratelimit"),
        [item("ip", &[("r", 2)])]
    );
}
