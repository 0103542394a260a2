//! What the layer decides and answers.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::extract::ConnectInfo;
use bytes::Bytes;
use http::{Request, Response, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use tokio_test::block_on;
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_upstash::{
    body::ResponseBody,
    quota::Quota,
    rate_limit::{By, Event, Limit, Missing, OnStoreError, RateLimitLayer, Report},
    store::{ErrorKind, Identifier, MemoryStore},
    time::ManualClock,
};

use crate::support::{Remote, request_from};

type Answer = Response<ResponseBody<Full<Bytes>>>;

/// Sends a request through the layer to a service that answers "inner".
async fn send(layer: &RateLimitLayer, request: Request<Full<Bytes>>) -> Answer {
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::from("inner")))
    });
    layer.layer(inner).oneshot(request).await.unwrap()
}

async fn status(layer: &RateLimitLayer, request: Request<Full<Bytes>>) -> u16 {
    send(layer, request).await.status().as_u16()
}

fn with_header(value: &[u8]) -> Request<Full<Bytes>> {
    Request::builder()
        .header("x-api-key", value)
        .body(Full::default())
        .unwrap()
}

const TWO: Quota = Quota::fixed(2, Duration::from_secs(10));

#[tokio::test]
async fn requests_beyond_the_limit_are_refused_until_the_window_ends() {
    let clock = ManualClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let layer = RateLimitLayer::new(store).limit(Limit::new("ip", TWO));
    for expected in [200, 200, 429, 429] {
        assert_eq!(status(&layer, request_from("192.0.2.1:1")).await, expected);
    }
    assert_eq!(status(&layer, request_from("192.0.2.2:1")).await, 200);

    clock.advance(Duration::from_millis(9_999));
    let refused = send(&layer, request_from("192.0.2.1:2")).await;
    assert_eq!(refused.headers().get(RETRY_AFTER).unwrap(), "1");
    assert_eq!(
        refused.into_body().collect().await.unwrap().to_bytes(),
        "too many requests\n"
    );

    clock.advance(Duration::from_millis(1));
    let passed = send(&layer, request_from("192.0.2.1:3")).await;
    assert_eq!(passed.status(), StatusCode::OK);
    assert!(!passed.headers().contains_key(RETRY_AFTER));
    assert_eq!(
        passed.into_body().collect().await.unwrap().to_bytes(),
        "inner"
    );
}

#[tokio::test]
async fn a_client_refused_by_its_own_limit_does_not_use_up_everybodys() {
    let everyone =
        Limit::new("everyone", Quota::fixed(100, Duration::from_secs(60))).by(By::EVERYONE);
    let ip = Limit::new("ip", Quota::fixed(1, Duration::from_secs(60)));
    for layer in [
        RateLimitLayer::new(MemoryStore::new())
            .limit(everyone.clone())
            .limit(ip.clone()),
        RateLimitLayer::new(MemoryStore::new())
            .limit(ip)
            .limit(everyone),
    ] {
        for _ in 0..1000 {
            status(&layer, request_from("192.0.2.1:1")).await;
        }
        assert_eq!(status(&layer, request_from("192.0.2.2:1")).await, 200);
    }
}

#[tokio::test]
async fn one_client_is_one_address_or_one_ipv6_network() {
    for (peers, other) in [
        (
            ["192.0.2.1:1", "[::ffff:192.0.2.1]:1"],
            "[::ffff:192.0.2.2]:1",
        ),
        (
            ["[2001:db8::1]:1", "[2001:db8::ffff:0:1]:1"],
            "[2001:db8:0:1::1]:1",
        ),
    ] {
        let layer = RateLimitLayer::new(MemoryStore::new()).limit(Limit::new("ip", TWO));
        for peer in peers {
            assert_eq!(status(&layer, request_from(peer)).await, 200);
        }
        for peer in peers {
            assert_eq!(status(&layer, request_from(peer)).await, 429);
        }
        assert_eq!(status(&layer, request_from(other)).await, 200);
    }
}

#[tokio::test]
async fn the_peer_is_found_where_axum_leaves_it() {
    let layer = RateLimitLayer::new(MemoryStore::new()).limit(Limit::new("ip", TWO));
    for (peer, expected) in [
        ("192.0.2.1:1", 200),
        ("192.0.2.1:2", 200),
        ("192.0.2.1:3", 429),
        ("192.0.2.2:1", 200),
    ] {
        let info = ConnectInfo(peer.parse::<SocketAddr>().unwrap());
        let request = Request::builder()
            .extension(info)
            .body(Full::default())
            .unwrap();
        assert_eq!(status(&layer, request).await, expected);
    }
}

