#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use http::StatusCode;

use super::{
    Precondition::{Failed, Full, NotModified},
    *,
};
use crate::response_cache::semantics::heads::{headers, stored};

const DAY_BEFORE: &str = "Mon, 14 Nov 1994 12:45:26 GMT";
const EARLIER: &str = "Tue, 15 Nov 1994 08:12:31 GMT";
const EARLIER_RFC850: &str = "Tuesday, 15-Nov-94 08:12:31 GMT";
const DATE_OF_IT: &str = "Tue, 15 Nov 1994 12:45:26 GMT";

type Lines<'a> = &'a [(&'a str, &'a str)];

fn check(stored_lines: Lines<'_>, cases: &[(Lines<'_>, Precondition)]) {
    let stored = stored(StatusCode::OK, stored_lines);
    for (request, expected) in cases {
        for method in [Method::GET, Method::HEAD] {
            let precondition = evaluate(&method, &headers(request), &stored);
            assert_eq!(precondition, *expected, "{method} {request:?}");
        }
    }
}

#[test]
fn tags_come_before_dates() {
    let lines = [("etag", "\"abcdef\""), ("last-modified", EARLIER)];
    check(
        &lines,
        &[
            (&[], Full),
            (&[("if-none-match", "\"abcdef\"")], NotModified),
            (&[("if-none-match", "W/\"abcdef\"")], NotModified),
            (&[("if-none-match", "\"1\", \"abcdef\"")], NotModified),
            (
                &[("if-none-match", "\"1\""), ("if-none-match", "\"abcdef\"")],
                NotModified,
            ),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"1\"")], Full),
            // `conditional-etag-precedence`
            (
                &[
                    ("if-none-match", "\"abcdef\""),
                    ("if-modified-since", DAY_BEFORE),
                ],
                NotModified,
            ),
            (
                &[
                    ("if-none-match", "\"1\""),
                    ("if-modified-since", DATE_OF_IT),
                ],
                Full,
            ),
        ],
    );
}

#[test]
fn a_client_that_has_the_last_change_has_it_all() {
    check(
        &[("last-modified", EARLIER), ("date", DATE_OF_IT)],
        &[
            (&[("if-modified-since", EARLIER)], NotModified),
            (&[("if-modified-since", EARLIER_RFC850)], NotModified),
            (&[("if-modified-since", DATE_OF_IT)], NotModified),
            (&[("if-modified-since", DAY_BEFORE)], Full),
            (&[("if-modified-since", "today")], Full),
            (&[("if-modified-since", "")], Full),
            (
                &[
                    ("if-modified-since", EARLIER),
                    ("if-modified-since", EARLIER),
                ],
                Full,
            ),
            (&[("if-none-match", "\"1\"")], Full),
        ],
    );
}

#[test]
fn without_a_last_change_the_date_of_the_response_counts() {
    let cases: &[(Lines<'_>, Precondition)] = &[
        (&[("if-modified-since", DATE_OF_IT)], NotModified),
        (&[("if-modified-since", EARLIER)], Full),
    ];
    check(&[("date", DATE_OF_IT)], cases);
    // Or when it was received.
    check(&[], cases);
    check(&[("last-modified", "yesterday")], cases);
}

#[test]
fn what_the_client_insists_on_has_to_be_what_is_stored() {
    check(
        &[("etag", "\"1\""), ("last-modified", EARLIER)],
        &[
            (&[("if-match", "\"1\"")], Full),
            (&[("if-match", "\"2\", \"1\"")], Full),
            (&[("if-match", "*")], Full),
            (&[("if-match", "\"2\"")], Failed),
            (&[("if-match", "W/\"1\"")], Failed),
            (&[("if-unmodified-since", EARLIER)], Full),
            (&[("if-unmodified-since", DATE_OF_IT)], Full),
            (&[("if-unmodified-since", DAY_BEFORE)], Failed),
            (&[("if-unmodified-since", "never")], Full),
            // The tag decides.
            (
                &[("if-match", "\"1\""), ("if-unmodified-since", DAY_BEFORE)],
                Full,
            ),
            // And comes first.
            (&[("if-match", "\"2\""), ("if-none-match", "\"1\"")], Failed),
            (
                &[("if-match", "\"1\""), ("if-none-match", "\"1\"")],
                NotModified,
            ),
        ],
    );
    check(
        &[("etag", "W/\"1\"")],
        &[(&[("if-match", "W/\"1\"")], Failed)],
    );
    check(&[], &[(&[("if-unmodified-since", DAY_BEFORE)], Full)]);
}

#[test]
fn only_reads_of_successes_have_conditions() {
    let request = headers(&[("if-none-match", "*"), ("if-match", "\"2\"")]);
    for (method, status) in [
        (Method::POST, 200),
        (Method::OPTIONS, 200),
        (Method::GET, 301),
        (Method::GET, 404),
        (Method::HEAD, 500),
    ] {
        let stored = stored(StatusCode::from_u16(status).unwrap(), &[("etag", "\"1\"")]);
        assert_eq!(evaluate(&method, &request, &stored), Full);
    }
    let stored = stored(StatusCode::NON_AUTHORITATIVE_INFORMATION, &[]);
    let known = headers(&[("if-none-match", "*")]);
    assert_eq!(evaluate(&Method::GET, &known, &stored), NotModified);
}

#[test]
fn a_304_has_all_fields_but_those_that_describe_a_body() {
    let kept = [
        ("cache-control", "max-age=60"),
        ("content-location", "/a"),
        ("content-security-policy", "default-src 'self'"),
        ("date", DATE_OF_IT),
        ("etag", "\"1\""),
        ("expires", DATE_OF_IT),
        ("last-modified", EARLIER),
        ("vary", "accept"),
        ("vary", "foo"),
        ("access-control-allow-origin", "*"),
        ("age", "1"),
    ];
    let body = [
        ("content-length", "3"),
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-disposition", "attachment"),
        ("content-digest", "sha-256=:AAAA:"),
        ("repr-digest", "sha-256=:AAAA:"),
    ];
    let all: Vec<_> = kept.iter().chain(&body).copied().collect();
    assert_eq!(not_modified_headers(&headers(&all)), headers(&kept));
}
