use std::time::Duration;

use http::HeaderName;

use super::{
    super::directives::{Extent, ResponseDirectives, tests::headers},
    Governing,
};

const CDN: HeaderName = HeaderName::from_static("cdn-cache-control");
const OURS: HeaderName = HeaderName::from_static("our-cache-control");

fn governing(lines: &[(&'static str, &str)]) -> Governing {
    Governing::of(&headers(lines.iter().copied()), &[OURS, CDN])
}

fn targeted(line: &str) -> Option<ResponseDirectives> {
    let governing = governing(&[("cdn-cache-control", line)]);
    governing.is_targeted.then_some(governing.directives)
}

fn max_age(seconds: u64) -> Option<ResponseDirectives> {
    Some(ResponseDirectives {
        max_age: Some(Duration::from_secs(seconds)),
        ..ResponseDirectives::default()
    })
}

#[test]
fn lifetimes_are_read_as_the_suite_has_it() {
    for (line, expected) in [
        ("max-age=3600", max_age(3600)),
        ("max-age=2147483648", max_age(2_147_483_648)),
        ("max-age=99999999999", max_age(2_147_483_648)),
        ("max-age=0", max_age(0)),
        ("max-age=-5", max_age(0)),
        ("foobar, max-age=3600", max_age(3600)),
        ("max-age=3600;foo=bar", max_age(3600)),
        ("max-age=1, max-age=3600", max_age(3600)),
        ("foo", Some(ResponseDirectives::default())),
        (
            "foo=(1 2);a, bar=:aGk=:",
            Some(ResponseDirectives::default()),
        ),
        // Not a structured field, or not of these types.
        ("", None),
        ("max-age =100", None),
        ("max-age= 100", None),
        ("MaX-aGe=3600", None),
        ("max-age=10000, &&&&&", None),
        ("max-age=10000,", None),
        ("max-age=\"10000\"", None),
        ("max-age=10.5", None),
        ("max-age", None),
        ("max-age=(1)", None),
        ("s-maxage=a", None),
        ("stale-while-revalidate=?1", None),
        ("stale-if-error=@5", None),
        ("max-age=9999999999999999", None),
        ("private\u{ff}", None),
    ] {
        assert_eq!(targeted(line), expected, "{line}");
    }
}

#[test]
fn every_directive_is_known() {
    let line = "max-age=1, s-maxage=2, no-store, no-cache, private, public, must-revalidate, proxy-revalidate, \
        must-understand, no-transform, immutable, stale-while-revalidate=3, stale-if-error=4";
    let expected = ResponseDirectives::parse(&headers([("cache-control", line)]));
    assert_eq!(targeted(line), Some(expected));
    let no = "no-store=?0, no-cache=?0, private=?0, public=?0, must-revalidate=?0, proxy-revalidate=?0, \
        must-understand=?0, no-transform=?0, immutable=?0";
    assert_eq!(targeted(no), Some(ResponseDirectives::default()));
    // What allows is true, what forbids is not false.
    let odd = "no-store=1, must-revalidate=(), public=1, must-understand=yes, immutable=()";
    let expected = ResponseDirectives {
        no_store: true,
        must_revalidate: true,
        ..ResponseDirectives::default()
    };
    assert_eq!(targeted(odd), Some(expected));
}

#[test]
fn qualified_forms_name_fields() {
    let a = Extent::Fields(vec![HeaderName::from_static("a")]);
    let both = Extent::Fields(vec![
        HeaderName::from_static("a"),
        HeaderName::from_static("b"),
    ]);
    for (line, expected) in [
        ("private=\"a, B\"", both),
        ("private=a", a),
        ("private=\"\"", Extent::Response),
        ("private=\"a b\"", Extent::Response),
        ("private=(\"a\")", Extent::Response),
        ("private=1", Extent::Response),
    ] {
        let directives = targeted(line);
        assert_eq!(
            directives.map(|said| said.private),
            Some(expected.clone()),
            "{line}"
        );
        let directives = targeted(&line.replace("private", "no-cache"));
        assert_eq!(
            directives.map(|said| said.no_cache),
            Some(expected),
            "{line}"
        );
    }
}

#[test]
fn the_first_valid_field_decides_alone() {
    for (lines, max_age, is_targeted) in [
        (vec![("cache-control", "max-age=1")], 1, false),
        (
            vec![
                ("cache-control", "max-age=1"),
                ("cdn-cache-control", "max-age=2"),
            ],
            2,
            true,
        ),
        (
            vec![
                ("cache-control", "no-store, max-age=1"),
                ("cdn-cache-control", "max-age=2"),
            ],
            2,
            true,
        ),
        (
            vec![("cache-control", "max-age=1"), ("cdn-cache-control", "&")],
            1,
            false,
        ),
        (
            vec![("cache-control", "max-age=1"), ("cdn-cache-control", "")],
            1,
            false,
        ),
        (
            vec![
                ("cdn-cache-control", "max-age=2"),
                ("our-cache-control", "max-age=3"),
            ],
            3,
            true,
        ),
        (
            vec![
                ("cdn-cache-control", "max-age=2"),
                ("our-cache-control", "max-age=x"),
            ],
            2,
            true,
        ),
        (
            vec![
                ("cdn-cache-control", "a=1"),
                ("cdn-cache-control", "max-age=2"),
            ],
            2,
            true,
        ),
        (
            vec![
                ("cache-control", "max-age=1"),
                ("cdn-cache-control", "max-age=2"),
                ("cdn-cache-control", "&"),
            ],
            1,
            false,
        ),
    ] {
        let governing = governing(&lines);
        assert_eq!(
            governing.directives.max_age,
            Some(Duration::from_secs(max_age)),
            "{lines:?}"
        );
        assert_eq!(governing.is_targeted, is_targeted, "{lines:?}");
        assert!(!governing.directives.no_store || !is_targeted, "{lines:?}");
    }
}

#[test]
fn fields_for_others_say_nothing() {
    let headers = headers([
        ("cdn-cache-control", "max-age=2"),
        ("cache-control", "no-store"),
    ]);
    let governing = Governing::of(&headers, &[]);
    assert!(!governing.is_targeted);
    assert!(governing.directives.no_store);
}
