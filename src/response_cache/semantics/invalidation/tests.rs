#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::response_cache::semantics::heads::headers;

type Lines<'a> = &'a [(&'a str, &'a str)];

fn invalidated(method: &str, status: u16, uri: &str, response: Lines<'_>) -> Vec<String> {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let (uri, request) = (uri.parse().unwrap(), headers(&[("host", "h:8000")]));
    let request = RequestTarget::new(&uri, &request);
    targets(&method, status, request, &headers(response))
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn writes_that_did_not_fail_invalidate_their_target() {
    for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "PURGE", "get"] {
        for status in [200, 201, 204, 299, 301, 303, 304] {
            assert_eq!(invalidated(method, status, "/a?b", &[]), ["/a?b"]);
        }
        for status in [101, 400, 404, 499, 500, 599] {
            assert!(invalidated(method, status, "/a?b", &[]).is_empty());
        }
    }
}

#[test]
fn safe_methods_invalidate_nothing() {
    for method in [
        "GET", "HEAD", "OPTIONS", "TRACE", "PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH",
    ] {
        let response = [("location", "/b"), ("content-location", "/c")];
        assert!(
            invalidated(method, 200, "/a", &response).is_empty(),
            "{method}"
        );
    }
}

#[test]
fn what_the_response_names_at_the_same_origin_is_invalidated_too() {
    let cases: &[(Lines<'_>, &[&str])] = &[
        // As `invalidation.mjs` of the public suite has them.
        (
            &[
                ("location", "location_target"),
                ("content-location", "content_location_target"),
            ],
            &[
                "/test/1?q",
                "/test/location_target",
                "/test/content_location_target",
            ],
        ),
        (
            &[("location", "http://h:8000/x?y#z")],
            &["/test/1?q", "/x?y"],
        ),
        (&[("location", "http://h:8001/x")], &["/test/1?q"]),
        (&[("location", "http://evil/x")], &["/test/1?q"]),
        (&[("content-location", "//h:8000/x")], &["/test/1?q", "/x"]),
        (&[("content-location", "?r")], &["/test/1?q", "/test/1?r"]),
        // Each once.
        (
            &[("location", "/x"), ("content-location", "../x")],
            &["/test/1?q", "/x"],
        ),
        (&[("content-location", "")], &["/test/1?q"]),
        // Two are none, and so is what is no path.
        (&[("location", "/x"), ("location", "/y")], &["/test/1?q"]),
        (&[("location", "/x y")], &["/test/1?q"]),
        (&[("location", "javascript:alert(1)")], &["/test/1?q"]),
    ];
    for (response, expected) in cases {
        let targets = invalidated("POST", 201, "/test/1?q", response);
        assert_eq!(targets, *expected, "{response:?}");
    }
}

#[test]
fn the_authority_of_the_uri_comes_before_the_host() {
    let location = [("location", "http://u/x")];
    let targets = invalidated("PUT", 200, "http://u/a", &location);
    assert_eq!(targets, ["/a", "/x"]);
    let location = [("location", "http://h:8000/x")];
    assert_eq!(invalidated("PUT", 200, "http://u/a", &location), ["/a"]);
    let location = [("location", "https://u/x")];
    assert_eq!(invalidated("PUT", 200, "http://u/a", &location), ["/a"]);
}

#[test]
fn a_target_without_a_path_is_none() {
    assert!(invalidated("CONNECT", 200, "h:443", &[("location", "/x")]).is_empty());
}
