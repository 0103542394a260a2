//! What tells requests apart.

use bytes::Bytes;
use http::{Request, Response, header::HOST, request::Parts};
use http_body_util::Full;
use tower_upstash::response_cache::{CachePolicy, Query, Reason};

use super::app::{Body, HOUR, Site, answer, for_a_minute, get, get_with, request};

/// Answers everybody with what they asked, in all detail.
fn echo(parts: &Parts) -> Response<Body> {
    let host = parts.headers.get(HOST).map(|host| host.to_str().unwrap());
    let forwarded = parts.headers.get_all("x-forwarded-host").iter();
    let forwarded: Vec<_> = forwarded.collect();
    let text = format!("{:?} {host:?} {forwarded:?}", parts.uri);
    answer(&[("cache-control", "max-age=60")], text)
}

/// P1
#[tokio::test]
async fn hosts_schemes_paths_and_queries_have_entries_of_their_own() {
    let site = Site::new(echo);
    let urls = [
        "http://example.com/",
        "https://example.com/",
        "http://example.com:8080/",
        "http://example.org/",
        "http://example.com/a",
        "http://example.com/?a",
        "http://example.com/?",
        "http://example.com/?b",
    ];
    for url in urls {
        assert!(!site.get(url).await.is_hit(), "{url}");
    }
    for url in urls {
        let got = site.get(url).await;
        assert!(got.is_hit(), "{url}");
        let uri: http::Uri = url.parse().unwrap();
        assert!(got.body.starts_with(format!("{uri:?} ").as_bytes()));
    }
}

/// P1: two ways to say the host.
#[tokio::test]
async fn a_host_field_counts_as_the_host_and_one_that_contradicts_the_url_too() {
    let site = Site::new(echo);
    let to = |uri: &str, host: &str| {
        let mut request = Request::builder().uri(uri);
        if !host.is_empty() {
            request = request.header(HOST, host);
        }
        request.body(Full::<Bytes>::default()).unwrap()
    };
    let ask = [
        ("/", "a.example"),
        ("/", "b.example"),
        ("http://a.example/", "b.example"),
        ("http://b.example/", "a.example"),
    ];
    for (uri, host) in ask {
        assert!(!site.send(to(uri, host)).await.is_hit(), "{uri} {host}");
    }
    for (uri, host) in ask {
        let got = site.send(to(uri, host)).await;
        assert!(got.is_hit(), "{uri} {host}");
        assert_eq!(got.body, format!("{uri} Some({host:?}) []"));
    }
    // The same, said otherwise.
    assert!(
        site.send(to("http://A.example/", "a.EXAMPLE"))
            .await
            .is_hit()
    );
}

/// P1
#[tokio::test]
async fn a_request_for_no_host_passes_by() {
    let site = Site::new(echo);
    for _ in 0..2 {
        let request = Request::builder().uri("/").body(Full::default()).unwrap();
        let got = site.send(request).await;
        assert_eq!(got.cache(), "tower-upstash;fwd=bypass");
        let mut request = get("/");
        request
            .headers_mut()
            .append(HOST, "a.example".parse().unwrap());
        request
            .headers_mut()
            .append(HOST, "b.example".parse().unwrap());
        let got = site.send(request).await;
        assert_eq!(got.cache(), "tower-upstash;fwd=bypass");
    }
    assert_eq!(site.calls(), 4);
}

/// P1
#[tokio::test]
async fn a_header_is_part_of_the_key_where_the_policy_says_so() {
    let site =
        Site::new(echo).policy(CachePolicy::new("forwarded").key_headers(&["x-forwarded-host"]));
    let asks = [
        get("/"),
        get_with("/", &[("x-forwarded-host", "")]),
        get_with("/", &[("x-forwarded-host", "evil.example")]),
        get_with("/", &[("x-forwarded-host", "a"), ("x-forwarded-host", "b")]),
        get_with("/", &[("x-forwarded-host", "a, b")]),
        get_with("/", &[("x-forwarded-host", "ab")]),
    ];
    let mut bodies = Vec::new();
    for ask in &asks {
        let got = site.send(ask.clone()).await;
        assert!(!got.is_hit(), "{ask:?}");
        bodies.push(got.body);
    }
    for (ask, body) in asks.iter().zip(bodies) {
        let got = site.send(ask.clone()).await;
        assert!(got.is_hit(), "{ask:?}");
        assert_eq!(got.body, body);
    }
}

/// P1
#[tokio::test]
async fn a_get_with_a_body_passes_by() {
    let site = Site::new(echo);
    site.get("/").await;
    for _ in 0..2 {
        let request = get("/").map(|_| Full::from("what is wanted"));
        assert!(site.send(request).await.cache().contains("fwd=bypass"));
    }
    assert_eq!(site.calls(), 3);
    assert!(site.get("/").await.is_hit());
}

