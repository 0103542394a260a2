//! What lies in Redis: texts that can be read, versions, damage, compression, and sizes.

use tower_upstash::{
    response_cache::{CachePolicy, ResponseCacheLayer},
    store::SharedStore,
};

use super::site::{App, MINUTE, Site, Told};

/// Replaces bytes of a value as Redis itself has it. What is no text is set by a script.
async fn set(site: &Site, key: &str, value: &[u8]) {
    use std::fmt::Write as _;
    let mut escaped = String::new();
    for byte in value {
        write!(escaped, "\\{byte:03}").unwrap();
    }
    let script = format!("return redis.call('SET', KEYS[1], '{escaped}', 'KEEPTTL')");
    let set = site.redis.command(&["EVAL", &script, "1", key]).await;
    set.unwrap();
}

#[tokio::test]
async fn an_entry_can_be_read_in_redis() {
    let site = Site::start().await;
    let app = App::new();
    app.header("content-type", "text/html");
    app.header("vary", "accept");
    app.header("cache-tag", "posts");
    for place in site.places().into_iter().skip(1) {
        site.flush().await;
        app.body("<p>hello</p>");
        app.get(&place.layer(), "/a").await;
        let entries = site.entries().await;
        let [(key, value)] = &entries[..] else {
            panic!("{}: {entries:?}", place.name);
        };
        let text = String::from_utf8(value.clone()).unwrap();
        eprintln!("{key} =\n{text}");
        assert!(key.contains("http"), "the policy: {key}");
        for part in [
            "tc1B",
            "\n12 9 content-type: text/html\n",
            "13 11 cache-control: max-age=600\n",
            "\n6 accept\n",
            "\n5 posts\n",
        ] {
            assert!(text.contains(part), "{part}");
        }
        assert!(text.ends_with("<p>hello</p>"), "{text}");
    }
}

#[tokio::test]
async fn an_entry_of_a_version_that_nobody_knows_is_absent_and_written_over() {
    let site = Site::start().await;
    for place in site.places().into_iter().skip(1) {
        for version in [
            &b"tc2B"[..],
            b"tc0B",
            b"tc1V",
            b"tc1\0",
            b"TC1B",
            b"\xff\xffB",
        ] {
            site.flush().await;
            let what = format!("{} {version:?}", place.name);
            let app = App::new();
            let layer = place.layer();
            app.get(&layer, "/a").await;
            let (key, mut value) = site.entries().await.remove(0);
            let at = value.windows(4).position(|part| part == b"tc1B").unwrap();
            value[at..at + version.len()].copy_from_slice(version);
            set(&site, &key, &value).await;
            assert_eq!(app.get(&layer, "/a").await.text(), "call 2", "{what}");
            let answer = app.get(&layer, "/a").await;
            assert!(answer.is_hit(), "{what}: {}", answer.how());
            assert_eq!(answer.text(), "call 2", "{what}");
        }
    }
}

/// There is no checksum: what is changed within a value or a body is another value or body. All else is a miss.
#[tokio::test]
async fn what_is_cut_off_or_damaged_is_never_half_a_response() {
    let site = Site::start().await;
    let app = App::new();
    app.header("etag", "\"1\"");
    app.header("cache-tag", "a, b");
    app.header("vary", "x-kind");
    app.body("body ".repeat(20));
    let layer = site.layer(site.tcp().build().unwrap());
    for kind in ["a", "b"] {
        app.get_with(&layer, "/a", &[("x-kind", kind)]).await;
    }
    let entries = site.entries().await;
    assert_eq!(entries.len(), 2, "a base, and a variant of its own");
    let mut served = 0;
    for (key, value) in &entries {
        let kind = if value.starts_with(b"tc1B") { "b" } else { "a" };
        let fields = [("x-kind", kind)];
        let restore = async || {
            for (key, value) in &entries {
                set(&site, key, value).await;
            }
        };
        for at in (0..value.len()).step_by(7) {
            restore().await;
            set(&site, key, &value[..at]).await;
            let answer = app.get_with(&layer, "/a", &fields).await;
            assert!(!answer.is_hit(), "cut at {at}: {}", answer.how());
            assert_eq!((answer.status, answer.body.len()), (200, 100));
        }
        for (at, byte) in value.iter().enumerate().step_by(5) {
            for damage in [byte ^ 1, byte ^ 0x80, b'\n', 0] {
                if damage == *byte {
                    continue;
                }
                restore().await;
                let mut damaged = value.clone();
                damaged[at] = damage;
                set(&site, key, &damaged).await;
                let answer = app.get_with(&layer, "/a", &fields).await;
                assert_eq!((answer.status, answer.body.len()), (200, 100), "{at}");
                served += usize::from(answer.is_hit());
            }
        }
    }
    eprintln!("{served} damages within values or bodies");
}

