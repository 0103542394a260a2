//! The conditions of clients, on a stored response: RFC 9111, section 4.3.2, and RFC 9110, section 13.2.2.

use http::{
    HeaderMap, HeaderName, Method, StatusCode,
    header::{
        DATE, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
    },
};

use super::{
    date,
    etag::{ETag, holds, only},
};
use crate::{response_cache::stored::StoredHead, time::Timestamp};

/// How a stored response answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum Precondition {
    /// As it is, or by the range of it that is asked for.
    Full,
    /// By 304: the client has it.
    NotModified,
    /// By 412: what is stored is not what the client insists on (`If-Match`, `If-Unmodified-Since`).
    ///
    /// A client that knows a newer one than the cache is right, and only the service can tell.
    Failed,
}

/// Evaluates the conditions of a `GET` or `HEAD` on a stored success. There are none on others.
///
/// Tags come before dates, whose field is ignored then. Lists may be in several lines; dates have to be HTTP dates, and
/// one line. `If-Range` belongs to [`range`](super::range).
pub(in crate::response_cache) fn evaluate(
    method: &Method,
    request: &HeaderMap,
    stored: &StoredHead,
) -> Precondition {
    let (headers, received) = (&stored.headers, stored.freshness.received);
    let dates = Dates {
        headers,
        received,
        is_stored: true,
    };
    dates.evaluate(method, request, stored.status)
}

/// As [`evaluate`], on a response that is not stored: what has no `Last-Modified` is never known since a date.
pub(in crate::response_cache) fn evaluate_on(
    method: &Method,
    request: &HeaderMap,
    (status, headers): (StatusCode, &HeaderMap),
    received: Timestamp,
) -> Precondition {
    let dates = Dates {
        headers,
        received,
        is_stored: false,
    };
    dates.evaluate(method, request, status)
}

/// Returns the fields of a stored response that are sent with a 304 (RFC 9110, section 15.4.5): all but those that
/// describe a body, which it has not.
pub(in crate::response_cache) fn not_modified_headers(stored: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in stored {
        if !describes_a_body(name.as_str()) {
            // It cannot be full before the map that it is taken from.
            let _ = headers.try_append(name.clone(), value.clone());
        }
    }
    headers
}

/// The dates of a response.
struct Dates<'a> {
    headers: &'a HeaderMap,
    received: Timestamp,
    is_stored: bool,
}

impl Dates<'_> {
    fn evaluate(&self, method: &Method, request: &HeaderMap, status: StatusCode) -> Precondition {
        if !matches!(*method, Method::GET | Method::HEAD) || !status.is_success() {
            return Precondition::Full;
        }
        let insisted = holds(request, &IF_MATCH, |tag| {
            ETag::of(self.headers).is_some_and(|stored| tag.is(stored))
        })
        .or_else(|| self.is_unmodified_since(request))
        .unwrap_or(true);
        if !insisted {
            return Precondition::Failed;
        }
        let known = holds(request, &IF_NONE_MATCH, |tag| {
            ETag::of(self.headers).is_some_and(|stored| tag.is_like(stored))
        })
        .or_else(|| self.is_known_since(request))
        .unwrap_or(false);
        if known {
            Precondition::NotModified
        } else {
            Precondition::Full
        }
    }

    fn is_unmodified_since(&self, request: &HeaderMap) -> Option<bool> {
        let since = self.date(request, &IF_UNMODIFIED_SINCE)?;
        let modified = self.date(self.headers, &LAST_MODIFIED)?;
        Some(modified <= since)
    }

    /// Whether the client's date is not before that of the last change, or else that of the response.
    fn is_known_since(&self, request: &HeaderMap) -> Option<bool> {
        let since = self.date(request, &IF_MODIFIED_SINCE)?;
        let changed = self.date(self.headers, &LAST_MODIFIED);
        if !self.is_stored {
            return Some(changed? <= since); // RFC 9110, section 13.1.3
        }
        let changed = changed
            .or_else(|| self.date(self.headers, &DATE))
            .unwrap_or(self.received);
        Some(changed <= since)
    }

    fn date(&self, headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
        // The century of a year with two digits does not change while a response is stored.
        date::parse(only(headers, name)?, self.received)
    }
}

fn describes_a_body(name: &str) -> bool {
    name.starts_with("content-")
        && !matches!(
            name,
            "content-location" | "content-security-policy" | "content-security-policy-report-only"
        )
        || name == "repr-digest"
}

#[cfg(test)]
mod tests;
