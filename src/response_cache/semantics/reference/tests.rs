use proptest::prelude::*;

use super::*;

fn resolved(base: &str, reference: &str) -> String {
    let base = base.parse().expect("a path");
    resolve(&base, &Reference::parse(reference).expect("a reference"))
}

#[test]
fn the_examples_of_the_standard_resolve_as_it_says() {
    // RFC 3986, sections 5.4.1 and 5.4.2, those of the same scheme and authority.
    for (reference, expected) in [
        ("g", "/b/c/g"),
        ("./g", "/b/c/g"),
        ("g/", "/b/c/g/"),
        ("/g", "/g"),
        ("?y", "/b/c/d;p?y"),
        ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q"),
        ("g#s", "/b/c/g"),
        ("g?y#s", "/b/c/g?y"),
        (";x", "/b/c/;x"),
        ("g;x", "/b/c/g;x"),
        ("g;x?y#s", "/b/c/g;x?y"),
        ("", "/b/c/d;p?q"),
        (".", "/b/c/"),
        ("./", "/b/c/"),
        ("..", "/b/"),
        ("../", "/b/"),
        ("../g", "/b/g"),
        ("../..", "/"),
        ("../../", "/"),
        ("../../g", "/g"),
        ("../../../g", "/g"),
        ("../../../../g", "/g"),
        ("/./g", "/g"),
        ("/../g", "/g"),
        ("g.", "/b/c/g."),
        (".g", "/b/c/.g"),
        ("g..", "/b/c/g.."),
        ("..g", "/b/c/..g"),
        ("./../g", "/b/g"),
        ("./g/.", "/b/c/g/"),
        ("g/./h", "/b/c/g/h"),
        ("g/../h", "/b/c/h"),
        ("g;x=1/./y", "/b/c/g;x=1/y"),
        ("g;x=1/../y", "/b/c/y"),
        ("g?y/./x", "/b/c/g?y/./x"),
        ("g?y/../x", "/b/c/g?y/../x"),
        ("g#s/../x", "/b/c/g"),
    ] {
        assert_eq!(resolved("/b/c/d;p?q", reference), expected, "{reference}");
    }
}

#[test]
fn other_references_resolve_as_well() {
    for (base, reference, expected) in [
        ("/", "g", "/g"),
        ("/", "", "/"),
        ("/?q", "?", "/?"),
        ("/a?q", "/b:c?d:e", "/b:c?d:e"),
        ("/a/b", "http://h", "/"),
        ("/a/b", "http://h?x", "/?x"),
        ("/a/b", "//h/c/../d", "/d"),
        ("/a/b", "//h", "/"),
        ("/a//b", "c", "/a//c"),
        ("/a/b", "/c//d", "/c//d"),
        ("/a/%2e%2e/b", "%2e%2e/c", "/a/%2e%2e/%2e%2e/c"),
        ("/a?x=1", "b?u=http://x/y", "/b?u=http://x/y"),
    ] {
        assert_eq!(resolved(base, reference), expected, "{reference} at {base}");
    }
}

#[test]
fn what_is_not_of_http_is_no_reference() {
    for text in [
        "mailto:a@b",
        "ftp://h/",
        "http:g",
        "http:/g",
        "https:",
        "g:h",
        ":",
        "1:2",
    ] {
        assert_eq!(Reference::parse(text), None, "{text}");
    }
}

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    let cases = [
        (None, "h", "/a", true),
        (None, "h", "http://h/a", true),
        (None, "h", "https://h/a", true),
        (None, "h", "HTTP://H/a", true),
        (None, "h", "//h/a", true),
        (None, "h:80", "http://h/a", true),
        (None, "h", "http://h:80", true),
        (None, "h:", "http://h", true),
        (None, "h:80", "https://h/a", false),
        (None, "h", "http://h:81/a", false),
        (None, "h:8000", "http://h:8000/a", true),
        (None, "h:8000", "http://h:08000/a", true),
        (None, "h:8000", "http://h/a", false),
        (None, "h", "http://other/a", false),
        (None, "h", "http://h.other/a", false),
        (None, "h", "http://h@other/a", false),
        (None, "h", "http://user:pw@h/a", true),
        (None, "h", "http:///a", false),
        (None, "", "http:///a", false),
        (None, "h", "http://h:x/a", false),
        (None, "h", "http://h:99999/a", false),
        (None, "[::1]", "http://[::1]/a", true),
        (None, "[::1]:80", "http://[::1]/a", true),
        (None, "[::1]", "http://[::1]:81/a", false),
        (None, "[::1]", "http://[::2]/a", false),
        (Some("https"), "h", "http://h/a", false),
        (Some("https"), "h", "https://h:443/a", true),
        (Some("https"), "h:443", "//h/a", true),
        (Some("http"), "h", "//h:443/a", false),
    ];
    for (scheme, authority, reference, expected) in cases {
        let origin = Origin { scheme, authority };
        let is = Reference::parse(reference).is_some_and(|it| it.is_at(Some(origin)));
        assert_eq!(is, expected, "{reference} at {origin:?}");
    }
    let is_here = |text| Reference::parse(text).is_some_and(|it| it.is_at(None));
    assert!(is_here("a/b") && !is_here("http://h/a"));
}

proptest! {
    #[test]
    fn what_is_resolved_is_an_absolute_path_without_dot_segments(
        base in "/[a./]{0,12}",
        text in "[ab./?#:@\\[\\]é]{0,12}",
    ) {
        let base: PathAndQuery = base.parse().expect("a path");
        let Some(reference) = Reference::parse(&text) else { return Ok(()) };
        let resolved = resolve(&base, &reference);
        prop_assert!(resolved.starts_with('/'));
        let path = resolved.split('?').next().unwrap_or_default();
        let has_dots = path.split('/').any(|segment| matches!(segment, "." | ".."));
        // The base itself is as the request has it.
        prop_assert!(!has_dots || path == base.path());
        let _ = reference.is_at(Some(Origin { scheme: None, authority: &text }));
    }
}
