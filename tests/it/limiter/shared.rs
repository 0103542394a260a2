//! Limits that are shared with `@upstash/ratelimit`: nobody finds an identifier that is not limited.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use http::Request;
use http_body_util::Full;
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Event, Limit, OnStoreError, RateLimitLayer},
    store::Identifier,
};

use super::site::{HOUR, Site, send_request};

/// Names as a client could choose them. (Not `%2A`, which is documented to share the limit of `*`.)
fn hostile() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "dynamic:global",
        "events:1",
        "denyList:all",
        "ipDenyListStatus",
        "",
        ":",
        "*",
        "~",
        "!",
        "(",
        "@",
        "a:1",
        "a:b",
        "%",
        "~~",
        "(a,b)",
        "\"",
        "\\",
        "{}",
        "{a}",
        "é",
        "\u{2028}",
        "' or 1",
    ]
    .map(|name| name.as_bytes().to_vec())
    .into();
    names.extend([
        b"\xff\xfe".to_vec(),
        b"\t".to_vec(),
        vec![b'x'; 10_000],
        vec![b'%'; 255],
    ]);
    names
}

/// Keeps what a client sends as it is.
fn by_name(name: &'static str, quota: Quota) -> Limit {
    let by = By::parts(|parts| Some(Identifier::new(parts.headers.get("x-name")?)));
    Limit::new(name, quota).by(by)
}

async fn ask(layer: &RateLimitLayer, name: &[u8]) -> u16 {
    let request = Request::builder().header("x-name", name);
    let request = request.body(Full::default()).unwrap();
    send_request(layer, request).await.status().as_u16()
}

#[tokio::test]
async fn every_name_that_a_client_may_choose_is_limited_by_the_store() {
    let site = Site::start().await;
    for (name, quota) in [
        ("aligned", Quota::aligned(2, HOUR)),
        ("sliding", Quota::sliding(2, HOUR)),
        ("bucket", Quota::token_bucket(2, HOUR)),
        ("ours", Quota::fixed(2, HOUR)),
    ] {
        for over_http in [true, false] {
            site.flush().await;
            let errors = Arc::new(AtomicU32::new(0));
            let shared = ["aligned", "sliding", "bucket"];
            let store = || {
                if over_http {
                    let store = shared.iter().fold(site.http(), |store, name| {
                        store.upstash_ratelimit(name, "p")
                    });
                    site.layer(store.build().unwrap())
                } else {
                    let store = shared
                        .iter()
                        .fold(site.tcp(), |store, name| store.upstash_ratelimit(name, "p"));
                    site.layer(store.build().unwrap())
                }
            };
            let layer = || {
                let told = Arc::clone(&errors);
                let limit = by_name(name, quota).on_store_error(OnStoreError::Allow);
                store().limit(limit).on_event(move |event| {
                    if let Event::StoreError { .. } = event {
                        told.fetch_add(1, Ordering::SeqCst);
                    }
                })
            };
            // Each layer remembers nothing of the other.
            let (first, second) = (layer(), layer());
            for client in hostile() {
                let what = format!("{name}: {}", String::from_utf8_lossy(&client));
                for expected in [200, 200, 429] {
                    assert_eq!(ask(&first, &client).await, expected, "{what}");
                }
                assert_eq!(ask(&second, &client).await, 429, "{what}");
            }
            assert_eq!(errors.load(Ordering::SeqCst), 0, "{name}");
        }
    }
}

/// What the store finds under a key is not the client's to choose; where it is, an outage policy was the way out.
#[tokio::test]
async fn a_key_that_holds_something_else_does_not_let_everything_pass() {
    let site = Site::start().await;
    for (on_error, expected) in [
        (OnStoreError::Allow, [200, 200, 429]),
        (OnStoreError::CountLocally, [200, 200, 429]),
        (OnStoreError::Refuse, [503, 503, 503]),
    ] {
        site.flush().await;
        let store = site
            .http()
            .upstash_ratelimit("bucket", "p")
            .build()
            .unwrap();
        let limit = by_name("bucket", Quota::token_bucket(2, HOUR)).on_store_error(on_error);
        let layer = site.layer(store).limit(limit);
        site.redis.command(&["SET", "p:x", "else"]).await.unwrap();
        for expected in expected {
            assert_eq!(ask(&layer, b"x").await, expected, "{on_error:?}");
        }
    }
}