#[tokio::test]
async fn a_header_of_any_bytes_and_length_is_a_limit_of_its_own() {
    let by_key = Limit::new("key", TWO).by(By::header("x-api-key"));
    let layer = RateLimitLayer::new(MemoryStore::new()).limit(by_key);
    let long = vec![b'x'; 10_000];
    for value in [&b"a"[..], b"a:b", b"\xff\xfe", b"", &long, &long[..9_999]] {
        for expected in [200, 200, 429] {
            assert_eq!(status(&layer, with_header(value)).await, expected);
        }
    }
}

#[tokio::test]
async fn requests_without_an_identifier_share_a_limit_unless_told_otherwise() {
    let limit = Limit::new("key", TWO).by(By::header("x-api-key"));
    let layer =
        |missing| RateLimitLayer::new(MemoryStore::new()).limit(limit.clone().missing(missing));
    for (layer, expected) in [
        (
            RateLimitLayer::new(MemoryStore::new()).limit(limit.clone()),
            [200, 200, 429],
        ),
        (layer(Missing::Shared), [200, 200, 429]),
        (layer(Missing::Refuse), [400, 400, 400]),
        (layer(Missing::Exempt), [200, 200, 200]),
    ] {
        for expected in expected {
            assert_eq!(status(&layer, request_from("192.0.2.1:1")).await, expected);
        }
        // An empty header is not a missing one.
        assert_eq!(status(&layer, with_header(b"")).await, 200);
    }
}

#[tokio::test]
async fn a_function_can_tell_requests_apart() {
    let by_path = By::parts(|parts| Some(Identifier::from(parts.uri.path())));
    let layer = RateLimitLayer::new(MemoryStore::new()).limit(Limit::new("path", TWO).by(by_path));
    let get = |path: &str| Request::builder().uri(path).body(Full::default()).unwrap();
    for (path, expected) in [("/a", 200), ("/a", 200), ("/a", 429), ("/b", 200)] {
        assert_eq!(status(&layer, get(path)).await, expected);
    }
}

#[tokio::test]
async fn a_quota_of_nothing_refuses_without_a_retry_after() {
    let layer = RateLimitLayer::new(MemoryStore::new()).limit(Limit::new("closed", Quota::NONE));
    let refused = send(&layer, request_from("192.0.2.1:1")).await;
    assert_eq!(refused.status(), 429);
    assert!(!refused.headers().contains_key(RETRY_AFTER));
}

#[tokio::test]
async fn a_layer_without_limits_lets_everything_pass() {
    let layer = RateLimitLayer::new(MemoryStore::new());
    assert_eq!(status(&layer, request_from("192.0.2.1:1")).await, 200);
}

