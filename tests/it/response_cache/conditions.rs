//! Conditions, ranges and HEAD, answered from what is stored.

use http::{Response, request::Parts};
use tower_upstash::response_cache::CachePolicy;

use super::Fields;
use super::app::{Body, SECOND, Site, answer, answer_with, get, get_with, request, stream};

const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const EARLIER: &str = "Mon, 13 Nov 2023 22:13:20 GMT";
const FIELDS: [(&str, &str); 5] = [
    ("cache-control", "max-age=60"),
    ("etag", "\"1\""),
    ("last-modified", EARLIER),
    ("date", DATE),
    ("content-type", "text/plain"),
];

fn whole(_: &Parts) -> Response<Body> {
    answer(&FIELDS, "0123456789")
}

#[tokio::test]
async fn conditions_are_answered_from_what_is_stored() {
    let site = Site::new(whole);
    site.get("/").await;
    let cases: [(&[(&str, &str)], u16); 10] = [
        (&[("if-none-match", "\"1\"")], 304),
        (&[("if-none-match", "W/\"1\"")], 304),
        (&[("if-none-match", "\"0\", \"1\"")], 304),
        (
            &[("if-none-match", "\"0\""), ("if-none-match", "\"1\"")],
            304,
        ),
        (&[("if-none-match", "*")], 304),
        (&[("if-none-match", "\"2\"")], 200),
        (&[("if-modified-since", EARLIER)], 304),
        (
            &[("if-modified-since", "Sun, 12 Nov 2023 22:13:20 GMT")],
            200,
        ),
        (
            &[("if-none-match", "\"2\""), ("if-modified-since", EARLIER)],
            200,
        ),
        (&[("if-modified-since", "yesterday")], 200),
    ];
    for (fields, status) in cases {
        for method in ["GET", "HEAD"] {
            let got = site.send(request(method, "/", fields)).await;
            assert_eq!(got.status, status, "{fields:?}");
            assert!(got.is_hit());
            let is_whole = status == 200 && method == "GET";
            assert_eq!(got.body, if is_whole { "0123456789" } else { "" });
            assert_eq!(got.field("etag"), Some("\"1\""));
            assert_eq!(got.field("cache-control"), Some("max-age=60"));
            assert_eq!(got.field("content-type").is_some(), status == 200);
        }
    }
    assert_eq!(site.calls(), 1);
}

/// The service gives the whole, the client gets what it asked for.
#[tokio::test]
async fn a_condition_that_misses_stores_the_whole() {
    let site = Site::new(whole);
    let got = site
        .send(get_with("/", &[("if-none-match", "\"1\"")]))
        .await;
    assert_eq!((got.status, &got.body[..]), (304, &b""[..]));
    assert!(!site.origin.last().headers.contains_key("if-none-match"));
    super::app::settle().await;
    let got = site.get("/").await;
    assert!(got.is_hit(), "{}", got.cache());
    assert_eq!(got.body, "0123456789");
}

/// P13
#[tokio::test]
async fn ranges_are_answered_from_the_whole() {
    let site = Site::new(whole);
    site.get("/").await;
    type Case<'a> = (Fields<'a>, u16, &'a str, Option<&'a str>);
    let cases: [Case<'_>; 9] = [
        (&[("range", "bytes=2-4")], 206, "234", Some("bytes 2-4/10")),
        (&[("range", "bytes=8-")], 206, "89", Some("bytes 8-9/10")),
        (&[("range", "bytes=-3")], 206, "789", Some("bytes 7-9/10")),
        (&[("range", "bytes=8-100")], 206, "89", Some("bytes 8-9/10")),
        (&[("range", "bytes=10-")], 416, "", Some("bytes */10")),
        (&[("range", "lines=1-2")], 200, "0123456789", None),
        (
            &[("range", "bytes=0-0"), ("if-range", "\"1\"")],
            206,
            "0",
            Some("bytes 0-0/10"),
        ),
        (
            &[("range", "bytes=0-0"), ("if-range", "\"2\"")],
            200,
            "0123456789",
            None,
        ),
        (
            &[("range", "bytes=0-0"), ("if-none-match", "\"1\"")],
            304,
            "",
            None,
        ),
    ];
    for (fields, status, body, content_range) in cases {
        let got = site.send(get_with("/", fields)).await;
        assert!(got.is_hit(), "{fields:?}");
        assert_eq!(
            (got.status, &got.body[..]),
            (status, body.as_bytes()),
            "{fields:?}"
        );
        assert_eq!(got.field("content-range"), content_range, "{fields:?}");
    }
    // A HEAD has no ranges.
    let got = site
        .send(request("HEAD", "/", &[("range", "bytes=2-4")]))
        .await;
    assert_eq!((got.status, got.field("content-range")), (200, None));
    assert_eq!(site.calls(), 1);
}

/// P13
#[tokio::test]
async fn a_part_is_never_stored() {
    let site = Site::new(|parts| match parts.headers.contains_key("range") {
        true => answer_with(
            206,
            &[
                ("cache-control", "max-age=60"),
                ("content-range", "bytes 0-1/10"),
                ("etag", "\"1\""),
            ],
            "01",
        ),
        false => whole(parts),
    });
    for _ in 0..2 {
        let got = site.send(get_with("/", &[("range", "bytes=0-1")])).await;
        assert_eq!((got.status, &got.body[..]), (206, &b"01"[..]));
        assert!(!got.is_hit());
    }
    assert_eq!(site.get("/").await.body, "0123456789");
    // Nor a 206 that nobody asked for, nor a whole that a range was asked of.
    let odd = Site::new(|_| answer_with(206, &FIELDS, "01"));
    odd.get("/").await;
    assert!(!odd.get("/").await.is_hit());
    let deaf = Site::new(whole);
    deaf.send(get_with("/", &[("range", "bytes=0-1")])).await;
    assert!(!deaf.get("/").await.is_hit());
}

