//! What a write makes unusable: RFC 9111, section 4.4.

use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{CONTENT_LOCATION, HOST, LOCATION},
    uri::PathAndQuery,
};
use smallvec::SmallVec;

use super::{
    etag::only,
    reference::{Origin, Reference, resolve},
};

/// Paths and queries at the origin of the request.
pub(in crate::response_cache) type Targets = SmallVec<[PathAndQuery; 3]>;

/// Where a request went.
#[derive(Clone, Copy, Debug)]
pub(in crate::response_cache) struct RequestTarget<'a> {
    uri: &'a Uri,
    host: Option<&'a HeaderValue>,
}

impl<'a> RequestTarget<'a> {
    /// Takes the target of a request. The authority of its URI comes before its `Host` (RFC 9112, section 3.2.2).
    pub(in crate::response_cache) fn new(uri: &'a Uri, request: &'a HeaderMap) -> Self {
        Self {
            uri,
            host: only(request, &HOST),
        }
    }

    /// Returns its origin, as far as the request tells it.
    fn origin(self) -> Option<Origin<'a>> {
        let authority = match self.uri.authority() {
            Some(authority) => authority.as_str(),
            None => self.host?.to_str().ok()?,
        };
        Some(Origin {
            scheme: self.uri.scheme_str(),
            authority,
        })
    }
}

/// Returns what a response invalidates: nothing, unless it is a success or a redirection of a method that is not
/// [safe](is_safe), else the target of the request, and `Location` and `Content-Location` where they are of the same
/// origin.
///
/// A request that does not tell its scheme is of the one that they name.
pub(in crate::response_cache) fn targets(
    method: &Method,
    status: StatusCode,
    request: RequestTarget<'_>,
    response: &HeaderMap,
) -> Targets {
    let mut targets = Targets::new();
    let is_error = !(status.is_success() || status.is_redirection());
    if is_error || is_safe(method) {
        return targets;
    }
    // That of `CONNECT` has no path.
    let Some(base) = request.uri.path_and_query() else {
        return targets;
    };
    targets.push(base.clone());
    for name in [LOCATION, CONTENT_LOCATION] {
        let other = only(response, &name)
            .and_then(|value| Reference::parse(value.to_str().ok()?.trim_ascii()))
            .filter(|reference| reference.is_at(request.origin()))
            .and_then(|reference| PathAndQuery::try_from(resolve(base, &reference)).ok());
        if let Some(other) = other.filter(|other| !targets.contains(other)) {
            targets.push(other);
        }
    }
    targets
}

/// Returns whether a method is safe: one of those that IANA's registry says so of. All others, known or not, may have
/// changed something.
pub(in crate::response_cache) fn is_safe(method: &Method) -> bool {
    method.is_safe()
        || matches!(
            method.as_str(),
            "PRI" | "PROPFIND" | "QUERY" | "REPORT" | "SEARCH"
        )
}

#[cfg(test)]
mod tests;
