//! What clients ask of the cache, and what it tells them.

use tower_upstash::response_cache::{CachePolicy, Reason};

use super::app::{HOUR, SECOND, Site, answer, for_a_minute, get, get_with, request};

const WISHES: [(&str, &str); 9] = [
    ("cache-control", "no-cache"),
    ("cache-control", "no-store"),
    ("cache-control", "max-age=0"),
    ("cache-control", "min-fresh=3600"),
    ("cache-control", "only-if-cached"),
    ("pragma", "no-cache"),
    ("x-invalidate-cache", "1"),
    ("x-cache-refresh", "true"),
    ("cache-status", "other; fwd=bypass"),
];

/// P16
#[tokio::test]
async fn nobody_forces_a_refresh() {
    let site = Site::new(for_a_minute);
    for (at, wish) in WISHES.into_iter().enumerate() {
        let path = format!("/{at}");
        // Nor keeps a response from being stored.
        site.assert_stored(|| get_with(&path, &[wish])).await;
        assert!(site.get(&path).await.is_hit());
    }
    assert_eq!(site.calls(), WISHES.len());
    // Nor gets what is stale.
    site.clock.advance(61 * SECOND);
    let got = site
        .send(get_with("/0", &[("cache-control", "max-stale")]))
        .await;
    assert!(!got.is_hit());
}

#[tokio::test]
async fn whom_the_layer_trusts_is_obeyed() {
    let trusts = |parts: &http::request::Parts| parts.headers.contains_key("x-admin");
    // With a validator, so that it is kept when it has ended.
    let fields = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
    let site =
        Site::new(move |_| answer(&fields, "")).layered(|layer| layer.trust_requests(trusts));
    let ask = |wish: &'static str| get_with("/", &[("x-admin", "1"), ("cache-control", wish)]);
    let got = site.send(ask("only-if-cached")).await;
    assert_eq!((got.status, site.calls()), (504, 0));
    site.get("/").await;
    site.clock.advance(10 * SECOND);
    for (wish, is_hit) in [
        ("only-if-cached", true),
        ("max-age=10", true),
        ("max-age=9", false),
        ("min-fresh=60", true),
        ("min-fresh=61", false),
        ("no-cache", false),
        ("max-age=0", false),
    ] {
        let got = site.send(ask(wish)).await;
        assert_eq!(got.is_hit(), is_hit, "{wish}: {}", got.cache());
        if wish == "max-age=9" {
            // It is new now.
            assert_eq!(site.get("/").await.field("age"), Some("0"));
        }
    }
    site.send(ask("no-store")).await;
    let got = site
        .send(get_with(
            "/new",
            &[("x-admin", "1"), ("cache-control", "no-store")],
        ))
        .await;
    assert!(!got.is_hit());
    assert_eq!(site.unstored().last(), Some(&Reason::Request));
    assert!(!site.get("/new").await.is_hit());
    let pragma = site
        .send(get_with(
            "/new",
            &[("x-admin", "1"), ("pragma", "no-cache")],
        ))
        .await;
    assert!(!pragma.is_hit());
    // Stale, if it may be.
    site.clock.advance(70 * SECOND);
    let got = site.send(ask("max-stale=10")).await;
    assert!(got.is_hit(), "{}", got.cache());
    let got = site.send(ask("only-if-cached")).await;
    assert_eq!(got.status, 504);
    // Who is not trusted is not obeyed.
    site.get("/").await;
    assert!(
        site.send(get_with("/", &[("cache-control", "no-cache")]))
            .await
            .is_hit()
    );
}

/// P16
#[tokio::test]
async fn no_method_purges() {
    let site = Site::new(|parts| match parts.method.as_str() {
        "GET" => for_a_minute(parts),
        // As services answer what they do not know.
        _ => super::app::answer_with(405, &[], ""),
    });
    site.get("/").await;
    for method in ["PURGE", "BAN", "REFRESH", "INVALIDATE"] {
        let got = site.send(request(method, "/", &[])).await;
        assert_eq!(got.status, 405);
        assert!(site.get("/").await.is_hit(), "{method}");
    }
}

/// P17
#[tokio::test]
async fn cache_status_has_no_key_and_can_be_left_out() {
    let site = Site::new(|_| {
        answer(
            &[
                ("cache-control", "max-age=60"),
                ("cache-status", "inner; hit; key=\"theirs\""),
            ],
            "",
        )
    });
    let path = "/secret-path?secret-query";
    let miss = site.get(path).await;
    let hit = site.get(path).await;
    assert_eq!(hit.cache(), "tower-upstash;hit;ttl=60");
    for got in [miss, hit] {
        for line in got.headers.get_all("cache-status") {
            assert!(!line.to_str().unwrap().contains("secret"));
        }
    }
    let silent = site.clone().layered(|layer| layer.cache_status(None));
    let hit = silent.get(path).await;
    assert_eq!(hit.field("cache-status"), None);
    assert!(hit.headers.contains_key("age"));
    let other = silent.get("/other").await;
    let lines: Vec<_> = other.headers.get_all("cache-status").iter().collect();
    assert_eq!(lines, ["inner; hit; key=\"theirs\""]);
    let named = silent.layered(|layer| layer.cache_status("edge"));
    assert_eq!(named.get(path).await.cache(), "edge;hit;ttl=60");
}

#[tokio::test]
async fn cache_status_says_why() {
    let site = Site::new(|parts| match parts.uri.path() {
        "/private" => answer(&[("cache-control", "private")], ""),
        "/vary" => answer(&[("cache-control", "max-age=60"), ("vary", "accept")], ""),
        _ => for_a_minute(parts),
    });
    let bypass = CachePolicy::new("by").bypass(|parts| parts.headers.contains_key("x-by"));
    let site = site.policy(bypass.default_ttl(HOUR));
    let cases = [
        (get("/"), "fwd=uri-miss;ttl=60;stored"),
        (get("/"), "hit;ttl=60"),
        (get("/private"), "fwd=uri-miss;detail=private"),
        (
            get_with("/vary", &[("accept", "a")]),
            "fwd=uri-miss;ttl=60;stored",
        ),
        (
            get_with("/vary", &[("accept", "b")]),
            "fwd=vary-miss;ttl=60;stored",
        ),
        (get_with("/", &[("x-by", "1")]), "fwd=bypass"),
        (request("POST", "/", &[]), "fwd=method"),
    ];
    for (ask, expected) in cases {
        let got = site.send(ask).await;
        let said = got.cache().strip_prefix("tower-upstash;").unwrap();
        let mut said: Vec<_> = said.split(';').collect();
        let mut expected: Vec<_> = expected.split(';').collect();
        said.sort_unstable();
        expected.sort_unstable();
        assert_eq!(said, expected);
    }
}
