//! What `check()` says of real stores.

use std::time::Duration;

use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::UpstashStore,
};

use super::site::{HOUR, Site};

const A: Limit = Limit::new("a", Quota::fixed(10, Duration::from_secs(60)));
const B: Limit = Limit::new("b", Quota::strict(10, Duration::from_secs(60)));
const C: Limit = Limit::new("c", Quota::aligned(10, Duration::from_secs(60)));

/// Returns the limit and the text of each advice.
async fn advice(layer: &RateLimitLayer) -> Vec<(Option<&'static str>, String)> {
    let advice = layer.check().await;
    advice
        .iter()
        .map(|advice| (advice.limit(), advice.to_string()))
        .collect()
}

#[tokio::test]
async fn there_is_nothing_to_say_of_stores_that_work() {
    let site = Site::start().await;
    for store in site.stores() {
        let layer = site.layer(store).limit(A).limit(B).limit(C);
        assert_eq!(advice(&layer).await, []);
        assert_eq!(site.held().await, [], "nothing is charged");
    }
}

/// Of two limits with the same fault, one was reported.
#[tokio::test]
async fn each_limit_that_cannot_be_shared_is_named() {
    let site = Site::start().await;
    for names in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        let http = names.iter().fold(site.http(), |store, name| {
            store.upstash_ratelimit(name, name)
        });
        let tcp = names.iter().fold(site.tcp(), |store, name| {
            store.upstash_ratelimit(name, name)
        });
        let layers = [
            site.layer(http.build().unwrap()),
            site.layer(tcp.build().unwrap()),
        ];
        for layer in layers.map(|layer| layer.limit(A).limit(B).limit(C)) {
            let advice = advice(&layer).await;
            let named: Vec<_> = advice.iter().filter_map(|(limit, _)| *limit).collect();
            let expected: Vec<_> = names.iter().copied().filter(|name| *name != "c").collect();
            assert_eq!(named, expected);
            assert!(
                advice
                    .iter()
                    .all(|(_, text)| text.contains("not supported")),
                "{advice:?}"
            );
        }
    }
}

/// Each limit by itself works; together they met on a key, at the first request.
#[tokio::test]
async fn limits_that_only_fail_together_are_reported() {
    let site = Site::start().await;
    let sliding = Limit::new("d", Quota::sliding(10, Duration::from_secs(60)));
    let store = site
        .http()
        .upstash_ratelimit("c", "p")
        .upstash_ratelimit("d", "p");
    let layer = site.layer(store.build().unwrap()).limit(C).limit(sliding);
    let advice = advice(&layer).await;
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert!(advice[0].1.contains("meet on one key"), "{advice:?}");
}

#[tokio::test]
async fn a_wrong_token_is_reported_once() {
    let site = Site::start().await;
    let store = UpstashStore::builder(&site.server.url(), "CANARY").time_limit(HOUR);
    let layer = site
        .layer(store.build().unwrap())
        .limit(A)
        .limit(B)
        .limit(C);
    let advice = advice(&layer).await;
    assert_eq!(advice.len(), 1, "{advice:?}");
    assert_eq!(advice[0].0, None);
    assert!(advice[0].1.contains("credentials"), "{advice:?}");
    assert!(!advice[0].1.contains("CANARY"), "no token");
}

#[tokio::test]
async fn a_store_that_is_down_is_reported_once() {
    let site = Site::start().await;
    let stores = site.stores();
    site.redis.kill();
    for store in stores {
        let advice = advice(&site.layer(store).limit(A).limit(B)).await;
        assert_eq!(advice.len(), 1, "{advice:?}");
        assert_eq!(advice[0].0, None);
        assert!(advice[0].1.contains("unavailable"), "{advice:?}");
    }
}
