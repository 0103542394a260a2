//! A cookie as text, rendered once for all responses.

use std::time::Duration;

use bytes::Bytes;
use cookie::{Cookie, time::OffsetDateTime};
use http::HeaderValue;

use super::{SameSite, SessionCookie};

/// A cookie as text.
pub(in crate::session) struct Prepared {
    /// The name and what separates it from the value.
    assignment: Box<str>,
    /// What follows the value.
    attributes: Box<str>,
    removal: HeaderValue,
    is_secure: bool,
}

impl Prepared {
    /// Browsers keep a cookie no longer (RFC 6265bis, section 5.5).
    const LONGEST: Duration = Duration::from_secs(400 * 24 * 60 * 60);

    pub(super) fn new(cookie: &SessionCookie) -> Self {
        let assignment = [cookie.prefix.text(), cookie.name, "="].concat();
        let mut rendered = render(cookie);
        let attributes = rendered.to_string().split_off(assignment.len());
        rendered.set_max_age(cookie::time::Duration::ZERO);
        // Not "a year ago", as by the crate: there is no clock on every platform.
        rendered.set_expires(OffsetDateTime::UNIX_EPOCH);
        let removal = HeaderValue::try_from(rendered.to_string());
        Self {
            assignment: assignment.into(),
            attributes: attributes.into(),
            removal: removal.expect("names, paths and domains are checked"),
            is_secure: cookie.is_secure(),
        }
    }

    /// Returns the field that brings the client its token, for whole seconds.
    pub(in crate::session) fn set(&self, token: &str, max_age: Option<Duration>) -> HeaderValue {
        let mut digits = itoa::Buffer::new();
        let (name, seconds) = match max_age {
            None => ("", ""),
            Some(age) => (
                "; Max-Age=",
                digits.format(age.min(Self::LONGEST).as_secs()),
            ),
        };
        let line = [&self.assignment, token, &self.attributes, name, seconds].concat();
        let value = HeaderValue::from_maybe_shared(Bytes::from(line));
        let mut value = value.expect("the text of a token is ASCII");
        value.set_sensitive(true);
        value
    }

    /// Returns the field that takes it away: with the same attributes, else browsers would drop it, or take another one.
    pub(in crate::session) fn removal(&self) -> HeaderValue {
        self.removal.clone()
    }

    /// Returns the value of a pair of a `Cookie` line, if it is of this cookie.
    #[inline]
    pub(in crate::session) fn value_of<'a>(&self, pair: &'a [u8]) -> Option<&'a [u8]> {
        let value = pair
            .trim_ascii_start()
            .strip_prefix(self.assignment.as_bytes())?;
        Some(value.trim_ascii_end())
    }

    /// Returns the name with its prefix.
    pub(in crate::session) fn name(&self) -> &str {
        self.assignment.trim_end_matches('=')
    }

    pub(in crate::session) const fn is_secure(&self) -> bool {
        self.is_secure
    }
}

/// Renders it without a value.
fn render(cookie: &SessionCookie) -> Cookie<'static> {
    let mut rendered = Cookie::new([cookie.prefix.text(), cookie.name].concat(), "");
    rendered.set_secure(cookie.is_secure());
    rendered.set_http_only(true);
    rendered.set_same_site(match cookie.same_site {
        SameSite::Strict => cookie::SameSite::Strict,
        SameSite::Lax => cookie::SameSite::Lax,
        SameSite::None => cookie::SameSite::None,
    });
    rendered.set_partitioned(cookie.partitioned);
    rendered.set_path(cookie.path);
    if let Some(domain) = cookie.domain {
        rendered.set_domain(domain);
    }
    rendered
}