#[tokio::test]
async fn a_head_is_answered_from_a_get_and_fills_nothing() {
    let site = Site::new(|parts| match parts.method.as_str() {
        "HEAD" => stream(200, &FIELDS, http_body_util::Empty::new()),
        _ => whole(parts),
    });
    for _ in 0..2 {
        let got = site.send(request("HEAD", "/", &[])).await;
        assert!(!got.is_hit());
    }
    let got = site.get("/").await;
    assert!(!got.is_hit());
    assert_eq!(got.body, "0123456789");
    let got = site.send(request("HEAD", "/", &[])).await;
    assert!(got.is_hit());
    assert_eq!((got.status, got.field("content-length")), (200, Some("10")));
    assert_eq!(got.body, "");
    assert_eq!(site.calls(), 3);
}

#[tokio::test]
async fn a_head_that_tells_of_another_version_invalidates_what_is_stored() {
    for (tag, length, is_kept) in [
        ("\"1\"", "10", true),
        ("\"2\"", "10", false),
        ("\"1\"", "11", false),
    ] {
        let site = Site::new(move |parts| match parts.method.as_str() {
            "HEAD" => answer(
                &[
                    ("cache-control", "max-age=600"),
                    ("etag", tag),
                    ("content-length", length),
                ],
                "",
            ),
            _ => whole(parts),
        });
        site.get("/").await;
        site.clock.advance(61 * SECOND);
        site.send(request("HEAD", "/", &[])).await;
        let got = site.get("/").await;
        assert_eq!(got.is_hit(), is_kept, "{tag} {length}: {}", got.cache());
        assert_eq!(got.body, "0123456789");
    }
}

#[tokio::test]
async fn a_304_freshens_what_is_stored() {
    let site = Site::new(|parts| match parts.headers.contains_key("if-none-match") {
        true => answer_with(
            304,
            &[
                ("cache-control", "max-age=30"),
                ("etag", "\"1\""),
                ("x-new", "1"),
                ("content-type", "text/html"),
                ("content-length", "0"),
            ],
            "",
        ),
        false => whole(parts),
    });
    site.get("/").await;
    site.clock.advance(61 * SECOND);
    let got = site.get("/").await;
    assert_eq!((got.status, &got.body[..]), (200, &b"0123456789"[..]));
    let last = site.origin.last();
    assert_eq!(last.headers["if-none-match"], "\"1\"");
    assert_eq!(last.headers["if-modified-since"], EARLIER);
    let got = site.get("/").await;
    assert!(got.is_hit(), "{}", got.cache());
    assert_eq!(got.field("cache-control"), Some("max-age=30"));
    assert_eq!(got.field("x-new"), Some("1"));
    assert_eq!(got.field("content-type"), Some("text/plain"));
    assert_eq!(got.body, "0123456789");
    site.clock.advance(30 * SECOND);
    assert!(!site.get("/").await.is_hit());
    assert_eq!(site.calls(), 3);
}

#[tokio::test]
async fn a_validation_that_finds_another_version_replaces_what_is_stored() {
    let site = Site::new(|parts| match parts.headers.contains_key("if-none-match") {
        true => answer(&[("cache-control", "max-age=60"), ("etag", "\"2\"")], "new"),
        false => whole(parts),
    });
    site.get("/").await;
    site.clock.advance(61 * SECOND);
    assert_eq!(site.get("/").await.body, "new");
    let got = site.get("/").await;
    assert_eq!((got.is_hit(), &got.body[..]), (true, &b"new"[..]));
    assert_eq!(got.field("last-modified"), None);
}

/// What the client has goes to the client, whatever the cache had to validate.
#[tokio::test]
async fn the_conditions_of_a_client_and_ours_are_not_mixed() {
    let site = Site::new(|parts| {
        assert!(
            parts
                .headers
                .get("if-none-match")
                .is_none_or(|tag| tag == "\"1\"")
        );
        match parts.headers.contains_key("if-none-match") {
            true => answer_with(304, &FIELDS[..2], ""),
            false => whole(parts),
        }
    });
    site.get("/").await;
    for (tag, status) in [("\"1\"", 304), ("\"0\"", 200)] {
        site.clock.advance(61 * SECOND);
        let got = site.send(get_with("/", &[("if-none-match", tag)])).await;
        assert_eq!(got.status, status);
    }
    assert_eq!(site.calls(), 3);
}

#[tokio::test]
async fn no_client_that_is_not_known_makes_a_304_to_nobodys_question() {
    // A service that answers 304 by itself: it passes, and is not stored.
    let site = Site::new(|_| answer_with(304, &FIELDS[..2], ""));
    let site = site.policy(CachePolicy::new("odd"));
    for _ in 0..2 {
        assert_eq!(site.send(get("/")).await.status, 304);
    }
    assert_eq!(site.calls(), 2);
}
