use http::header::EXPIRES;

use super::*;
use crate::session::{SessionCookie, token::Token};

const NAME: HeaderName = HeaderName::from_static("x-session");

fn token() -> String {
    Token::generate()
        .expect("random numbers")
        .text()
        .to_string()
}

fn cookie() -> Transport {
    Transport::cookie(SessionCookie::host("id"))
}

fn values(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).into_iter();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    values.map(text).collect()
}

fn with(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
    let fields = fields.iter().cloned();
    fields
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect()
}

#[test]
fn a_cookie_is_set_beside_those_of_others() {
    let token = token();
    let mut headers = with(&[(SET_COOKIE, "a=1"), (SET_COOKIE, "__Host-id=handler")]);
    tell(&mut headers, &cookie(), &Tell::Token(&token, None));
    let ours = format!("__Host-id={token}; HttpOnly; SameSite=Lax; Secure; Path=/");
    let expected = ["a=1", "__Host-id=handler", &ours];
    assert_eq!(values(&headers, &SET_COOKIE), expected);
    let day = Duration::from_secs(86_400);
    tell(&mut headers, &cookie(), &Tell::Token(&token, Some(day)));
    let last = values(&headers, &SET_COOKIE).pop();
    assert_eq!(last, Some(ours + "; Max-Age=86400"));
    tell(&mut headers, &cookie(), &Tell::Removal);
    let last = values(&headers, &SET_COOKIE).pop();
    assert!(
        last.is_some_and(|line| line.starts_with("__Host-id=; ") && line.contains("Max-Age=0"))
    );
}

#[test]
fn headers_tell_a_token_or_nothing() {
    let token = token();
    for (transport, name) in [
        (
            Transport::bearer(),
            HeaderName::from_static("session-token"),
        ),
        (Transport::header("X-Session"), NAME),
    ] {
        let mut headers = HeaderMap::new();
        tell(&mut headers, &transport, &Tell::Token(&token, None));
        assert_eq!(values(&headers, &name), [&*token]);
        tell(&mut headers, &transport, &Tell::Removal);
        assert_eq!(values(&headers, &name), [""]);
        assert!(!headers.contains_key(SET_COOKIE));
    }
}

#[test]
fn tokens_are_sensitive() {
    let token = token();
    for transport in [
        cookie(),
        Transport::bearer(),
        Transport::header("x-session"),
    ] {
        let mut headers = HeaderMap::new();
        tell(&mut headers, &transport, &Tell::Token(&token, None));
        assert!(!format!("{headers:?}").contains(&token), "{transport:?}");
    }
}

#[test]
fn no_cache_keeps_a_response_with_a_token_or_a_removal() {
    let token = token();
    for transport in [
        cookie(),
        Transport::bearer(),
        Transport::header("x-session"),
    ] {
        for what in [Tell::Token(&token, None), Tell::Removal] {
            let mut headers = with(&[
                (CACHE_CONTROL, "public, max-age=60"),
                (CACHE_CONTROL, "s-maxage=60"),
                (HeaderName::from_static("cdn-cache-control"), "max-age=60"),
                (HeaderName::from_static("a-cache-control"), "max-age=60"),
                (HeaderName::from_static("a-cache-control"), "public"),
                (HeaderName::from_static("surrogate-control"), "max-age=60"),
                (HeaderName::from_static("x-accel-expires"), "60"),
                (EXPIRES, "0"),
            ]);
            tell(&mut headers, &transport, &what);
            assert_eq!(values(&headers, &CACHE_CONTROL), ["no-store"]);
            // What is left: this one, that of others, and ours.
            assert_eq!(headers.len(), 3, "{headers:?}");
            assert!(headers.contains_key(EXPIRES));
        }
    }
}

#[test]
fn vary_names_every_transport_once() {
    let transports = [
        cookie(),
        Transport::bearer(),
        Transport::header("X-Session"),
    ];
    let mut headers = with(&[(VARY, "accept")]);
    for _ in 0..2 {
        vary(&mut headers, &transports);
        let expected = ["accept", "Cookie", "Authorization", "x-session"];
        assert_eq!(values(&headers, &VARY), expected);
    }
}

#[test]
fn vary_leaves_alone_what_names_them_already() {
    for present in [
        &["*"][..],
        &["accept", "origin , *"],
        &["COOKIE"],
        &["accept, cookie"],
        &["accept", ",,origin,\tcOOkie ,a"],
    ] {
        let fields: Vec<_> = present.iter().map(|line| (VARY, *line)).collect();
        let mut headers = with(&fields);
        vary(&mut headers, &[cookie()]);
        assert_eq!(values(&headers, &VARY), present);
    }
    let mut headers = with(&[(VARY, "cookies, x-cookie, cook ie")]);
    headers.append(
        VARY,
        HeaderValue::from_bytes(b"\xff").expect("a header value"),
    );
    vary(&mut headers, &[cookie(), cookie()]);
    assert_eq!(values(&headers, &VARY)[2..], ["Cookie"]);
}

#[test]
fn what_the_browser_has_of_the_site_is_cleared_on_demand() {
    let name = HeaderName::from_static("clear-site-data");
    let all = r#""cache", "cookies", "storage""#;
    let mut headers = HeaderMap::new();
    clear_site_data(&mut headers);
    assert_eq!(values(&headers, &name), [all]);
    let mut headers = with(&[(name.clone(), r#""executionContexts""#)]);
    clear_site_data(&mut headers);
    assert_eq!(values(&headers, &name), [r#""executionContexts""#, all]);
}

/// The map panics where it is full.
#[test]
fn a_full_map_takes_nothing_and_does_not_panic() {
    let mut headers = HeaderMap::new();
    let mut at = 0;
    let value = HeaderValue::from_static("x");
    while let Ok(name) = HeaderName::try_from(format!("x-{at}"))
        && headers.try_insert(name, value.clone()).is_ok()
    {
        at += 1;
    }
    tell(&mut headers, &cookie(), &Tell::Token(&token(), None));
    vary(&mut headers, &[Transport::bearer()]);
    clear_site_data(&mut headers);
    assert_eq!(headers.len(), at);
    assert!(!headers.contains_key(SET_COOKIE));
}
