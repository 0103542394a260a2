//! How long a response is fresh: RFC 9111, sections 4.2.1 and 4.2.2.

use std::time::Duration;

use http::{
    HeaderMap, StatusCode,
    header::{EXPIRES, LAST_MODIFIED},
};

use super::{Answer, elapsed};
use crate::{
    response_cache::semantics::{date, rules::Rules, targeted::Governing},
    store::MAX_TTL,
    time::Timestamp,
};

/// What a lifetime is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum Basis {
    /// The response says it.
    Explicit,
    /// The handler says it, for this cache. The lifetime begins when the response is received.
    Handler,
    /// The policy says it. The lifetime begins when the response is received.
    Rules,
    /// Its age when it was generated.
    Heuristic,
    /// Nothing: the lifetime is zero.
    Nothing,
}

pub(super) fn of(
    answer: &Answer<'_>,
    date: Timestamp,
    governing: &Governing,
    rules: &Rules,
) -> (Duration, Basis) {
    if let Some(ttl) = rules.handler_ttl {
        return (ttl, Basis::Handler);
    }
    let overriding = rules.override_ttl.filter(|_| takes_default(answer.status));
    if let Some(ttl) = overriding {
        return (ttl, Basis::Rules);
    }
    let said = explicit(answer.headers, date, governing);
    let must_validate = governing.directives.no_cache.is_response();
    match said {
        Some(_) if must_validate => (Duration::ZERO, Basis::Explicit),
        Some(lifetime) => (lifetime, Basis::Explicit),
        None if must_validate => (Duration::ZERO, Basis::Nothing),
        None => assumed(answer, date, governing, rules),
    }
}

fn explicit(headers: &HeaderMap, date: Timestamp, governing: &Governing) -> Option<Duration> {
    let said = &governing.directives;
    let expires = || (!governing.is_targeted).then(|| expires(headers, date))?;
    said.s_maxage.or(said.max_age).or_else(expires)
}

/// Returns the lifetime that `Expires` tells. Zero, if it is no date, or if there are different ones.
fn expires(headers: &HeaderMap, date: Timestamp) -> Option<Duration> {
    let mut lines = headers.get_all(EXPIRES).iter();
    let first = lines.next()?;
    let is_single = lines.all(|line| line == first);
    let expires = date::parse(first, date).filter(|_| is_single);
    Some(expires.map_or(Duration::ZERO, |expires| elapsed(date, expires)))
}

/// Returns the lifetime of a response that says nothing.
fn assumed(
    answer: &Answer<'_>,
    date: Timestamp,
    governing: &Governing,
    rules: &Rules,
) -> (Duration, Basis) {
    let status = answer.status;
    let mut of_statuses = rules.status_ttls.iter();
    let of_status = of_statuses.find(|(listed, _)| *listed == status);
    // Who asks too often would be asked to wait for somebody else.
    let of_status = of_status.filter(|_| status != StatusCode::TOO_MANY_REQUESTS);
    let default = rules.default_ttl.filter(|_| takes_default(status));
    if let Some(ttl) = of_status.map(|(_, ttl)| *ttl).or(default) {
        return (ttl, Basis::Rules);
    }
    let is_public = governing.directives.public && status != StatusCode::TOO_MANY_REQUESTS;
    let limit = rules
        .heuristic
        .filter(|_| is_public || is_cacheable_by_default(status));
    let lifetime = limit.and_then(|limit| heuristic(answer, date, limit));
    lifetime.map_or((Duration::ZERO, Basis::Nothing), |lifetime| {
        (lifetime, Basis::Heuristic)
    })
}

/// Returns a tenth of the time for which the response had not changed when it was generated.
fn heuristic(answer: &Answer<'_>, date: Timestamp, limit: Duration) -> Option<Duration> {
    let last_modified = date::parse(answer.headers.get(LAST_MODIFIED)?, answer.received)?;
    Some((elapsed(last_modified, date) / 10).min(limit).min(MAX_TTL))
}

/// Returns whether a status is heuristically cacheable (RFC 9110, section 15.1).
pub(in crate::response_cache) const fn is_cacheable_by_default(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// Returns whether the lifetimes of a policy that are for no status in particular are for this one: not for errors of the
/// server, which would last longer than their cause.
fn takes_default(status: StatusCode) -> bool {
    is_cacheable_by_default(status) && !status.is_server_error()
}