#[tokio::test]
async fn a_report_names_each_limit_that_applied() {
    let key = Limit::new("key", TWO)
        .by(By::header("x-api-key"))
        .missing(Missing::Exempt);
    let layer = RateLimitLayer::new(MemoryStore::new())
        .limit(Limit::new("ip", TWO))
        .limit(key)
        .report();
    let report = |answer: &Answer| {
        let report = answer.extensions().get::<Report>().unwrap().clone();
        report
            .iter()
            .map(|(name, decision)| (name, decision.allowed(), decision.remaining()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        report(&send(&layer, with_header(b"a")).await),
        [("ip", true, 1), ("key", true, 1)]
    );
    assert_eq!(
        report(&send(&layer, request_from("192.0.2.1:1")).await),
        [("ip", true, 1)]
    );
    send(&layer, with_header(b"b")).await;
    // Refused by its address, and so not charged to its key.
    assert_eq!(
        report(&send(&layer, with_header(b"c")).await),
        [("ip", false, 0), ("key", true, 1)]
    );

    let silent = RateLimitLayer::new(MemoryStore::new()).limit(Limit::new("ip", TWO));
    assert!(
        send(&silent, with_header(b"a"))
            .await
            .extensions()
            .get::<Report>()
            .is_none()
    );
}

#[tokio::test]
async fn each_limit_has_its_own_answer_to_a_store_that_is_down() {
    let ip = Limit::new("ip", TWO);
    let all = Limit::new("all", TWO).by(By::EVERYONE);
    for (policies, expected) in [
        (
            [OnStoreError::CountLocally, OnStoreError::CountLocally],
            [200, 200, 429],
        ),
        (
            [OnStoreError::CountLocally, OnStoreError::Allow],
            [200, 200, 429],
        ),
        (
            [OnStoreError::Allow, OnStoreError::CountLocally],
            [200, 200, 429],
        ),
        ([OnStoreError::Allow, OnStoreError::Allow], [200, 200, 200]),
        ([OnStoreError::Allow, OnStoreError::Refuse], [503, 503, 503]),
        ([OnStoreError::Refuse, OnStoreError::Allow], [503, 503, 503]),
    ] {
        let store = Remote::open();
        let [first, second] = policies;
        let layer = RateLimitLayer::new(store.shared())
            .limit(ip.clone().on_store_error(first))
            .limit(all.clone().on_store_error(second));
        store.set_down(true);
        for expected in expected {
            assert_eq!(
                status(&layer, request_from("192.0.2.1:1")).await,
                expected,
                "{policies:?}"
            );
        }
        store.set_down(false);
        assert_eq!(
            status(&layer, request_from("192.0.2.1:1")).await,
            200,
            "{policies:?}"
        );
    }
}

#[tokio::test]
async fn a_store_that_waits_decides_as_one_that_does_not() {
    let layer = RateLimitLayer::new(Remote::open().shared()).limit(Limit::new("ip", TWO));
    for expected in [200, 200, 429] {
        assert_eq!(status(&layer, request_from("192.0.2.1:1")).await, expected);
    }
}

#[tokio::test]
async fn every_error_of_the_store_is_told() {
    let store = Remote::open();
    let errors = Arc::new(Mutex::new(Vec::new()));
    let told = errors.clone();
    let layer = RateLimitLayer::new(store.shared())
        .limit(Limit::new("ip", TWO))
        .on_event(move |event| {
            if let Event::StoreError { error } = event {
                told.lock().unwrap().push(error.kind());
            }
        });
    status(&layer, request_from("192.0.2.1:1")).await;
    store.set_down(true);
    status(&layer, request_from("192.0.2.1:1")).await;
    status(&layer, request_from("192.0.2.1:1")).await;
    assert_eq!(*errors.lock().unwrap(), [ErrorKind::Unavailable; 2]);
}

#[test]
#[should_panic(expected = "two limits of one name in a rate limit layer: ip")]
fn two_limits_of_one_name_are_a_mistake() {
    let _ = RateLimitLayer::new(MemoryStore::new())
        .limit(Limit::new("ip", TWO))
        .limit(Limit::new("ip", TWO));
}

#[test]
#[should_panic(expected = "at most eight limits")]
fn a_ninth_limit_is_a_mistake() {
    const NAMES: [&str; 9] = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let layer = RateLimitLayer::new(MemoryStore::new());
    let _ = NAMES
        .iter()
        .fold(layer, |layer, name| layer.limit(Limit::new(name, TWO)));
}

#[test]
#[should_panic]
fn a_header_name_in_upper_case_is_a_mistake() {
    let _ = By::header("X-Api-Key");
}

#[test]
fn eight_limits_are_decided_together() {
    const NAMES: [&str; 8] = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let layer = RateLimitLayer::new(MemoryStore::new());
    let layer = NAMES
        .iter()
        .fold(layer, |layer, name| layer.limit(Limit::new(name, TWO)));
    block_on(async {
        for expected in [200, 200, 429] {
            assert_eq!(status(&layer, request_from("192.0.2.1:1")).await, expected);
        }
    });
}

#[test]
fn debug_names_the_limits_and_nothing_else() {
    let layer = RateLimitLayer::new(MemoryStore::new()).limit(Limit::new("ip", TWO));
    assert_eq!(
        format!("{layer:?}"),
        r#"RateLimitLayer { limits: ["ip"], .. }"#
    );
    let mut service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    assert_eq!(
        format!("{service:?}"),
        r#"RateLimit { limits: ["ip"], .. }"#
    );
    assert_eq!(
        format!("{:?}", service.call(Request::new(()))),
        "ResponseFuture { .. }"
    );
}