#[tokio::test]
async fn a_large_text_is_compressed_where_the_store_is_elsewhere() {
    let site = Site::start().await;
    let text = "All work and no play makes a dull page. ".repeat(2500);
    for place in site.places().into_iter().skip(1) {
        for (compress, most) in [(Some(4 << 10), text.len() / 10), (None, usize::MAX)] {
            site.flush().await;
            let what = format!("{} {compress:?}", place.name);
            let app = App::new();
            app.header("content-type", "text/plain");
            app.body(text.clone());
            let layer = place.layer().compress_from(compress);
            assert_eq!(app.get(&layer, "/a").await.body, text, "{what}");
            let size: usize = site.held().await.iter().map(|(_, value)| value.len()).sum();
            eprintln!("{what}: {} bytes at rest of {}", size, text.len());
            assert!(size <= most, "{what}: {size}");
            assert_eq!(compress.is_some(), size < text.len(), "{what}: {size}");
            let answer = app.get(&layer, "/a").await;
            assert!(answer.is_hit(), "{what}");
            assert_eq!(answer.body, text, "{what}");
            let answer = app
                .get_with(&layer, "/a", &[("range", "bytes=90000-90039")])
                .await;
            assert_eq!(answer.status, 206, "{what}");
            assert_eq!(answer.body, text[90_000..90_040], "{what}");
        }
    }
}

#[tokio::test]
async fn what_is_larger_than_the_store_takes_streams_and_is_not_stored() {
    const LARGEST: usize = 64 << 10;
    let site = Site::start().await;
    let http: SharedStore = site.http().max_value(LARGEST).build().unwrap().into();
    let tcp: SharedStore = site.tcp().max_value(LARGEST).build().unwrap().into();
    for (store, name) in [(http, "http"), (tcp, "tcp")] {
        site.flush().await;
        let app = App::new();
        let told = Told::default();
        let layer = told.by(site.layer(store));
        // That which does not get smaller.
        let noise: Vec<u8> = (0..100_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        app.header("content-type", "image/png");
        for (size, is_stored) in [(LARGEST - 2048, true), (LARGEST, false), (100_000, false)] {
            app.body(noise[..size].to_vec());
            let path = format!("/{size}");
            assert_eq!(app.get(&layer, &path).await.body, noise[..size], "{name}");
            let told = told.take();
            let expected = if is_stored {
                "stored"
            } else {
                "not stored: too-large"
            };
            assert_eq!(told.last().unwrap(), expected, "{name} {size}: {told:?}");
            let answer = app.get(&layer, &path).await;
            assert_eq!(answer.is_hit(), is_stored, "{name} {size}");
            assert_eq!(answer.body, noise[..size], "{name} {size}");
        }
        // A text of that size fits, compressed.
        app.header("content-type", "text/plain");
        app.body("a".repeat(100_000));
        app.get(&layer, "/text").await;
        assert!(app.get(&layer, "/text").await.is_hit(), "{name}");
    }
}

/// An endpoint may take less than the store was told: it refuses, and nobody notices but the hook.
#[tokio::test]
async fn what_is_larger_than_the_endpoint_takes_streams_and_is_told_of() {
    let redis = local_upstash::RedisServer::start().await.unwrap();
    let server = local_upstash::LocalUpstash::builder().redis(&redis);
    let server = server.largest_request(50_000).start().await.unwrap();
    let store = tower_upstash::store::UpstashStore::builder(&server.url(), server.token());
    let store = store.time_limit(super::site::PATIENCE).build().unwrap();
    let told = Told::default();
    let layer = told.by(ResponseCacheLayer::new(store)).compress_from(None);
    let app = App::new();
    app.body("a".repeat(60_000));
    for calls in 1..3 {
        assert_eq!(app.get(&layer, "/a").await.body.len(), 60_000);
        assert_eq!(told.take(), ["miss", "store: TooLarge"], "{calls}");
        assert_eq!(app.calls(), calls);
    }
}

/// Each entry ends by itself in the store, and not before it is of no use.
#[tokio::test]
async fn entries_end_in_the_store_when_nobody_can_use_them_any_more() {
    let site = Site::start().await;
    let layer = site.layer(site.tcp().build().unwrap());
    let layer = layer.policy(CachePolicy::new("page").keep(MINUTE));
    for (etag, minutes) in [(false, 10), (true, 11)] {
        site.flush().await;
        let app = App::new();
        if etag {
            app.header("etag", "\"1\"");
        }
        app.get(&layer, "/a").await;
        let (key, _) = site.entries().await.remove(0);
        let left = site.redis.command(&["PTTL", &key]).await.unwrap();
        let left: u64 = redis::from_redis_value(left).unwrap();
        let (most, least) = (minutes * 60_000, minutes * 60_000 - 20_000);
        assert!((least..=most).contains(&left), "{left}");
        site.advance(minutes as u32 * MINUTE);
        assert!(site.entries().await.is_empty());
    }
}
