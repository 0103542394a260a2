//! Input that nobody expects: names, header values, clocks.

use std::time::Duration;

use http::{HeaderMap, Response};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Headers, Limit, RateLimitLayer, Reset},
    time::Timestamp,
};

use super::{
    answers::{document, read},
    app::{Body, TWO, answer_with, get, layer, memory, send, statuses, with_header},
};

/// R25
#[tokio::test]
async fn any_name_is_a_structured_field_and_a_document() {
    for name in [
        "a\"b",
        "a\\",
        "\r\nset-cookie: a=b",
        "\0\u{1f}\u{7f}\u{80}",
        "50%",
        "a, b;q=1",
        "größe 🦀",
        " ",
        String::leak("\"ü\\%".repeat(2_000)),
    ] {
        let layer = layer()
            .limit(Limit::new(name, TWO).unit(name))
            .limit(Limit::new("plain", TWO))
            .headers(Headers::Both(Reset::Epoch));
        let mut names = Vec::new();
        for expected in [200, 200, 429] {
            let answer = send(&layer, get("/")).await;
            assert_eq!(answer.status(), expected);
            assert!(!answer.headers().contains_key("set-cookie"));
            for field in ["ratelimit", "ratelimit-policy"] {
                let items = read(answer.headers(), field);
                assert_eq!(items.len(), 2, "{field} of {name:?}");
                names.push(items[0].0.clone());
            }
            if expected == 429 {
                names.push(
                    document(answer).await["violated-policies"][0]
                        .as_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
        names.dedup();
        assert_eq!(names.len(), 1, "{names:?}");
        let name_again = percent_encoding::percent_decode_str(&names[0]).decode_utf8();
        assert_eq!(name_again.unwrap(), name);
    }
}

#[test]
#[should_panic(expected = "a limit needs a name")]
fn a_limit_without_a_name_is_a_mistake() {
    let _ = Limit::new("", TWO);
}

#[tokio::test]
async fn what_handlers_put_into_the_fields_breaks_nothing() {
    let layer = layer()
        .limit(Limit::new("ip", TWO))
        .headers(Headers::Both(Reset::Seconds));
    let answer = answer_with(&layer, get("/"), |_| {
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        for name in [
            "ratelimit",
            "x-ratelimit-limit",
            "x-ratelimit-remaining",
            "retry-after",
        ] {
            headers.insert(name, http::HeaderValue::from_bytes(b"\xff\xfe").unwrap());
        }
        response
    });
    let answer = answer.await;
    assert_eq!(answer.headers().get_all("ratelimit").iter().count(), 2);
    assert_eq!(answer.headers()["x-ratelimit-limit"], "2");
}

#[tokio::test]
async fn a_map_that_is_full_of_fields_is_left_as_it_is() {
    let layer = layer()
        .limit(Limit::new("ip", TWO))
        .headers(Headers::Both(Reset::Seconds));
    let answer = answer_with(&layer, get("/"), |_| {
        let mut response = Response::new(Body::default());
        let mut headers = HeaderMap::new();
        for n in 0..40_000 {
            let name: http::HeaderName = format!("x-{n}").parse().unwrap();
            if headers
                .try_insert(name, http::HeaderValue::from(n))
                .is_err()
            {
                break;
            }
        }
        *response.headers_mut() = headers;
        response
    });
    assert_eq!(answer.await.status(), 200);
}

/// R9
#[tokio::test]
async fn a_clock_that_goes_back_gives_nothing_back_and_breaks_nothing() {
    for quota in [
        TWO,
        Quota::per_minute(2),
        Quota::sliding(2, Duration::from_secs(10)),
        Quota::strict(2, Duration::from_secs(10)),
        Quota::token_bucket(2, Duration::from_secs(10)),
        Quota::aligned(2, Duration::from_secs(10)),
    ] {
        let (store, clock) = memory();
        clock.set(Timestamp::from_micros(1_000_000_000));
        let layer = RateLimitLayer::new(store)
            .clock(clock.clone())
            .limit(Limit::new("ip", quota));
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            [200, 200, 429]
        );
        clock.set(Timestamp::from_micros(0));
        for _ in 0..3 {
            let refused = send(&layer, get("/")).await;
            assert_eq!(refused.status(), 429, "{quota}");
            assert!(refused.headers().contains_key("retry-after"));
        }
    }
}

#[tokio::test]
async fn huge_heads_are_read_as_far_as_limits_need_them() {
    let by = By::header("x-api-key")
        .and(By::cookie("id"))
        .and(By::CLIENT_IP);
    let layer = layer().limit(Limit::new("ip", TWO).by(by));
    let request = || {
        let mut request = with_header("x-api-key", vec![b'k'; 10_000]);
        let cookie = format!("{}id={}", "a=1;".repeat(1_000), "v".repeat(10_000));
        request
            .headers_mut()
            .insert("cookie", cookie.parse().unwrap());
        request
    };
    assert_eq!(
        statuses(&layer, [request(), request(), request()]).await,
        [200, 200, 429]
    );
}
