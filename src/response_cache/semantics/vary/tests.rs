//! As `vary.mjs` and `vary-parse.mjs` of the public suite have them.

use http::HeaderValue;

use super::*;
use crate::response_cache::semantics::heads::headers;

const DEFAULT: Normalise = Normalise {
    codings: None,
    by_language: false,
    unknown_lists: false,
};
const ALL: Normalise = Normalise {
    codings: Some(&["gzip", "br"]),
    by_language: true,
    unknown_lists: true,
};

type Lines<'a> = &'a [(&'a str, &'a str)];

fn is_reused(response: Lines<'_>, first: Lines<'_>, second: Lines<'_>, with: &Normalise) -> bool {
    let varied = Varied::of(&headers(response), &headers(first), with);
    let varied = varied.expect("it is no `*`");
    assert!(varied.matches(&headers(first), with), "{first:?} is itself");
    let answers = varied.matches(&headers(second), with);
    let digests = digests_for(&varied.names, &headers(second), with);
    assert_eq!(digests.contains(&varied.values), answers);
    assert_eq!(
        digests.first(),
        Some(&digest_for(&varied.names, &headers(second), with))
    );
    answers
}

#[test]
fn a_response_answers_requests_with_the_same_fields() {
    let cases: &[(&str, Lines<'_>, Lines<'_>, bool)] = &[
        ("Foo", &[("foo", "1")], &[("foo", "1")], true),
        ("Foo", &[("foo", "1")], &[("foo", "2")], false),
        ("Foo", &[], &[("foo", "1")], false),
        ("Foo", &[("foo", "1")], &[], false),
        ("Foo", &[("foo", "")], &[], false),
        ("Foo", &[], &[], true),
        (
            "Foo",
            &[("foo", "1"), ("other", "2")],
            &[("foo", "1"), ("other", "3")],
            true,
        ),
        (
            "Foo, Bar",
            &[("foo", "1"), ("bar", "abc")],
            &[("bar", "abc"), ("foo", "1")],
            true,
        ),
        (
            "Foo, Bar",
            &[("foo", "1"), ("bar", "abc")],
            &[("foo", "2"), ("bar", "abc")],
            false,
        ),
        (
            "Foo, Bar",
            &[("foo", "1"), ("bar", "abc")],
            &[("foo", "abc"), ("bar", "1")],
            false,
        ),
        (
            "Foo, Bar, Baz",
            &[("foo", "1"), ("baz", "789")],
            &[("baz", "789"), ("foo", "1")],
            true,
        ),
        (
            "Foo, Bar, Baz",
            &[("foo", "1"), ("bar", "abc"), ("baz", "789")],
            &[("foo", "1"), ("baz", "789"), ("bar", "abcde")],
            false,
        ),
        // A value that looks like the field after it is not that field.
        (
            "a, b",
            &[("a", "b"), ("b", "1")],
            &[("a", ""), ("b", "b1")],
            false,
        ),
        // All lines count.
        ("Foo", &[("foo", "1")], &[("foo", "1"), ("foo", "2")], false),
        (
            "Foo",
            &[("foo", "1, 2")],
            &[("foo", "1"), ("foo", "2")],
            true,
        ),
        ("Foo", &[("foo", "1")], &[("foo", " 1\t")], true),
        ("Foo", &[("foo", "A")], &[("foo", "a")], false),
        ("Foo", &[("foo", "1,2")], &[("foo", " 1, 2 ")], false),
        (
            "Accept",
            &[("accept", "a/b,c/d;x=\"1, 2\"")],
            &[("accept", "a/b , c/d;x=\"1, 2\"")],
            true,
        ),
        (
            "Accept",
            &[("accept", "a/b;x=\"1, 2\"")],
            &[("accept", "a/b;x=\"1,2\"")],
            false,
        ),
        (
            "Accept",
            &[("accept", "a/b;x=\"\\\"1, 2\"")],
            &[("accept", "a/b;x=\"\\\"1,2\"")],
            false,
        ),
        (
            "Accept",
            &[("accept", "a/b, c/d")],
            &[("accept", "c/d, a/b")],
            false,
        ),
    ];
    for (vary, first, second, expected) in cases {
        let reused = is_reused(&[("vary", vary)], first, second, &DEFAULT);
        assert_eq!(reused, *expected, "{vary}: {first:?}, {second:?}");
    }
}

#[test]
fn negotiation_is_compared_by_what_it_means() {
    let cases = [
        ("accept-language", "en, de", "de, en", true),
        ("accept-language", "en, de", "eN, De", true),
        ("accept-language", "en, de", " en ,   de", true),
        ("accept-language", "en, de", "en, de;q=0.5", false),
        ("accept-language", "en, de", "en", false),
        ("accept-language", "en, \"", "\", en", false),
        ("accept-encoding", "gzip, br", "br;q=1.0,x-gzip", true),
        ("accept-encoding", "gzip, br", "gzip", false),
        ("accept-encoding", "gzip", "gzip;q=0", false),
        ("accept-encoding", "gzip, dcb", "gzip", false),
    ];
    for (name, first, second, expected) in cases {
        let reused = is_reused(
            &[("vary", name)],
            &[(name, first)],
            &[(name, second)],
            &DEFAULT,
        );
        assert_eq!(reused, expected, "{name}: {first}, {second}");
    }
}

