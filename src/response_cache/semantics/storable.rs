//! Whether a response may be stored: RFC 9111, section 3, and what a cache that serves many users has to add to it.

#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{AUTHORIZATION, COOKIE, ETAG, LAST_MODIFIED, SET_COOKIE, VARY},
};

use super::{
    directives::ResponseDirectives,
    freshness::{Answer, Basis, Freshness, is_cacheable_by_default},
    rules::{Rules, SetCookie},
    targeted::Governing,
};
use crate::{tchar::is_tchar, time::Timestamp};

/// What matters of a request.
#[derive(Clone, Copy, Debug)]
pub(in crate::response_cache) struct Asked<'a> {
    pub(in crate::response_cache) method: &'a Method,
    /// Whether it has `Authorization`, or what the policy treats alike.
    pub(in crate::response_cache) has_authorization: bool,
    /// Whether it has cookies or other credentials.
    pub(in crate::response_cache) has_credentials: bool,
    /// Whether nobody but its user gets what is stored.
    pub(in crate::response_cache) is_keyed_by_user: bool,
    pub(in crate::response_cache) is_range: bool,
}

/// How a response may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::response_cache) struct Judged {
    pub(in crate::response_cache) freshness: Freshness,
    /// Whether the response itself allows its use for everybody: it says how long, or that it is `public`.
    pub(in crate::response_cache) is_explicit: bool,
    /// Whether requests with `Authorization` may have it (section 3.5).
    pub(in crate::response_cache) is_for_authorized: bool,
    /// Fields that are not stored with it.
    pub(in crate::response_cache) without: Vec<HeaderName>,
}

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The request was no `GET`.
    Method,
    /// The request was for a range.
    Range,
    /// The status is not final, is 206 or 304, or is 429 without `public` and a lifetime.
    Status,
    /// `must-understand` comes with a status that is unknown here (RFC 9111, section 5.2.2.3).
    MustUnderstand,
    /// `no-store`.
    NoStore,
    /// `private`, for the whole response.
    Private,
    /// The request had `Authorization`, and the response does not allow that with `public`, `must-revalidate` or `s-maxage`
    /// (RFC 9111, section 3.5).
    Authorization,
    /// The request had cookies or other credentials, and the response neither says how long it may be used nor that it is
    /// `public`.
    Credentials,
    /// The response has `Set-Cookie` (see [`SetCookie`]).
    SetCookie,
    /// `Vary` is `*`, is no list of fields, or names `Cookie` or `Authorization`.
    Vary,
    /// It never would be of use: it is not fresh, and cannot be validated.
    NotFresh,
    /// The request said `no-store`, and is trusted.
    Request,
    /// The policy or the handler said so.
    Policy,
    /// It is marked as [`Personal`](crate::response_cache::Personal).
    Personal,
    /// A layer inside of this one has decided already.
    Nested,
    /// It is an event stream, or gRPC.
    Stream,
    /// Its body is too large for the policy, its entry for the store, or there is no memory left to record it.
    TooLarge,
    /// It has more tags than are kept, a tag that is too long, or malformed ones.
    Tags,
    /// It has trailers.
    Trailers,
    /// Its body was cut off or given up, or is not as long as announced.
    Incomplete,
    /// It was purged while it was received.
    Purged,
    /// Another response was stored while it was received.
    Overtaken,
}

impl Reason {
    /// Returns whether the response itself is nothing to be stored, whoever asks. Cookies are of who asks.
    pub(in crate::response_cache) const fn is_of_response(&self) -> bool {
        matches!(
            self,
            Self::MustUnderstand
                | Self::NoStore
                | Self::NotFresh
                | Self::Policy
                | Self::Private
                | Self::Status
                | Self::Stream
                | Self::TooLarge
                | Self::Vary
        )
    }

    /// Returns the reason as a token, as it is told in the `detail` of `Cache-Status`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Range => "range",
            Self::Status => "status",
            Self::MustUnderstand => "must-understand",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::Credentials => "credentials",
            Self::SetCookie => "set-cookie",
            Self::Vary => "vary",
            Self::NotFresh => "not-fresh",
            Self::Request => "request",
            Self::Policy => "policy",
            Self::Personal => "personal",
            Self::Nested => "nested",
            Self::Stream => "stream",
            Self::TooLarge => "too-large",
            Self::Tags => "tags",
            Self::Trailers => "trailers",
            Self::Incomplete => "incomplete",
            Self::Purged => "purged",
            Self::Overtaken => "overtaken",
        }
    }
}

/// Returns how a response may be stored, or why not.
///
/// # Errors
/// The first [`Reason`] not to store it.
pub(in crate::response_cache) fn judge(
    asked: &Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    rules: &Rules,
    requested: Timestamp,
    received: Timestamp,
) -> Result<Judged, Reason> {
    asked.judge()?;
    judge_status(status)?;
    let governing = Governing::of(headers, &rules.targets);
    let said = &governing.directives;
    said.judge(status)?;
    let answer = Answer {
        status,
        headers,
        requested,
        received,
    };
    let (freshness, basis) = Freshness::of(&answer, &governing, rules);
    let is_explicit = matches!(basis, Basis::Explicit | Basis::Handler) || said.public;
    let allows_authorized = said.allows_authorized();
    asked.judge_credentials(allows_authorized, is_explicit)?;
    judge_vary(headers, asked.is_keyed_by_user)?;
    judge_basis(status, basis, said, rules)?;
    judge_use(headers, &freshness)?;
    Ok(Judged {
        freshness,
        is_explicit,
        is_for_authorized: allows_authorized || asked.is_keyed_by_user,
        without: without(headers, said, rules.set_cookie)?,
    })
}

