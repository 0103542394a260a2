use super::*;

const SITE: &str = "sec-fetch-site";

fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &'static str)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )
    };
    fields.iter().map(field).collect()
}

fn is_refused_for(uri: &'static str, fields: &[(&'static str, &'static str)]) -> bool {
    let trusted = ["https://app.example.org", "capacitor://localhost"].map(Box::from);
    is_cross_origin(
        &Method::POST,
        &Uri::from_static(uri),
        &headers(fields),
        &trusted,
    )
}

fn is_refused(fields: &[(&'static str, &'static str)]) -> bool {
    let fields = [fields, &[("host", "example.com")]].concat();
    is_refused_for("/", &fields)
}

#[test]
fn safe_methods_pass_and_all_others_do_not() {
    let fields = headers(&[(SITE, "cross-site"), ("origin", "https://evil.test")]);
    for (method, expected) in [
        ("GET", false),
        ("HEAD", false),
        ("OPTIONS", false),
        ("TRACE", false),
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("DELETE", true),
        ("CONNECT", true),
        ("PURGE", true),
        ("get", true),
    ] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let refused = is_cross_origin(&method, &Uri::from_static("/"), &fields, &[]);
        assert_eq!(refused, expected, "{method}");
    }
}

#[test]
fn a_websocket_of_another_origin_does_not_open() {
    let is_refused = |fields: &[_]| {
        let fields = [fields, &[("upgrade", "websocket"), ("host", "example.com")]].concat();
        is_cross_origin(&Method::GET, &Uri::from_static("/"), &headers(&fields), &[])
    };
    assert!(is_refused(&[("origin", "https://evil.test")]));
    assert!(is_refused(&[(SITE, "cross-site")]));
    assert!(!is_refused(&[("origin", "https://example.com")]));
    assert!(!is_refused(&[]), "no browser");
}

#[test]
fn what_the_browser_says_of_the_site_decides() {
    for (site, expected) in [
        ("same-origin", false),
        ("none", false),
        ("same-site", true),
        ("cross-site", true),
        ("Same-Origin", true),
        ("same-origin, cross-site", true),
        ("", true),
        ("anything", true),
    ] {
        assert_eq!(is_refused(&[(SITE, site)]), expected, "{site}");
        let fields = [(SITE, site), ("origin", "https://evil.test")];
        assert_eq!(is_refused(&fields), expected, "{site}, whatever the origin");
        let fields = [(SITE, site), ("origin", "https://example.com")];
        assert_eq!(is_refused(&fields), expected, "{site}, whatever the origin");
    }
    assert!(!is_refused(&[(SITE, "none"), (SITE, "same-origin")]));
    assert!(is_refused(&[(SITE, "same-origin"), (SITE, "cross-site")]));
    // A page without a referrer sends its own form with this.
    assert!(!is_refused(&[(SITE, "same-origin"), ("origin", "null")]));
}

#[test]
fn without_it_the_origin_is_compared_with_the_host() {
    for (origin, expected) in [
        ("https://example.com", false),
        ("http://example.com", false),
        ("HTTPS://Example.COM", false),
        ("https://example.com:443", false),
        ("https://example.com:8443", true),
        ("https://example.com:80", true),
        ("http://example.com:443", true),
        ("https://www.example.com", true),
        ("https://example.com.evil.test", true),
        ("https://evil.test", true),
        ("https://evil@example.com", true),
        ("https://example.com/", true),
        ("https://evil.test/example.com", true),
        ("https://example.com?", true),
        ("https://example.com#", true),
        ("chrome-extension://example.com", true),
        ("example.com", true),
        ("//example.com", true),
        ("https://", true),
        ("://", true),
        ("null", true),
        ("", true),
        ("https://example.com https://evil.test", true),
    ] {
        assert_eq!(is_refused(&[("origin", origin)]), expected, "{origin}");
    }
}

#[test]
fn neither_field_is_no_browser() {
    assert!(!is_refused(&[]));
    assert!(!is_refused_for("/", &[]));
}

