//! Requests that another origin makes a browser send.
//!
//! Browsers say where a request comes from: in [`Sec-Fetch-Site`](https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header)
//! to hosts with TLS and to localhost, in `Origin` ([RFC 6454 section 7](https://www.rfc-editor.org/rfc/rfc6454#section-7))
//! everywhere else and before 2023. No page can forge either. What says neither is no browser's request, or not one that
//! another origin has made: no login is stolen by it.

use std::net::Ipv6Addr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Uri,
    header::{HOST, ORIGIN, UPGRADE},
};

/// Returns whether a request comes from another origin than its own and the trusted ones, and may change something: its
/// method is unsafe, or it opens a WebSocket, which is a `GET` that no same-origin policy keeps from being answered.
///
/// A sibling of the host (`same-site`) is another origin. Where a browser says nothing but `Origin`, its host and port are
/// those of the request's target; the scheme is not compared, since who ends TLS in front of us changes it.
#[inline]
pub(super) fn is_cross_origin(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    trusted: &[Box<str>],
) -> bool {
    let may_change = !method.is_safe() || headers.contains_key(UPGRADE);
    may_change && !is_own(uri, headers) && !is_trusted(headers, trusted)
}

/// Reads an origin that is to be trusted, as browsers spell it: scheme, host, and a port that is not that of the scheme.
/// `None`: there is more, or less, or something that no browser sends, such as a letter that is not ASCII.
pub(super) fn origin(text: &str) -> Option<Box<str>> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    let authority = without_default_port(scheme, authority);
    let is_origin = is_scheme(scheme) && is_authority(authority);
    is_origin.then(|| format!("{scheme}://{authority}").into())
}

fn is_own(uri: &Uri, headers: &HeaderMap) -> bool {
    const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

    let mut sites = headers.get_all(SITE).iter().peekable();
    if sites.peek().is_some() {
        return sites.all(|site| site == "same-origin" || site == "none");
    }
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    only(headers, ORIGIN)
        .and_then(|origin| origin.to_str().ok())
        .zip(target(uri, headers))
        .is_some_and(|(origin, target)| is_origin_of(origin, target))
}

/// Returns the host and the port that the request is for: what the target says, else `Host`
/// ([RFC 9112 section 3.3](https://www.rfc-editor.org/rfc/rfc9112#section-3.3)).
fn target<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => only(headers, HOST)?.to_str().ok(),
    }
}

fn is_origin_of(origin: &str, target: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false; // `null`, too: a sandboxed frame, or a redirect across origins.
    };
    // Pages of an app or an extension have schemes of their own, where a host is anything.
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    let host = without_default_port(scheme, authority);
    let same = host.eq_ignore_ascii_case(without_default_port(scheme, target));
    // An origin has a host, and no user, path or query (RFC 6454 section 6.2): who sends another one sends no origin.
    is_web && same && !host.is_empty() && !host.contains(['@', '/', '?', '#'])
}

fn is_trusted(headers: &HeaderMap, trusted: &[Box<str>]) -> bool {
    only(headers, ORIGIN).is_some_and(|origin| {
        trusted
            .iter()
            .any(|trusted| origin.as_bytes().eq_ignore_ascii_case(trusted.as_bytes()))
    })
}

/// Returns the value of a field that comes once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else if scheme.eq_ignore_ascii_case("http") {
        ":80"
    } else {
        return authority;
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

fn is_scheme(text: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(rest)
}

fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    port.is_none_or(is_port) && is_host(host)
}

fn is_port(text: &str) -> bool {
    // One spelling: browsers send no zeros in front, and no plus sign.
    text.parse::<u16>()
        .is_ok_and(|port| port.to_string() == text)
}

fn is_host(text: &str) -> bool {
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        }
    }
}

#[cfg(test)]
mod tests;
