//! The head of a request, as far as limits need it.

use http::{Extensions, HeaderMap, Method, Request, Uri, request::Parts};

pub(super) struct Head<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) extensions: &'a Extensions,
    // Only for functions of the user's: taking a request apart and putting it together copies it twice.
    pub(super) parts: Option<&'a Parts>,
}

impl<'a> Head<'a> {
    #[inline]
    pub(super) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
            parts: None,
        }
    }

    #[inline]
    pub(super) const fn whole(parts: &'a Parts) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
            parts: Some(parts),
        }
    }
}