#[test]
fn white_space_in_unknown_lists_means_nothing_if_so_set() {
    let (vary, first, second) = ([("vary", "Foo")], [("foo", "1,2")], [("foo", " 1, 2 ")]);
    assert!(is_reused(&vary, &first, &second, &ALL));
    assert!(!is_reused(&vary, &first, &[("foo", "12")], &ALL));
}

#[test]
fn codings_that_the_service_has_not_mean_nothing_if_so_set() {
    let vary = [("vary", "accept-encoding"), ("content-encoding", "br")];
    let reused = |first, second| {
        is_reused(
            &vary,
            &[("accept-encoding", first)],
            &[("accept-encoding", second)],
            &ALL,
        )
    };
    assert!(reused("gzip, deflate, br, zstd", "br, gzip;q=0.5"));
    assert!(!reused("gzip, br", "gzip"));
    assert!(!reused("br", "br, identity;q=0"));
    // A body in a coding that is not looked at answers nobody else.
    let request = headers(&[("accept-encoding", "zstd")]);
    for coding in ["zstd", "gzip, zstd"] {
        let response = headers(&[("vary", "accept-encoding"), ("content-encoding", coding)]);
        assert_eq!(Varied::of(&response, &request, &ALL), None);
        assert!(Varied::of(&response, &request, &DEFAULT).is_some());
        let response = headers(&[("vary", "foo"), ("content-encoding", coding)]);
        assert!(Varied::of(&response, &request, &ALL).is_some());
    }
}

#[test]
fn the_language_that_a_request_likes_best_answers_it_if_so_set() {
    let german = [("vary", "Accept-Language"), ("content-language", "De")];
    let reused = |first, second, with| {
        is_reused(
            &german,
            &[("accept-language", first)],
            &[("accept-language", second)],
            with,
        )
    };
    assert!(reused("en, de", "fr;q=0.5, de;q=1.0", &ALL));
    assert!(reused("en, de", "de, en", &ALL));
    assert!(!reused("en, de", "en", &ALL));
    assert!(!reused("en, de", "fr, de;q=0.5", &ALL));
    assert!(!reused("en, de", "fr;q=0.5, de;q=1.0", &DEFAULT));
    // It got what it likes less: that says nothing to others.
    assert!(reused("en, de;q=0.5", "de;q=0.5, en", &ALL));
    assert!(!reused("en, de;q=0.5", "de", &ALL));
    // One that does not tell its language answers those who sent the same.
    let untold = [("vary", "accept-language")];
    let first = [("accept-language", "de")];
    let second = [("accept-language", "de, fr;q=0.5")];
    assert!(!is_reused(&untold, &first, &second, &ALL));
    // The other fields count as well.
    let vary = [("vary", "accept-language, foo"), ("content-language", "de")];
    let first = [("accept-language", "de"), ("foo", "1")];
    let second = [("accept-language", "de, fr"), ("foo", "2")];
    assert!(!is_reused(&vary, &first, &second, &ALL));
}

#[test]
fn a_star_anywhere_answers_nobody_else() {
    let cases: &[&[&str]] = &[
        &["*"],
        &["*, *"],
        &["*", "*"],
        &[", *"],
        &["", "*"],
        &["*, Foo"],
        &["Foo, *"],
        &["Foo", "Bar,\t* ,"],
        // Nor what is not understood.
        &["Foo Bar"],
        &["Foo, \"Bar\""],
        &["F\u{e9}"],
    ];
    for lines in cases {
        let lines: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        let request = headers(&[("foo", "1"), ("baz", "789")]);
        assert_eq!(
            Varied::of(&headers(&lines), &request, &DEFAULT),
            None,
            "{lines:?}"
        );
    }
}

#[test]
fn names_are_sorted_and_each_is_once() {
    let response = headers(&[("vary", "Foo,, bar ,"), ("vary", ""), ("vary", "FOO,Baz")]);
    let varied = Varied::of(&response, &HeaderMap::new(), &DEFAULT).expect("it is no `*`");
    assert_eq!(varied.names, ["bar", "baz", "foo"]);
}

#[test]
fn a_response_that_does_not_vary_answers_everybody() {
    for lines in [[].as_slice(), &[("vary", "")], &[("vary", " , ")]] {
        let varied = Varied::of(&headers(lines), &headers(&[("a", "1")]), &ALL);
        let varied = varied.expect("it is no `*`");
        assert!(varied.names.is_empty());
        assert_eq!(varied.values, digest_for(&[], &HeaderMap::new(), &DEFAULT));
        assert!(varied.matches(&headers(&[("a", "2")]), &DEFAULT));
    }
}

#[test]
fn values_that_are_no_text_are_compared_byte_by_byte() {
    let response = headers(&[("vary", "foo")]);
    let request = |bytes: &[u8]| {
        let mut request = HeaderMap::new();
        request.insert("foo", HeaderValue::from_bytes(bytes).expect("a value"));
        request
    };
    let varied = Varied::of(&response, &request(b"\xff\xfe"), &DEFAULT).expect("it is no `*`");
    assert!(varied.matches(&request(b"\xff\xfe"), &DEFAULT));
    assert!(!varied.matches(&request(b"\xff\xff"), &DEFAULT));
}
