#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::response_cache::semantics::heads::headers;

type Lines<'a> = &'a [(&'a str, &'a str)];

const LM: &str = "Tue, 15 Nov 1994 08:12:31 GMT";
const LATER: &str = "Tue, 15 Nov 1994 08:12:32 GMT";

fn asked(stored: &[HeaderMap]) -> (Sent, HeaderMap) {
    let mut request = headers(&[("abc", "123")]);
    let sent = condition(&mut request, stored);
    (sent, request)
}

#[test]
fn a_request_asks_by_all_tags_and_the_newest_date() {
    let (sent, request) = asked(&[
        headers(&[("etag", "\"1\""), ("last-modified", LATER)]),
        headers(&[("etag", "W/\"2\""), ("last-modified", LM)]),
        headers(&[("etag", "\"1\"")]),
        headers(&[("last-modified", LM)]),
        headers(&[]),
    ]);
    let expected = headers(&[
        ("abc", "123"),
        ("if-none-match", "\"1\", W/\"2\""),
        ("if-modified-since", LATER),
    ]);
    assert_eq!((sent, request), (Sent::Several, expected));
}

#[test]
fn a_request_about_one_response_says_so() {
    let plain = ("abc", "123");
    let cases: &[(Lines<'_>, Lines<'_>)] = &[
        (&[("etag", "\"1\"")], &[plain, ("if-none-match", "\"1\"")]),
        (
            &[("etag", "W/\"1\"")],
            &[plain, ("if-none-match", "W/\"1\"")],
        ),
        (&[("etag", "abcdef")], &[plain, ("if-none-match", "abcdef")]),
        (
            &[("last-modified", LM)],
            &[plain, ("if-modified-since", LM)],
        ),
    ];
    for (stored, expected) in cases {
        let without = headers(&[("cache-control", "max-age=1")]);
        assert_eq!(
            asked(&[headers(stored), without]),
            (Sent::One, headers(expected))
        );
    }
}

#[test]
fn a_request_without_anything_to_ask_by_has_no_conditions() {
    for stored in [
        headers(&[]),
        headers(&[("etag", "*")]),
        headers(&[("etag", "\"1\""), ("etag", "\"2\"")]),
    ] {
        assert_eq!(
            asked(&[stored]),
            (Sent::Nothing, headers(&[("abc", "123")]))
        );
    }
    // The date of one that is not the newest could be that of neither.
    let older = headers(&[("last-modified", LM)]);
    assert_eq!(asked(&[headers(&[]), older]).0, Sent::Nothing);
}

#[test]
fn the_clients_own_conditions_go() {
    let mut request = headers(&[
        ("if-match", "\"c\""),
        ("if-none-match", "\"c\""),
        ("if-none-match", "\"d\""),
        ("if-modified-since", LM),
        ("if-unmodified-since", LM),
        ("if-range", "\"c\""),
        ("range", "bytes=0-1"),
        ("accept", "*/*"),
    ]);
    let mut ours = request.clone();
    strip_conditionals(&mut request);
    assert_eq!(request, headers(&[("accept", "*/*")]));

    let sent = condition(&mut ours, &[headers(&[("etag", "\"1\"")])]);
    let expected = headers(&[("accept", "*/*"), ("if-none-match", "\"1\"")]);
    assert_eq!((sent, ours), (Sent::One, expected));
}

#[test]
fn a_304_is_about_the_responses_that_share_its_validator() {
    let tag = |tag| ("etag", tag);
    let date = |date| ("last-modified", date);
    let cases: &[(Lines<'_>, Lines<'_>, bool)] = &[
        (&[tag("\"1\"")], &[tag("\"1\"")], true),
        (&[tag("\"1\"")], &[tag("\"2\"")], false),
        (&[tag("\"1\"")], &[tag("W/\"1\"")], false),
        (&[tag("W/\"1\"")], &[tag("\"1\"")], true),
        (&[tag("W/\"1\"")], &[tag("W/\"1\"")], true),
        (&[tag("W/\"1\"")], &[tag("W/\"2\"")], false),
        (&[tag("abc")], &[tag("abc")], true),
        (&[tag("\"1\"")], &[], false),
        (&[tag("\"1\"")], &[date(LM)], false),
        // The tag decides.
        (&[tag("\"2\""), date(LM)], &[tag("\"1\""), date(LM)], false),
        (
            &[tag("\"1\""), date(LATER)],
            &[tag("\"1\""), date(LM)],
            true,
        ),
        (&[date(LM)], &[date(LM)], true),
        (&[date(LM)], &[tag("\"1\""), date(LM)], true),
        (&[date(LATER)], &[date(LM)], false),
        (&[date(LM)], &[], false),
    ];
    for (answer, stored, expected) in cases {
        let is = selects(&headers(answer), &headers(stored), Sent::One);
        assert_eq!(is, *expected, "{answer:?} about {stored:?}");
    }
}

#[test]
fn a_304_that_names_nothing_is_about_the_only_one_that_was_asked_for() {
    let (answer, stored) = (headers(&[]), headers(&[("etag", "\"1\"")]));
    assert!(selects(&answer, &stored, Sent::One));
    assert!(!selects(&answer, &stored, Sent::Several));
    assert!(!selects(&answer, &stored, Sent::Nothing));
}

#[test]
fn a_head_freshens_what_is_the_same_and_invalidates_what_is_not() {
    let stored = headers(&[("etag", "\"1\""), ("last-modified", LM)]);
    let cases: &[(Lines<'_>, HeadEffect)] = &[
        (&[], HeadEffect::Freshen),
        (&[("cache-control", "max-age=1000")], HeadEffect::Freshen),
        (&[("etag", "\"1\"")], HeadEffect::Freshen),
        (&[("etag", "W/\"1\"")], HeadEffect::Freshen),
        (&[("etag", "\"2\"")], HeadEffect::Invalidate),
        (&[("last-modified", LM)], HeadEffect::Freshen),
        (&[("last-modified", LATER)], HeadEffect::Invalidate),
        (
            &[("last-modified", LM), ("last-modified", LM)],
            HeadEffect::Invalidate,
        ),
        (
            &[("etag", "\"1\""), ("last-modified", LATER)],
            HeadEffect::Invalidate,
        ),
        (&[("content-length", "10")], HeadEffect::Freshen),
        (&[("content-length", "11")], HeadEffect::Invalidate),
        (&[("content-length", "ten")], HeadEffect::Invalidate),
    ];
    for (answer, expected) in cases {
        let effect = after_head(StatusCode::OK, &headers(answer), &stored, 10);
        assert_eq!(effect, *expected, "{answer:?}");
    }
    let new = headers(&[("etag", "\"2\"")]);
    for status in [304, 404, 410, 500] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(after_head(status, &new, &stored, 10), HeadEffect::Nothing);
    }
    // What it has and the stored one has not is another, too.
    let tagless = headers(&[]);
    let effect = after_head(StatusCode::OK, &new, &tagless, 10);
    assert_eq!(effect, HeadEffect::Invalidate);
}
