//! Which fields are stored, and which of them a newer answer replaces: RFC 9111, sections 3.1 and 3.2.

use http::{
    HeaderMap, HeaderName,
    header::{CONNECTION, SET_COOKIE},
};
use smallvec::SmallVec;

use super::rules::{Rules, SetCookie};

/// What is not stored of one response, apart from what never is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::response_cache) struct Strips<'a> {
    /// The fields that `private` or `no-cache` name in this response (sections 5.2.2.4 and 5.2.2.7).
    pub(in crate::response_cache) named: &'a [HeaderName],
    /// `Set-Cookie` is kept by [`SetCookie::Store`] only.
    pub(in crate::response_cache) set_cookie: SetCookie,
}

impl<'a> Strips<'a> {
    pub(in crate::response_cache) const fn of(rules: &Rules, named: &'a [HeaderName]) -> Self {
        Self {
            named,
            set_cookie: rules.set_cookie,
        }
    }
}

/// Returns the fields of a response that are stored, with all their lines, in their order and byte by byte.
///
/// What is of one connection, proxy or moment is not: `Connection` and what it lists, hop-by-hop fields, `Proxy-*`
/// credentials, `Age` (it is part of the freshness), `Cache-Status`, the state of rate limits, and the tags that are for
/// caches alone. `Retry-After` is: like `Expires` it belongs to the answer, whose `Date` stays.
pub(in crate::response_cache) fn to_store(headers: &HeaderMap, strips: &Strips<'_>) -> HeaderMap {
    let listed = listed(headers);
    let mut stored = HeaderMap::new();
    for (name, value) in headers {
        if is_kept(name, &listed, strips) {
            // It cannot be full before the map that it is taken from.
            let _ = stored.try_append(name.clone(), value.clone());
        }
    }
    stored
}

/// Updates stored fields by those of an answer to a validation, a 304 or the 200 to a `HEAD`: all lines of its fields
/// take the place of all those stored, and new ones are added.
///
/// Those that tell of the stored body stay (section 3.2): the answer has none, and what servers add to an empty body, such
/// as a default `Content-Type`, is not true of it.
pub(in crate::response_cache) fn freshen(
    stored: &mut HeaderMap,
    answer: &HeaderMap,
    strips: &Strips<'_>,
) {
    let listed = listed(answer);
    for name in answer.keys() {
        if is_of_the_body(name) || !is_kept(name, &listed, strips) {
            continue;
        }
        stored.remove(name);
        for value in answer.get_all(name) {
            // A map that is full keeps what it has.
            let _ = stored.try_append(name.clone(), value.clone());
        }
    }
}

/// Returns whether a field is of one connection only (RFC 9110, section 7.6.1), even if `Connection` does not list it.
///
/// `Trailer` is one here: responses that have trailers are not stored.
pub(in crate::response_cache) fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Returns the members of a list in all lines of a field, trimmed, without empty ones (RFC 9110, section 5.6.1).
///
/// Only for fields without quoted strings.
pub(super) fn members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

type Listed<'a> = SmallVec<[&'a [u8]; 4]>;

fn listed(headers: &HeaderMap) -> Listed<'_> {
    members(headers, &CONNECTION).collect()
}

fn is_kept(name: &HeaderName, listed: &Listed<'_>, strips: &Strips<'_>) -> bool {
    let is_listed = |member: &&[u8]| member.eq_ignore_ascii_case(name.as_str().as_bytes());
    !is_hop_by_hop(name)
        && !is_never_stored(name.as_str())
        && !is_cookie(name, strips.set_cookie)
        && !strips.named.contains(name)
        && !listed.iter().any(is_listed)
}

fn is_never_stored(name: &str) -> bool {
    matches!(
        name,
        "age"
            | "cache-status"
            | "cache-tag"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "ratelimit"
            | "surrogate-key"
    ) || name.starts_with("ratelimit-")
        || name.starts_with("x-ratelimit-")
}

fn is_cookie(name: &HeaderName, set_cookie: SetCookie) -> bool {
    match set_cookie {
        SetCookie::Refuse => *name == SET_COOKIE,
        // Nobody has read the second one for twenty years. Without cookies is without.
        SetCookie::Strip => *name == SET_COOKIE || name.as_str() == "set-cookie2",
        SetCookie::Store => false,
    }
}

fn is_of_the_body(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "content-digest"
            | "content-encoding"
            | "content-length"
            | "content-md5"
            | "content-range"
            | "content-type"
    )
}

#[cfg(test)]
mod tests;
