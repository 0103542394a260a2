//! As `conditional-etag.mjs` of the public suite has them.

use http::header::IF_NONE_MATCH;

use proptest::prelude::*;

use super::*;
use crate::response_cache::semantics::heads::headers;

fn is_listed(lines: &[&str], tag: &str) -> Option<bool> {
    let lines: Vec<_> = lines.iter().map(|line| ("if-none-match", *line)).collect();
    let stored = headers(&[("etag", tag)]);
    let stored = ETag::of(&stored);
    holds(&headers(&lines), &IF_NONE_MATCH, |tag| {
        stored.is_some_and(|stored| tag.is_like(stored))
    })
}

#[test]
fn a_tag_is_found_in_a_list_whatever_its_place_weakness_and_form() {
    let found: &[(&[&str], &str)] = &[
        (&["\"abcdef\""], "\"abcdef\""),
        (&["\"abcdef\", \"1234\", \"5678\""], "\"abcdef\""),
        (&["\"1234\", \"abcdef\", \"5678\""], "\"abcdef\""),
        (&["\"1234\", \"5678\", \"abcdef\""], "\"abcdef\""),
        (&["\"1234\"", "\"abcdef\""], "\"abcdef\""),
        (&["\"1234\",,\t\"abcdef\" ,"], "\"abcdef\""),
        (&["W/\"abcdef\""], "W/\"abcdef\""),
        (&["\"abcdef\""], "W/\"abcdef\""),
        (&["W/\"abcdef\""], "\"abcdef\""),
        (&["\"abcdef\u{fc}\""], "\"abcdef\u{fc}\""),
        (&["\"\""], "\"\""),
        (&["\"a,b\""], "\"a,b\""),
        (&["\"1\", \"a, b\""], "\"a, b\""),
        (&["*"], "\"abcdef\""),
        // Malformed, and the same.
        (&["abcdef"], "abcdef"),
        (&["w/\"abcdef\""], "w/\"abcdef\""),
        (&["W\\\"abcdef\""], "W\\\"abcdef\""),
        (&["W\"abcdef\""], "W\"abcdef\""),
    ];
    for (lines, tag) in found {
        assert_eq!(is_listed(lines, tag), Some(true), "{lines:?} has {tag}");
    }
}

#[test]
fn a_tag_that_is_another_is_not_found() {
    let missed: &[(&[&str], &str)] = &[
        (&["\"abc\""], "\"abcdef\""),
        (&["\"ABCDEF\""], "\"abcdef\""),
        (&["\"a,b\""], "\"a\""),
        (&["\"a\", *"], "\"abcdef\""),
        (&["*", "*"], "\"abcdef\""),
        (&[""], "\"abcdef\""),
        (&["\"abcdef"], "\"abcdef\""),
        (&["w/\"abcdef\""], "W/\"abcdef\""),
        // What was quoted cannot be told from what was not.
        (&["abcdef"], "\"abcdef\""),
        (&["\"abcdef\""], "abcdef"),
    ];
    for (lines, tag) in missed {
        assert_eq!(is_listed(lines, tag), Some(false), "{lines:?} lacks {tag}");
    }
    assert_eq!(is_listed(&[], "\"abcdef\""), None);
}

#[test]
fn only_strong_tags_are_strongly_the_same() {
    let is = |a: &str, b: &str| ETag::parse(a.as_bytes()).is(ETag::parse(b.as_bytes()));
    assert!(is("\"1\"", "\"1\""));
    for (a, b) in [
        ("\"1\"", "\"2\""),
        ("W/\"1\"", "\"1\""),
        ("\"1\"", "W/\"1\""),
        ("W/\"1\"", "W/\"1\""),
        ("1", "1"),
        ("w/\"1\"", "w/\"1\""),
    ] {
        assert!(!is(a, b), "{a} is not strongly {b}");
    }
}

#[test]
fn a_response_with_two_tags_or_an_empty_one_has_none() {
    for lines in [
        [("etag", "\"1\""), ("etag", "\"2\"")].as_slice(),
        &[("etag", "")],
        &[],
    ] {
        assert!(ETag::of(&headers(lines)).is_none());
    }
}

#[test]
fn what_could_mean_something_else_in_a_list_is_not_sent() {
    for (tag, sent) in [
        ("\"a b\"", false),
        ("\"a,b\"", true),
        ("W/\"1\"", true),
        ("abcdef", true),
        ("*", false),
        ("a, b", false),
        ("\"1\", \"2\"", false),
        ("w/\"1\"", false),
    ] {
        assert_eq!(ETag::parse(tag.as_bytes()).is_sendable(), sent, "{tag}");
    }
}

proptest! {
    #[test]
    fn any_tag_is_found_in_the_list_that_it_is_put_into(
        tags in prop::collection::vec("(W/)?\"[!#-~é]{0,6}\"", 1..5),
        noise: Vec<u8>,
    ) {
        let mut list = Vec::new();
        for tag in &tags {
            ETag::parse(tag.as_bytes()).put(&mut list);
        }
        for tag in &tags {
            let tag = ETag::parse(tag.as_bytes());
            prop_assert!(tag.is_sendable());
            prop_assert!(members(&list).any(|member| ETag::parse(member).is_like(tag)));
        }
        prop_assert_eq!(members(&list).count(), tags.len());
        members(&noise).for_each(|member| { ETag::parse(member).is_sendable(); });
    }
}
