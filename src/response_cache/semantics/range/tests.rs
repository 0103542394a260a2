#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;

use super::{
    Ranged::{Full, Unsatisfiable},
    *,
};
use crate::response_cache::semantics::heads::{headers, stored};

type Lines<'a> = &'a [(&'a str, &'a str)];

const EARLIER: &str = "Tue, 15 Nov 1994 08:12:31 GMT";
const DATE_OF_IT: &str = "Tue, 15 Nov 1994 12:45:26 GMT";

const fn part(first: u64, last: u64) -> Ranged {
    Ranged::Partial { first, last }
}

fn of(range: &str, len: u64) -> Ranged {
    let stored = stored(StatusCode::OK, &[]);
    answer(&Method::GET, &headers(&[("range", range)]), &stored, len)
}

#[test]
fn one_range_is_cut_out_of_the_body() {
    for (range, expected) in [
        // As `partial.mjs` of the public suite has them.
        ("bytes=0-1", part(0, 1)),
        ("bytes=1-", part(1, 10)),
        ("bytes=-1", part(10, 10)),
        ("bytes=0-", part(0, 10)),
        ("bytes=10-10", part(10, 10)),
        ("bytes=5-1000", part(5, 10)),
        ("bytes=-11", part(0, 10)),
        ("bytes=-1000", part(0, 10)),
        ("BYTES=0-1", part(0, 1)),
        (" bytes=0-1 ", part(0, 1)),
        ("bytes=00-001", part(0, 1)),
        ("bytes=5-99999999999999999999999", part(5, 10)),
        ("bytes=-99999999999999999999999", part(0, 10)),
    ] {
        assert_eq!(of(range, 11), expected, "{range}");
    }
}

#[test]
fn what_lies_beyond_the_body_cannot_be_had() {
    for (range, len) in [
        ("bytes=11-", 11),
        ("bytes=11-12", 11),
        ("bytes=99999999999999999999999-", 11),
        ("bytes=-0", 11),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-0", 0),
    ] {
        assert_eq!(of(range, len), Unsatisfiable, "{range} of {len}");
    }
    assert_eq!(of("bytes=-1", 0), Full);
    assert_eq!(of("bytes=-1", u64::MAX), part(u64::MAX - 1, u64::MAX - 1));
    assert_eq!(of("bytes=18446744073709551615-", u64::MAX), Unsatisfiable);
}

#[test]
fn several_ranges_other_units_and_nonsense_are_ignored() {
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=1",
        "bytes=2-1",
        "bytes=-+1",
        "bytes=+1-2",
        "bytes=--1",
        "bytes=0-1,3-4",
        "bytes=0-1, -1",
        "items=0-1",
        "bytes =0-1",
        "bytes=0 -1",
        "bytes=0-1-2",
        "=0-1",
    ] {
        assert_eq!(of(range, 11), Full, "{range}");
    }
    let two = headers(&[("range", "bytes=0-1"), ("range", "bytes=0-1")]);
    let stored = stored(StatusCode::OK, &[]);
    assert_eq!(answer(&Method::GET, &two, &stored, 11), Full);
    assert_eq!(answer(&Method::GET, &headers(&[]), &stored, 11), Full);
    let mut bytes = headers(&[]);
    bytes.insert("range", HeaderValue::from_bytes(b"bytes=0-\xff").unwrap());
    assert_eq!(answer(&Method::GET, &bytes, &stored, 11), Full);
}

#[test]
fn only_a_get_of_a_200_has_ranges() {
    let request = headers(&[("range", "bytes=0-1")]);
    let ok = stored(StatusCode::OK, &[("accept-ranges", "bytes")]);
    assert_eq!(answer(&Method::GET, &request, &ok, 11), part(0, 1));
    assert_eq!(answer(&Method::HEAD, &request, &ok, 11), Full);
    let not_found = stored(StatusCode::NOT_FOUND, &[]);
    assert_eq!(answer(&Method::GET, &request, &not_found, 11), Full);
    let none = stored(StatusCode::OK, &[("accept-ranges", "none")]);
    assert_eq!(answer(&Method::GET, &request, &none, 11), Full);
}

#[test]
fn a_range_of_something_else_is_all_of_it() {
    let dated = [("last-modified", EARLIER), ("date", DATE_OF_IT)];
    let cases: &[(Lines<'_>, &[&str], bool)] = &[
        (&[("etag", "\"1\"")], &["\"1\""], true),
        (&[("etag", "\"1\"")], &["\"2\""], false),
        (&[("etag", "\"1\"")], &["W/\"1\""], false),
        (&[("etag", "W/\"1\"")], &["W/\"1\""], false),
        (&[("etag", "\"1\"")], &["*"], false),
        (&[("etag", "1")], &["1"], false),
        (&[], &["\"1\""], false),
        (&[("etag", "\"1\"")], &["\"1\"", "\"1\""], false),
        (&dated, &[EARLIER], true),
        (&dated, &[DATE_OF_IT], false),
        (&dated, &["\"1\""], false),
        // Received later than that.
        (&[("last-modified", EARLIER)], &[EARLIER], true),
        // It may have changed twice in that second.
        (
            &[("last-modified", DATE_OF_IT), ("date", DATE_OF_IT)],
            &[DATE_OF_IT],
            false,
        ),
        (&[("last-modified", "today")], &["today"], false),
    ];
    for (lines, if_range, expected) in cases {
        let mut request = headers(&[("range", "bytes=0-1")]);
        for line in *if_range {
            request.append(IF_RANGE, line.parse().unwrap());
        }
        let answer = answer(&Method::GET, &request, &stored(StatusCode::OK, lines), 11);
        let expected = if *expected { part(0, 1) } else { Full };
        assert_eq!(answer, expected, "{if_range:?} of {lines:?}");
    }
}

#[test]
fn a_part_says_where_it_belongs() {
    let text = |ranged: Ranged| Some(ranged.content_range(11)?.to_str().unwrap().to_owned());
    assert_eq!(text(part(0, 1)).as_deref(), Some("bytes 0-1/11"));
    assert_eq!(text(Unsatisfiable).as_deref(), Some("bytes */11"));
    assert_eq!(text(Full), None);
}

proptest! {
    #[test]
    fn a_part_is_never_outside_of_the_body(range in "bytes=[0-9]{0,20}-[0-9]{0,20}", len: u64) {
        let ranged = of(&range, len);
        if let Ranged::Partial { first, last } = ranged {
            prop_assert!(first <= last && last < len);
        }
        prop_assert_eq!(ranged.content_range(len).is_none(), ranged == Full);
    }
}
