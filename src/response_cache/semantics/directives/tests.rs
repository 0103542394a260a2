#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header::SET_COOKIE};
use proptest::prelude::*;

use super::{Extent, MAX_DELTA, RequestDirectives, ResponseDirectives};

/// Makes a head of names and values.
pub(in super::super) fn headers<V: AsRef<[u8]>>(
    lines: impl IntoIterator<Item = (&'static str, V)>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_bytes(value.as_ref()).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

fn response<const N: usize>(lines: [&str; N]) -> ResponseDirectives {
    ResponseDirectives::parse(&headers(lines.map(|line| ("cache-control", line))))
}

fn request<const N: usize>(lines: [&str; N]) -> RequestDirectives {
    RequestDirectives::parse(&headers(lines.map(|line| ("cache-control", line))))
}

fn fields(names: &[&'static str]) -> Extent {
    let names = names.iter().copied().map(HeaderName::from_static);
    Extent::Fields(names.collect())
}

const fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

#[test]
fn a_lifetime_is_read_as_the_suite_has_it() {
    for (line, expected) in [
        ("max-age=3600", 3600),
        ("MaX-aGe=3600", 3600),
        ("foobar, max-age=3600", 3600),
        ("max-age=003600", 3600),
        ("max-age=\"3600\"", 3600),
        ("max-age=\"36\\00\"", 3600),
        ("max-age=1800, max-age=1", 1800),
        ("max-age=1, max-age=1800", 1),
        ("extension=\"max-age=3600\", max-age=1", 1),
        ("max-age=1, extension=\"max-age=3600\"", 1),
        ("ext=\"a, max-age=5\", max-age=7", 7),
        ("ext=\"a\\\", max-age=5\", max-age=7", 7),
        ("max-age=0", 0),
        ("max-age=2147483647", 2_147_483_647),
        ("max-age=2147483648", 2_147_483_648),
        ("max-age=2147483649", 2_147_483_648),
        ("max-age=99999999999", 2_147_483_648),
        ("max-age=99999999999999999999999999999999", 2_147_483_648),
        // What is no number of seconds is stale.
        ("max-age", 0),
        ("max-age=", 0),
        ("max-age=\"\"", 0),
        ("max-age=-3600", 0),
        ("max-age=+3600", 0),
        ("max-age='3600'", 0),
        ("max-age=3600.0", 0),
        ("max-age=3600.5", 0),
        ("max-age=a3600", 0),
        ("max-age=3600a", 0),
        ("max-age=\"3600 \"", 0),
        ("max-age =3600", 0),
        ("max-age= 3600", 0),
        ("max-age=3600 7200", 0),
        ("max-age=3600; public", 0),
        ("max-age=\"3600", 0),
        ("max-age=\"3600\"0", 0),
        ("max-age=abc, max-age=3600", 0),
    ] {
        assert_eq!(response([line]).max_age, seconds(expected), "{line}");
    }
}

#[test]
fn lines_are_one_list_in_their_order() {
    let directives = response(["max-age=1800", "", "max-age=1, s-maxage=2", "no-transform"]);
    assert_eq!(directives.max_age, seconds(1800));
    assert_eq!(directives.s_maxage, seconds(2));
    assert!(directives.no_transform);
}

#[test]
fn every_directive_is_known_in_any_case() {
    let line = "Max-Age=1,S-MaxAge=2,No-Store,No-Cache,Private,Public,Must-Revalidate,Proxy-Revalidate,Must-Understand,\
        No-Transform,Immutable,Stale-While-Revalidate=3,Stale-If-Error=4";
    let expected = ResponseDirectives {
        max_age: seconds(1),
        s_maxage: seconds(2),
        no_store: true,
        no_cache: Extent::Response,
        private: Extent::Response,
        public: true,
        must_revalidate: true,
        proxy_revalidate: true,
        must_understand: true,
        no_transform: true,
        immutable: true,
        stale_while_revalidate: seconds(3),
        stale_if_error: seconds(4),
    };
    assert_eq!(response([line]), expected);
    assert_eq!(response([&line.to_ascii_uppercase()]), expected);
    assert_eq!(
        response(["", ",, ,", "public-key, x=max-age, maxage=5"]),
        ResponseDirectives::default()
    );
}

#[test]
fn garbage_ends_at_the_next_comma() {
    for garbage in [
        "&&&&&",
        "=",
        "=5",
        "=\"a, public\"",
        "\"a, public\"",
        "foo bar=\"a, public\"",
        "(a)",
        "ext=\"closed\"more",
        "p\u{e4}blic",
    ] {
        let line = format!("{garbage}, no-store , max-age=5,{garbage}, s-maxage=6 ,,");
        let directives = response([line.as_str()]);
        assert_eq!(directives.s_maxage, seconds(6), "{line}");
        assert_eq!(directives.max_age, seconds(5), "{line}");
        assert!(directives.no_store, "{line}");
        assert!(!directives.public, "{line}");
    }
}

#[test]
fn a_quoted_string_without_an_end_hides_nothing() {
    for line in [
        "ext=\"a, no-store",
        "\", no-store",
        "foo bar=\"\\\", no-store",
        "a=\"b\"\", no-store",
    ] {
        assert!(response([line]).no_store, "{line}");
    }
    // It ends with its line.
    assert!(response(["ext=\"a", "no-store, b=\"c"]).no_store);
}

#[test]
fn what_forbids_is_obeyed_whatever_follows_and_what_allows_is_exact() {
    for (line, expected) in [
        (
            "no-store=1",
            ResponseDirectives {
                no_store: true,
                ..Default::default()
            },
        ),
        (
            "no-store; public",
            ResponseDirectives {
                no_store: true,
                ..Default::default()
            },
        ),
        (
            "no-store =",
            ResponseDirectives {
                no_store: true,
                ..Default::default()
            },
        ),
        (
            "private foo",
            ResponseDirectives {
                private: Extent::Response,
                ..Default::default()
            },
        ),
        (
            "must-revalidate=x",
            ResponseDirectives {
                must_revalidate: true,
                ..Default::default()
            },
        ),
        ("public=0", ResponseDirectives::default()),
        ("public foo", ResponseDirectives::default()),
        ("must-understand=\"\"", ResponseDirectives::default()),
        ("immutable=false", ResponseDirectives::default()),
    ] {
        assert_eq!(response([line]), expected, "{line}");
    }
}

#[test]
fn qualified_forms_name_fields() {
    for (line, expected) in [
        ("no-cache", Extent::Response),
        ("no-cache=\"a\"", fields(&["a"])),
        (
            "no-cache=\"a, B ,, set-cookie\"",
            fields(&["a", "b", "set-cookie"]),
        ),
        ("no-cache=\"\\a\"", fields(&["a"])),
        ("no-cache=Set-Cookie", fields(&["set-cookie"])),
        ("no-cache=\"a\", no-cache=\"b\"", fields(&["a", "b"])),
        ("no-cache=\"a\", no-cache", Extent::Response),
        ("no-cache, no-cache=\"a\"", Extent::Response),
        // What names no fields is about all of them.
        ("no-cache=", Extent::Response),
        ("no-cache=\"\"", Extent::Response),
        ("no-cache=\" , \"", Extent::Response),
        ("no-cache=\"a b\"", Extent::Response),
        ("no-cache=\"a", Extent::Response),
        ("no-cache=\"a\" b", Extent::Response),
        ("no-cache =\"a\"", Extent::Response),
    ] {
        assert_eq!(response([line]).no_cache, expected, "{line}");
        let line = line.replace("no-cache", "private");
        assert_eq!(response([line.as_str()]).private, expected, "{line}");
    }
    let both = response(["private=\"Set-Cookie\"", "no-cache=a"]);
    assert_eq!(both.private.fields(), [SET_COOKIE]);
    assert!(!both.private.is_response());
    assert!(response(["private"]).private.fields().is_empty());
}

#[test]
fn requests_say_what_they_take() {
    let line = "max-age=1, Max-Stale=2, min-fresh=3, no-cache, no-store, only-if-cached, stale-if-error=4, no-transform";
    let expected = RequestDirectives {
        max_age: seconds(1),
        max_stale: seconds(2),
        min_fresh: seconds(3),
        no_cache: true,
        no_store: true,
        only_if_cached: true,
        stale_if_error: seconds(4),
        no_transform: true,
    };
    assert_eq!(request([line]), expected);
    assert_eq!(request(["max-stale"]).max_stale, Some(Duration::MAX));
    assert_eq!(
        request(["max-stale, max-stale=5"]).max_stale,
        Some(Duration::MAX)
    );
    // In doubt, less is taken.
    assert_eq!(request(["max-stale=x"]).max_stale, seconds(0));
    assert_eq!(request(["max-age=x"]).max_age, seconds(0));
    assert_eq!(request(["min-fresh=x"]).min_fresh, Some(MAX_DELTA));
    assert_eq!(request(["foo"]), RequestDirectives::default());
}

#[test]
fn pragma_counts_without_cache_control_only() {
    let parse = |lines: &[(&'static str, &str)]| {
        RequestDirectives::parse(&headers(lines.iter().copied())).no_cache
    };
    assert!(parse(&[("pragma", "no-cache")]));
    assert!(parse(&[
        ("pragma", "foo=\"bar\""),
        ("pragma", "x, No-Cache")
    ]));
    assert!(!parse(&[("pragma", "unrecognised-extension")]));
    assert!(!parse(&[("pragma", "foo=\"no-cache\"")]));
    assert!(!parse(&[
        ("pragma", "no-cache"),
        ("cache-control", "max-age=5")
    ]));
    assert!(!parse(&[("pragma", "no-cache"), ("cache-control", "")]));
    // A response's says nothing (section 5.4).
    let response = ResponseDirectives::parse(&headers([("pragma", "no-cache")]));
    assert_eq!(response, ResponseDirectives::default());
}

#[test]
fn bytes_beyond_ascii_are_garbage() {
    let parse = |line: &[u8]| ResponseDirectives::parse(&headers([("cache-control", line)]));
    assert_eq!(parse(b"\xff\xfe=\x80, max-age=5").max_age, seconds(5));
    assert_eq!(parse(b"max-age=5\xff").max_age, seconds(0));
    assert_eq!(parse(b"private=\"\xff\"").private, Extent::Response);
}

#[test]
fn many_quotes_are_read_once() {
    // Each could begin a string that never ends: to look for the end of each would take hours.
    let line = "\\\"".repeat(4_000_000);
    assert_eq!(response([line.as_str()]), ResponseDirectives::default());
}

proptest! {
    /// Nothing panics, and what is appended in a list of its own is always found.
    #[test]
    fn any_line_is_read(line in proptest::collection::vec(b'\t'..=255, 0..40)) {
        let valid = line.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 127));
        prop_assume!(valid);
        let headers = headers([("cache-control", line.as_slice()), ("cache-control", b"no-store".as_slice())]);
        prop_assert!(ResponseDirectives::parse(&headers).no_store);
        prop_assert!(RequestDirectives::parse(&headers).no_store);
    }

    /// A list is what its members are, each alone, whatever is quoted in it.
    #[test]
    fn members_are_independent(members in proptest::collection::vec(
        prop_oneof![
            Just("no-store"), Just("max-age=5"), Just("x=\"no-store\""), Just("x=\", no-store,\""),
            Just("x=\"\\\"no-store, \""), Just("public"), Just("no-cache=\"a, b\""), Just(""), Just("x y z"),
        ],
        0..6,
    )) {
        let joined = response([members.join(" , ").as_str()]);
        let apart = members.iter().map(|line| ("cache-control", *line));
        prop_assert_eq!(&joined, &ResponseDirectives::parse(&headers(apart)));
        prop_assert_eq!(joined.no_store, members.contains(&"no-store"));
    }
}

/// A caller that is trusted, and asks for nothing in particular, was made to wait for what could have been stale.
#[test]
fn what_is_stale_while_it_is_validated_is_refused_only_by_those_who_say_how_fresh() {
    for takes in ["", "foo", "only-if-cached", "max-stale=3", "no-transform"] {
        assert!(request([takes]).takes_what_is_revalidated(), "{takes}");
    }
    for refuses in [
        "no-cache",
        "no-store",
        "max-age=3",
        "max-age=0",
        "min-fresh=1",
    ] {
        assert!(!request([refuses]).takes_what_is_revalidated(), "{refuses}");
    }
}
