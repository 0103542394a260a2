//! The cookie of a session (RFC 6265bis).

use std::time::Duration;

use http::HeaderValue;

/// The cookie that carries a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    name: &'static str,
}

/// Which requests of other sites carry the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// None.
    Strict,
    /// Those that open a page.
    #[default]
    Lax,
    /// All.
    None,
}

impl SessionCookie {
    pub const fn host(name: &'static str) -> Self {
        Self { name }
    }

    /// Returns the field that brings the client its token.
    pub(super) fn set(&self, token: &str, max_age: Option<Duration>) -> HeaderValue {
        let _ = (token, max_age);
        unimplemented!()
    }

    /// Returns the field that takes it away.
    pub(super) fn removal(&self) -> HeaderValue {
        unimplemented!()
    }
}