/// P2
#[tokio::test]
async fn no_two_requests_that_differ_share_an_answer() {
    let site = Site::new(echo)
        .policy(CachePolicy::new("all").key_headers(&["x-forwarded-host", "x-other"]));
    let mut asks = Vec::new();
    for url in [
        "/",
        "/?",
        "/a",
        "/a?",
        "/a?b",
        "/a?b=",
        "/a?b=&",
        "/a?b&c",
        "/a?c&b",
        "/a/?b",
        "/a%3fb",
        "/ab",
        "/b?a",
        "/A",
        "//a",
        "/a//",
        "http://a.com/a",
        "http://a.co/ma",
        "http://a.com:81/a",
        "http://a.com:8/1a",
    ] {
        for fields in [
            &[][..],
            &[("x-forwarded-host", "x")],
            &[("x-other", "x")],
            &[("x-forwarded-host", "x-other"), ("x-other", "")],
            &[("x-forwarded-host", "x"), ("x-forwarded-host", "x-other")],
            &[("x-other", "x"), ("x-other", "x")],
            &[("x-other", "xx")],
        ] {
            asks.push(request("GET", url, fields));
        }
    }
    for ask in &asks {
        assert!(!site.send(ask.clone()).await.is_hit(), "{ask:?}");
    }
    assert_eq!(site.calls(), asks.len());
    for ask in &asks {
        assert!(site.send(ask.clone()).await.is_hit(), "{ask:?}");
    }
}

#[tokio::test]
async fn policies_never_answer_for_each_other() {
    let site = Site::new(for_a_minute);
    let other = site.clone().policy(CachePolicy::new("other"));
    site.assert_stored(|| get("/")).await;
    other.assert_stored(|| get("/")).await;
    // The same name is the same cache.
    let same = other.clone().policy(CachePolicy::new("http"));
    assert!(same.get("/").await.is_hit());
}

/// P6
#[tokio::test]
async fn no_path_and_no_extension_makes_an_answer_storable() {
    let page = Site::new(|_| answer(&[("content-type", "text/css")], "alice's account"));
    let private = Site::new(|_| answer(&[("cache-control", "private, max-age=60")], "alice's"));
    for path in [
        "/account/x.css",
        "/account.js",
        "/static/account.png",
        "/assets/..%2faccount",
        "/account;.css",
        "/account%23.css",
        "/robots.txt",
        "/favicon.ico",
    ] {
        page.assert_unstored(|| get(path), Reason::NotFresh).await;
        private.assert_unstored(|| get(path), Reason::Private).await;
    }
}

/// P6
#[tokio::test]
async fn paths_are_taken_as_the_service_sees_them() {
    let site = Site::new(echo);
    let paths = [
        "/a/b",
        "/a%2fb",
        "/a%2Fb",
        "/a//b",
        "/a/./b",
        "/a/c/../b",
        "/A/b",
        "/a/b/",
        "/a;/b",
        "/%61/b",
    ];
    for path in paths {
        assert!(!site.get(path).await.is_hit(), "{path}");
        assert_eq!(site.origin.last().uri.path(), path);
    }
    for path in paths {
        assert!(site.get(path).await.is_hit(), "{path}");
    }
}

#[tokio::test]
async fn a_policy_says_what_of_the_query_counts() {
    let cases: [(Query, &[&str], &[&str]); 4] = [
        (
            Query::Sorted,
            &["/?b=1&a=2", "/?a=2&b=1"],
            &["/?a=1&b=2", "/?b=1", "/"],
        ),
        (
            Query::Only(&["q"]),
            &["/?q=1", "/?x=2&q=1", "/?q=1&utm=3"],
            &["/?q=2", "/?q=1&q=2", "/?x=1", "/?%71=1&q=1"],
        ),
        (
            Query::Ignore(&["utm"]),
            &["/?q=1", "/?q=1&utm=2", "/?utm=3&q=1"],
            &["/?q=2", "/?q=1&utm_x=2", "/?q=1&UTM=2"],
        ),
        (Query::Nothing, &["/", "/?", "/?a", "/?b=1"], &["/a"]),
    ];
    for (query, alike, others) in cases {
        let policy = CachePolicy::new("query").query(query).default_ttl(HOUR);
        let site = Site::new(for_a_minute).policy(policy);
        for (at, path) in alike.iter().enumerate() {
            assert_eq!(site.get(path).await.is_hit(), at > 0, "{query:?} {path}");
        }
        for path in others {
            assert!(!site.get(path).await.is_hit(), "{query:?} {path}");
            assert!(site.get(path).await.is_hit(), "{query:?} {path}");
        }
    }
}
