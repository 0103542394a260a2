use std::{panic, time::Duration};

use http::HeaderValue;

use super::*;

const HOST: SessionCookie = SessionCookie::host("id");

/// The attributes that must be the same for a browser to take a removal for one.
fn attributes(line: &HeaderValue) -> Vec<&str> {
    let line = line.to_str().expect("ASCII");
    let attributes = line.split("; ").skip(1);
    let mut attributes: Vec<_> = attributes
        .filter(|text| !text.starts_with("Max-Age=") && !text.starts_with("Expires="))
        .collect();
    attributes.sort_unstable();
    attributes
}

fn set(cookie: SessionCookie) -> HeaderValue {
    cookie.prepare().set("token", None)
}

fn name(cookie: SessionCookie) -> String {
    cookie.prepare().name().into()
}

fn all() -> [SessionCookie; 8] {
    [
        HOST,
        SessionCookie::host_http("id"),
        SessionCookie::secure("id"),
        SessionCookie::secure("id").domain("a.example").path("/b"),
        SessionCookie::insecure_for_development("id"),
        HOST.same_site(SameSite::Strict),
        HOST.same_site(SameSite::None).partitioned(),
        SessionCookie::secure("id")
            .domain("a.example")
            .partitioned(),
    ]
}

#[test]
fn the_default_is_bound_to_the_host_and_out_of_reach_of_scripts() {
    let line = "__Host-id=token; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(set(HOST), line);
    let line = "__Host-Http-id=token; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(set(SessionCookie::host_http("id")), line);
}

#[test]
fn a_secure_cookie_may_be_shared_by_the_hosts_of_a_domain() {
    let cookie = SessionCookie::secure("id");
    let line = "__Secure-id=token; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(set(cookie), line);
    let line = "__Secure-id=token; HttpOnly; SameSite=Lax; Secure; Path=/b; Domain=a.example";
    assert_eq!(set(cookie.domain("a.example").path("/b")), line);
}

#[test]
fn a_cookie_for_development_is_the_only_one_without_secure() {
    let cookie = SessionCookie::insecure_for_development("id");
    assert_eq!(set(cookie), "id=token; HttpOnly; SameSite=Lax; Path=/");
    assert!(!cookie.is_secure());
    for cookie in all() {
        let line = set(cookie);
        assert_eq!(attributes(&line).contains(&"Secure"), cookie.is_secure());
        assert!(attributes(&line).contains(&"HttpOnly"));
    }
}

#[test]
fn same_site_is_always_said() {
    for (same_site, text) in [
        (SameSite::Strict, "SameSite=Strict"),
        (SameSite::default(), "SameSite=Lax"),
        (SameSite::None, "SameSite=None"),
    ] {
        let line = set(HOST.same_site(same_site));
        assert!(attributes(&line).contains(&text), "{line:?}");
    }
    for cookie in all() {
        let line = set(cookie);
        let said = attributes(&line);
        let said = said.iter().filter(|text| text.starts_with("SameSite="));
        assert_eq!(said.count(), 1, "{cookie:?}");
    }
}

#[test]
fn a_removal_repeats_the_attributes_and_lies_in_the_past() {
    for cookie in all() {
        let removal = cookie.prepare().removal();
        assert_eq!(attributes(&removal), attributes(&set(cookie)), "{cookie:?}");
        let line = removal.to_str().expect("ASCII");
        assert!(line.starts_with(&(name(cookie) + "=; ")), "{line}");
        let end = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert!(line.ends_with(end), "{line}");
        assert!(!removal.is_sensitive());
    }
    let partitioned = HOST.partitioned().prepare().removal();
    assert!(attributes(&partitioned).contains(&"Partitioned"));
}

#[test]
fn max_age_is_whole_seconds_of_at_most_400_days_and_none_unless_given() {
    let cookie = HOST.prepare();
    for (age, seconds) in [
        (Duration::ZERO, 0),
        (Duration::from_millis(1999), 1),
        (Duration::from_secs(3600), 3600),
        (Duration::from_secs(34_560_000), 34_560_000),
        (Duration::from_secs(34_560_001), 34_560_000),
        (Duration::MAX, 34_560_000),
    ] {
        let line = cookie.set("token", Some(age));
        let end = format!("; Path=/; Max-Age={seconds}");
        assert!(line.to_str().expect("ASCII").ends_with(&end), "{line:?}");
    }
    for cookie in all() {
        let line = set(cookie);
        assert!(!line.to_str().expect("ASCII").contains("Max-Age"));
    }
}

#[test]
fn a_token_is_sensitive() {
    assert!(set(HOST).is_sensitive());
    assert!(!format!("{:?}", set(HOST)).contains("token"));
}

#[test]
fn the_longest_name_and_value_fit_in_4096_bytes() {
    let longest: &'static str = "n".repeat(256).leak();
    let cookie = SessionCookie::host_http(longest);
    assert_eq!(name(cookie).len(), "__Host-Http-".len() + 256);
    assert!(name(cookie).len() + super::super::token::Token::TEXT <= 4096);
    let path: &'static str = format!("/{}", "p".repeat(1023)).leak();
    let cookie = SessionCookie::secure("id").path(path);
    assert!(set(cookie).len() < 4096);
}

/// What panics does not compile in a `const`.
fn refused(what: &str, make: impl Fn() -> SessionCookie + panic::UnwindSafe) {
    assert!(panic::catch_unwind(make).is_err(), "{what}");
}

#[test]
fn contradictions_are_refused() {
    let insecure = SessionCookie::insecure_for_development("id");
    for host in [HOST, SessionCookie::host_http("id")] {
        refused("a domain", move || host.domain("a.example"));
        refused("a path", move || host.path("/a"));
        refused("even the same", move || host.path("/"));
    }
    refused("None", move || insecure.same_site(SameSite::None));
    refused("a part", move || insecure.partitioned());
    assert_eq!(
        insecure.same_site(SameSite::Strict).same_site,
        SameSite::Strict
    );
}

#[test]
fn what_is_no_name_domain_or_path_is_refused() {
    let secure = SessionCookie::secure("id");
    for name in [
        "",
        " ",
        "a b",
        "a=b",
        "a;b",
        "a,b",
        "a\"",
        "é",
        "a\0",
        "(a)",
        "__Host-id",
        "__HOST-id",
        "__secure-id",
        "__Http-id",
        "__host-http-id",
    ] {
        refused(name, move || SessionCookie::host(name));
        refused(name, move || SessionCookie::secure(name));
        refused(name, move || SessionCookie::insecure_for_development(name));
    }
    refused("as host_http", || SessionCookie::host("Http-id"));
    let long: &'static str = "n".repeat(257).leak();
    refused("long", move || SessionCookie::host(long));
    for domain in [
        "",
        ".a.example",
        "a.example;",
        "a b",
        "é.example",
        "a.example:80",
    ] {
        refused(domain, move || secure.domain(domain));
    }
    let long: &'static str = "a".repeat(254).leak();
    refused("long", move || secure.domain(long));
    for path in ["", "a", "/a;b", "/a b", "/é", "/a\n"] {
        refused(path, move || secure.path(path));
    }
    let long: &'static str = "/".repeat(1025).leak();
    refused("long", move || secure.path(long));
}

#[test]
fn every_letter_of_a_token_may_be_in_a_name() {
    let name = "!#$%&'*+-.^_`|~09azAZ";
    assert!(set(SessionCookie::host(name)).len() > name.len());
}