impl Asked<'_> {
    fn judge(&self) -> Result<(), Reason> {
        if self.method != Method::GET {
            Err(Reason::Method)
        } else if self.is_range {
            Err(Reason::Range)
        } else {
            Ok(())
        }
    }

    fn judge_credentials(&self, allows_authorized: bool, is_explicit: bool) -> Result<(), Reason> {
        if self.is_keyed_by_user {
            Ok(())
        } else if self.has_authorization && !allows_authorized {
            Err(Reason::Authorization)
        } else if (self.has_authorization || self.has_credentials) && !is_explicit {
            Err(Reason::Credentials)
        } else {
            Ok(())
        }
    }
}

fn judge_status(status: StatusCode) -> Result<(), Reason> {
    let is_final = (200..600).contains(&status.as_u16());
    let is_partial = matches!(
        status,
        StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
    );
    (is_final && !is_partial)
        .then_some(())
        .ok_or(Reason::Status)
}

impl ResponseDirectives {
    fn judge(&self, status: StatusCode) -> Result<(), Reason> {
        if self.must_understand && !is_understood(status) {
            Err(Reason::MustUnderstand)
        } else if self.no_store && !self.must_understand {
            Err(Reason::NoStore)
        } else if self.private.is_response() {
            Err(Reason::Private)
        } else {
            Ok(())
        }
    }

    /// Section 3.5.
    const fn allows_authorized(&self) -> bool {
        self.public || self.must_revalidate || self.s_maxage.is_some()
    }
}

/// Returns whether the rules of a status for caches are kept here: those of RFC 9110, and of what has none of its own. `IM Used`
/// has (RFC 3229).
fn is_understood(status: StatusCode) -> bool {
    status.canonical_reason().is_some() && status != StatusCode::IM_USED
}

fn judge_vary(headers: &HeaderMap, is_keyed_by_user: bool) -> Result<(), Reason> {
    let lines = headers.get_all(VARY).into_iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    let allows = |name: &[u8]| {
        let is = |known: HeaderName| name.eq_ignore_ascii_case(known.as_str().as_bytes());
        let is_name = name != b"*" && name.iter().copied().all(is_tchar);
        is_name && (is_keyed_by_user || !(is(COOKIE) || is(AUTHORIZATION)))
    };
    let allows = members.map(<[u8]>::trim_ascii).all(allows);
    allows.then_some(()).ok_or(Reason::Vary)
}

/// The last condition of section 3, and more for what should not last.
fn judge_basis(
    status: StatusCode,
    basis: Basis,
    said: &ResponseDirectives,
    rules: &Rules,
) -> Result<(), Reason> {
    if status == StatusCode::TOO_MANY_REQUESTS {
        let is_meant = basis == Basis::Handler || (basis == Basis::Explicit && said.public);
        return is_meant.then_some(()).ok_or(Reason::Status);
    }
    let is_cacheable = said.public || is_cacheable_by_default(status);
    let is_stored = match basis {
        Basis::Explicit | Basis::Handler | Basis::Rules | Basis::Heuristic => true,
        // Stored to be validated. What says nothing at all is so only where the policy guesses: it would cost a store two
        // calls for each request, and its service the same as before.
        Basis::Nothing => {
            let asks = said.public || said.must_revalidate || said.no_cache.is_response();
            let is_said = asks || rules.heuristic.is_some();
            is_said && is_cacheable && !status.is_server_error()
        }
    };
    is_stored.then_some(()).ok_or(Reason::NotFresh)
}

fn judge_use(headers: &HeaderMap, freshness: &Freshness) -> Result<(), Reason> {
    let has_validator = headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED);
    let usable = freshness.keep_for(freshness.received, Duration::ZERO, false);
    let is_of_use = has_validator || !usable.is_zero();
    is_of_use.then_some(()).ok_or(Reason::NotFresh)
}

/// Returns the fields that are not stored: those of qualified directives (sections 5.2.2.4 and 5.2.2.7), and cookies.
fn without(
    headers: &HeaderMap,
    said: &ResponseDirectives,
    set_cookie: SetCookie,
) -> Result<Vec<HeaderName>, Reason> {
    let mut without = [said.private.fields(), said.no_cache.fields()].concat();
    if headers.contains_key(SET_COOKIE) && !without.contains(&SET_COOKIE) {
        match set_cookie {
            SetCookie::Refuse => return Err(Reason::SetCookie),
            SetCookie::Strip => without.push(SET_COOKIE),
            SetCookie::Store => {}
        }
    }
    Ok(without)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