#[test]
fn several_origins_are_none_of_ours() {
    let own = ("origin", "https://example.com");
    assert!(is_refused(&[own, own]));
    assert!(is_refused(&[own, ("origin", "https://evil.test")]));
    let trusted = ("origin", "https://app.example.org");
    assert!(is_refused(&[trusted, ("origin", "https://evil.test")]));
}

#[test]
fn the_authority_of_the_target_comes_before_the_host() {
    let own = ("origin", "https://example.com");
    let evil = ("origin", "https://evil.test");
    let uri = "https://example.com/login";
    assert!(!is_refused_for(uri, &[own]));
    assert!(!is_refused_for(uri, &[own, ("host", "other.test")]));
    assert!(is_refused_for(uri, &[evil, ("host", "evil.test")]));
    assert!(!is_refused_for("https://example.com:443/", &[own]));
    assert!(is_refused_for("https://user@example.com/", &[own]));
}

#[test]
fn a_request_without_a_host_or_with_two_has_no_origin_of_its_own() {
    let own = ("origin", "https://example.com");
    let host = ("host", "example.com");
    assert!(is_refused_for("/", &[own]));
    assert!(is_refused_for("/", &[own, host, host]));
    assert!(is_refused_for("/", &[own, ("host", "")]));
    assert!(is_refused_for("/", &[("origin", "https://"), ("host", "")]));
    assert!(!is_refused_for("/", &[own, ("host", "EXAMPLE.com:443")]));
    assert!(!is_refused_for(
        "/",
        &[("origin", "http://[::1]:3000"), ("host", "[::1]:3000")]
    ));
}

#[test]
fn hostile_bytes_are_another_origin() {
    let mut fields = headers(&[("host", "example.com")]);
    let bytes = HeaderValue::from_bytes(b"https://\xff").expect("a header value");
    fields.insert(ORIGIN, bytes.clone());
    let is_refused =
        |fields: &HeaderMap| is_cross_origin(&Method::POST, &Uri::from_static("/"), fields, &[]);
    assert!(is_refused(&fields));
    fields.insert(HeaderName::from_static(SITE), bytes);
    assert!(is_refused(&fields));
}

#[test]
fn trusted_origins_pass_and_nothing_near_them() {
    for (origin, expected) in [
        ("https://app.example.org", false),
        ("HTTPS://APP.example.org", false),
        ("capacitor://localhost", false),
        ("http://app.example.org", true),
        ("https://app.example.org:8443", true),
        ("https://app.example.org.evil.test", true),
        ("https://x.app.example.org", true),
        ("https://app.example.org/", true),
        ("https://app.example", true),
    ] {
        assert_eq!(is_refused(&[("origin", origin)]), expected, "{origin}");
        let fields = [(SITE, "cross-site"), ("origin", origin)];
        assert_eq!(is_refused(&fields), expected, "{origin} across sites");
    }
}

#[test]
fn origins_to_trust_are_read_as_browsers_spell_them() {
    for (text, expected) in [
        ("https://app.example.com", "https://app.example.com"),
        ("HTTPS://App.Example.com:443", "https://app.example.com"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[::1]", "https://[::1]"),
        (
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example",
        ),
        ("capacitor://localhost", "capacitor://localhost"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ] {
        assert_eq!(origin(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn what_is_no_origin_is_not_trusted() {
    for text in [
        "",
        "null",
        "*",
        "app.example.com",
        "//app.example.com",
        "://app.example.com",
        "https://",
        "https://*",
        "https://*.example.com",
        "https://app.example.com/",
        "https://app.example.com/path",
        "https://app.example.com?q",
        "https://app.example.com#f",
        "https://user@app.example.com",
        "https://app.example.com:",
        "https://app.example.com:0443",
        "https://app.example.com:+1",
        "https://app.example.com:65536",
        "https://:443",
        "https://a:b:443",
        "https://[::1",
        "https://[x]",
        "https://[]",
        "https://::1",
        "https://bücher.example",
        "https://a b",
        " https://app.example.com",
        "https://app.example.com, https://b.example.com",
        "1https://app.example.com",
        "https:app.example.com",
    ] {
        assert_eq!(origin(text), None, "{text}");
    }
}
