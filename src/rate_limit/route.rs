//! The route that a request matched, as routers leave it in the request's extensions.

#[cfg(feature = "axum")]
mod axum;

use std::{fmt, sync::Arc};

use http::Extensions;

#[cfg(feature = "axum")]
use self::axum::matched_path;
#[cfg(not(feature = "axum"))]
use self::none as matched_path;

/// The pattern of the route that a request matched, such as `/users/{id}`: an extension of the request, for routers
/// other than axum, whose `MatchedPath` is read by itself with the feature `axum`.
///
/// ```
/// use http::Request;
/// use tower_upstash::rate_limit::MatchedRoute;
///
/// let mut request = Request::new(());
/// request.extensions_mut().insert(MatchedRoute::new("/users/{id}"));
/// ```
///
/// # Security
/// Make it of what the server knows, never of the request's path: a client that chooses its route chooses its limit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MatchedRoute(Arc<str>);

impl MatchedRoute {
    /// Takes the pattern of a route. One that is made once and cloned for each request costs no allocation.
    #[must_use]
    pub fn new(pattern: impl Into<Arc<str>>) -> Self {
        Self(pattern.into())
    }

    /// Returns the pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MatchedRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MatchedRoute").field(&self.as_str()).finish()
    }
}

/// Returns the pattern of the route: axum's, else ours.
#[inline]
pub(super) fn of(extensions: &Extensions) -> Option<&str> {
    matched_path(extensions).or_else(|| extensions.get().map(MatchedRoute::as_str))
}

/// Returns whether it is axum that has routed the request.
pub(super) fn is_axum(extensions: &Extensions) -> bool {
    matched_path(extensions).is_some()
}

#[cfg(not(feature = "axum"))]
#[inline]
const fn none(_: &Extensions) -> Option<&str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_what_the_router_says() {
        let mut extensions = Extensions::new();
        assert_eq!(of(&extensions), None);
        extensions.insert(MatchedRoute::new("/users/{id}"));
        assert_eq!(of(&extensions), Some("/users/{id}"));
        assert!(!is_axum(&extensions));
    }
}
