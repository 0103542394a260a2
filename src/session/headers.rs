//! The fields of responses that have to do with a session.
//!
//! `Set-Cookie` does not keep caches from storing a response (RFC 9111, section 7.3), so `no-store` goes with every token.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CACHE_CONTROL, COOKIE, SET_COOKIE, VARY},
};

use super::transport::{Kind, Transport};

/// What a response tells its client.
pub(super) enum Tell<'a> {
    /// A new token, for the `Max-Age` of its cookie.
    Token(&'a str, Option<Duration>),
    /// That there is none any more.
    Removal,
}

/// Sets the fields of a transport, and that no cache keeps the response.
///
/// A map that is full takes none of them, rather than a token without `no-store`.
pub(super) fn tell(headers: &mut HeaderMap, transport: &Transport, tell: &Tell<'_>) {
    if !no_store(headers) {
        return;
    }
    let _ = match transport.kind() {
        Kind::Cookie(cookie) => {
            let line = match tell {
                Tell::Token(token, max_age) => cookie.set(token, *max_age),
                Tell::Removal => cookie.removal(),
            };
            headers.try_append(SET_COOKIE, line).map(drop)
        }
        Kind::Bearer => headers.try_insert(Transport::TOLD, value(tell)).map(drop),
        Kind::Header(name) => headers.try_insert(name, value(tell)).map(drop),
    };
}

/// Says that the response depends on what carries tokens in requests.
pub(super) fn vary(headers: &mut HeaderMap, transports: &[Transport]) {
    for transport in transports {
        let (name, value) = match transport.kind() {
            Kind::Cookie(_) => (&COOKIE, HeaderValue::from_static("Cookie")),
            Kind::Bearer => (&AUTHORIZATION, HeaderValue::from_static("Authorization")),
            Kind::Header(name) => (name, HeaderValue::from(name.clone())),
        };
        if !varies_by(headers, name) {
            let _ = headers.try_append(VARY, value);
        }
    }
}

/// Makes the browser forget what it has of the site: for the end of a session.
pub(super) fn clear_site_data(headers: &mut HeaderMap) {
    const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
    // A list: what the handler clears is cleared as well.
    let all = HeaderValue::from_static(r#""cache", "cookies", "storage""#);
    let _ = headers.try_append(CLEAR_SITE_DATA, all);
}

/// Returns whether there was room for it.
fn no_store(headers: &mut HeaderMap) -> bool {
    // These would overrule it (RFC 9213).
    let targeted: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_targeted(name.as_str()))
        .cloned()
        .collect();
    for name in targeted {
        headers.remove(name);
    }
    headers
        .try_insert(CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .is_ok()
}

fn is_targeted(name: &str) -> bool {
    name.ends_with("-cache-control") || matches!(name, "surrogate-control" | "x-accel-expires")
}

fn value(tell: &Tell<'_>) -> HeaderValue {
    let Tell::Token(token, _) = tell else {
        return HeaderValue::from_static("");
    };
    let mut value = HeaderValue::from_str(token).expect("the text of a token is ASCII");
    value.set_sensitive(true);
    value
}

fn varies_by(headers: &HeaderMap, name: &HeaderName) -> bool {
    let lines = headers.get_all(VARY).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|member| member == b"*" || member.eq_ignore_ascii_case(name.as_str().as_bytes()))
}

#[cfg(test)]
mod tests;
