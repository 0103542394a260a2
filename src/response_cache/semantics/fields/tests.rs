#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use http::HeaderValue;

use super::*;
use crate::response_cache::semantics::heads::headers;

const STRIPS: Strips<'static> = Strips {
    named: &[],
    set_cookie: SetCookie::Refuse,
};

fn storing(set_cookie: SetCookie) -> Strips<'static> {
    Strips {
        named: &[],
        set_cookie,
    }
}

/// The fields of `header-list.mjs` that have to be stored.
const STORED: &[(&str, &str)] = &[
    ("test-header", "a"),
    ("x-test-header", "a"),
    ("content-foo", "a"),
    ("x-content-foo", "a"),
    ("cache-control", "max-age=3600"),
    ("content-encoding", "a"),
    ("content-length", "10"),
    ("content-location", "/bar"),
    ("content-md5", "N7UdGUp1E+RbVvZSTy1R8g=="),
    ("content-range", "a"),
    ("content-security-policy", "default-src 'self'"),
    ("content-type", "text/plain;charset=utf-8"),
    ("clear-site-data", "cookies"),
    ("etag", "\"ghijkl\""),
    ("expires", "Mon, 11 Jan 2038 11:11:11 GMT"),
    ("public-key-pins", "a"),
    ("set-cookie2", "a=c"),
    ("x-frame-options", "sameorigin"),
    ("x-xss-protection", "1; mode=block"),
    ("date", "Tue, 15 Nov 1994 12:45:26 GMT"),
    ("retry-after", "120"),
    ("cache-groups", "\"a\""),
    ("ratelimited", "a"),
];

#[test]
fn what_belongs_to_the_answer_is_stored() {
    let all = headers(STORED);
    assert_eq!(to_store(&all, &STRIPS), all);
}

#[test]
fn what_belongs_to_a_connection_a_proxy_or_a_moment_is_not_stored() {
    for name in [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "age",
        "cache-status",
        "cache-tag",
        "surrogate-key",
        "ratelimit",
        "ratelimit-policy",
        "ratelimit-remaining",
        "x-ratelimit-limit",
        "x-ratelimit-reset",
    ] {
        let stored = to_store(&headers(&[(name, "1"), ("c", "3")]), &STRIPS);
        assert_eq!(stored, headers(&[("c", "3")]), "{name}");
    }
}

#[test]
fn what_the_connection_lists_is_not_stored() {
    let response = headers(&[
        ("connection", "a, B"),
        ("connection", ",d ,"),
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("d", "4"),
        ("d", "5"),
    ]);
    assert_eq!(to_store(&response, &STRIPS), headers(&[("c", "3")]));
}

#[test]
fn what_the_response_names_as_private_is_not_stored() {
    let named = [HeaderName::from_static("x-user")];
    let strips = Strips {
        named: &named,
        ..STRIPS
    };
    let response = headers(&[("x-user", "alice"), ("x-user", "a"), ("c", "3")]);
    assert_eq!(to_store(&response, &strips), headers(&[("c", "3")]));

    let mut stored = headers(&[("c", "3")]);
    freshen(&mut stored, &headers(&[("x-user", "bob")]), &strips);
    assert_eq!(stored, headers(&[("c", "3")]));
}

#[test]
fn repeated_fields_and_bytes_that_are_no_text_stay_as_they_are() {
    let mut response = headers(&[("link", "<a>"), ("vary", "x"), ("link", "<b>")]);
    let bytes = HeaderValue::from_bytes(b"\xff\xfe caf\xe9").unwrap();
    response.insert("x-bytes", bytes.clone());
    let stored = to_store(&response, &STRIPS);
    assert!(stored.get_all("link").iter().eq(["<a>", "<b>"]));
    assert_eq!(stored.get("x-bytes"), Some(&bytes));
    assert!(stored.keys().eq(response.keys()));
}

#[test]
fn cookies_are_stored_only_where_they_are_for_everybody() {
    let response = headers(&[
        ("set-cookie", "a=b"),
        ("set-cookie", "c=d"),
        ("set-cookie2", "e=f"),
    ]);
    let count = |set_cookie| to_store(&response, &storing(set_cookie)).len();
    assert_eq!(count(SetCookie::Store), 3);
    assert_eq!(count(SetCookie::Strip), 0);
    assert!(!to_store(&response, &STRIPS).contains_key("set-cookie"));

    for (set_cookie, expected) in [
        (SetCookie::Refuse, "old=1"),
        (SetCookie::Strip, "old=1"),
        (SetCookie::Store, "alice=1"),
    ] {
        let mut stored = headers(&[("set-cookie", "old=1")]);
        let answer = headers(&[("set-cookie", "alice=1")]);
        freshen(&mut stored, &answer, &storing(set_cookie));
        assert_eq!(stored, headers(&[("set-cookie", expected)]));
    }
}

#[test]
fn as_many_fields_as_a_map_can_have_are_stored() {
    let mut response = HeaderMap::new();
    let name = |at: u32| HeaderName::from_bytes(format!("x-{at}").as_bytes()).unwrap();
    let all = (0..).take_while(|at| {
        response
            .try_append(name(*at), HeaderValue::from_static("1"))
            .is_ok()
    });
    assert!(all.count() > 10_000);
    assert_eq!(to_store(&response, &STRIPS).len(), response.len());

    let mut stored = to_store(&response, &STRIPS);
    freshen(&mut stored, &headers(&[("one-more", "1")]), &STRIPS);
    assert!(!stored.contains_key("one-more"));
}

#[test]
fn a_304_replaces_all_lines_of_its_fields_and_adds_new_ones() {
    let mut stored = headers(&[
        ("test-header", "a1"),
        ("test-header", "a2"),
        ("kept", "k"),
        ("etag", "\"1\""),
    ]);
    let answer = headers(&[
        ("test-header", "b"),
        ("new", "n1"),
        ("new", "n2"),
        ("etag", "W/\"1\""),
    ]);
    freshen(&mut stored, &answer, &STRIPS);
    let expected = headers(&[
        ("test-header", "b"),
        ("kept", "k"),
        ("new", "n1"),
        ("new", "n2"),
        ("etag", "W/\"1\""),
    ]);
    assert_eq!(stored, expected);
}

#[test]
fn a_304_updates_each_field_of_the_suite_but_those_of_the_body() {
    let of_the_body = [
        "content-digest",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-range",
        "content-type",
    ];
    let names = STORED.iter().map(|(name, _)| *name);
    for name in names.chain(["content-digest"]) {
        let mut stored = headers(&[(name, "old")]);
        freshen(&mut stored, &headers(&[(name, "new")]), &STRIPS);
        let expected = if of_the_body.contains(&name) {
            "old"
        } else {
            "new"
        };
        assert_eq!(stored, headers(&[(name, expected)]), "{name}");
    }
}

#[test]
fn a_304_adds_nothing_that_is_not_stored() {
    let mut stored = headers(&[("c", "3")]);
    let answer = headers(&[
        ("connection", "a"),
        ("a", "1"),
        ("age", "10"),
        ("ratelimit", "\"api\";r=1"),
        ("surrogate-key", "k"),
        ("content-length", "0"),
    ]);
    freshen(&mut stored, &answer, &STRIPS);
    assert_eq!(stored, headers(&[("c", "3")]));
}
