//! The cookie of a session (RFC 6265bis).
//!
//! Browsers hold a cookie to what the prefix of its name promises (section 4.1.3), so settings that break the promise are
//! refused where the cookie is written down, not where it is silently dropped.

mod check;
mod prepared;

pub(super) use self::prepared::Prepared;

/// The cookie that carries a token.
///
/// All of them are `HttpOnly`, which cannot be switched off, and `SameSite=Lax` unless [said otherwise](Self::same_site). They
/// have no `Max-Age`, so that they end with the browser, unless the session is to be remembered.
///
/// A setting that contradicts the kind of cookie panics. In a `const` it does not compile:
///
/// ```
/// use tower_upstash::session::{SameSite, SessionCookie};
///
/// const SESSION: SessionCookie = SessionCookie::host("id").same_site(SameSite::Strict);
/// const SHARED: SessionCookie = SessionCookie::secure("id").domain("example.com");
/// ```
///
/// ```compile_fail,E0080
/// # use tower_upstash::session::SessionCookie;
/// const SHARED: SessionCookie = SessionCookie::host("id").domain("example.com");
/// ```
///
/// # Names
/// A name is a token as of [RFC 9110, section 5.6.2](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2), without a
/// prefix, which the constructor gives it, and of no more than 256 letters: browsers drop cookies of more than 4096 bytes.
/// Several layers need several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCookie {
    prefix: Prefix,
    name: &'static str,
    domain: Option<&'static str>,
    path: &'static str,
    same_site: SameSite,
    partitioned: bool,
}

/// Which requests that other sites cause carry the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SameSite {
    /// None of them, not even a click on a link: the user seems to be logged out until the next click.
    Strict,
    /// Those that open a page by a safe method, such as a link. The default.
    #[default]
    Lax,
    /// All of them.
    ///
    /// # Security
    /// Any site can make requests in the user's name: each that changes something needs a CSRF token.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Host,
    HostHttp,
    Secure,
    Insecure,
}

impl Prefix {
    const fn text(self) -> &'static str {
        match self {
            Self::Host => "__Host-",
            Self::HostHttp => "__Host-Http-",
            Self::Secure => "__Secure-",
            Self::Insecure => "",
        }
    }
}

impl SessionCookie {
    /// `__Host-name`: `Secure`, with `Path=/` and no `Domain`, so that no other host can have set it. The layer's default is
    /// one with the name `id`.
    ///
    /// # Panics
    /// If the [name](Self#names) is none, or begins with `Http-`, which makes it one of [`host_http`](Self::host_http).
    #[must_use]
    pub const fn host(name: &'static str) -> Self {
        let is_other = check::starts_with(name, "http-");
        assert!(!is_other, "cookies of this prefix are made by `host_http`");
        Self::new(Prefix::Host, name)
    }

    /// `__Host-Http-name`: as [`host`](Self::host), and browsers that know this prefix let no script set it either.
    ///
    /// # Panics
    /// If the [name](Self#names) is none.
    #[must_use]
    pub const fn host_http(name: &'static str) -> Self {
        Self::new(Prefix::HostHttp, name)
    }

    /// `__Secure-name`: `Secure`; may have a [`domain`](Self::domain) and a [`path`](Self::path).
    ///
    /// # Panics
    /// If the [name](Self#names) is none.
    ///
    /// # Security
    /// Other hosts of the domain can set a cookie of this name as well. They can keep users from their session so, or give
    /// them one of their own.
    #[must_use]
    pub const fn secure(name: &'static str) -> Self {
        Self::new(Prefix::Secure, name)
    }

    /// `name`, without `Secure`, for plain HTTP while a service is developed. The layer says aloud that it has such a cookie.
    ///
    /// `http://localhost` mostly needs none: Chromium and Firefox take `Secure` cookies from there, Safari does not.
    ///
    /// # Panics
    /// If the [name](Self#names) is none.
    ///
    /// # Security
    /// **Never for production.** Whoever is on the way reads the token and is logged in as the user; and anybody there, as well
    /// as any other host of the domain, can set the cookie.
    #[must_use]
    pub const fn insecure_for_development(name: &'static str) -> Self {
        Self::new(Prefix::Insecure, name)
    }

    const fn new(prefix: Prefix, name: &'static str) -> Self {
        check::name(name);
        Self {
            prefix,
            name,
            domain: None,
            path: "/",
            same_site: SameSite::Lax,
            partitioned: false,
        }
    }

    /// Sends the cookie to all hosts below a domain as well. Default: only to the host that has set it.
    ///
    /// # Panics
    /// If the cookie is one of [`host`](Self::host) or [`host_http`](Self::host_http); if this is no domain of at most 253
    /// letters, or begins with a dot.
    ///
    /// # Security
    /// Each of these hosts can act as any of its visitors.
    #[must_use]
    pub const fn domain(mut self, domain: &'static str) -> Self {
        assert!(!self.is_host(), "a `__Host-` cookie has no domain");
        check::domain(domain);
        self.domain = Some(domain);
        self
    }

    /// Sends the cookie only with requests below a path. Default: `/`, all of them.
    ///
    /// # Panics
    /// If the cookie is one of [`host`](Self::host) or [`host_http`](Self::host_http); if this does not begin with a slash,
    /// is longer than 1024 bytes, or has others than visible ASCII characters, or a semicolon.
    ///
    /// # Security
    /// This is no protection: pages below other paths of the host can still get at the cookie.
    #[must_use]
    pub const fn path(mut self, path: &'static str) -> Self {
        assert!(!self.is_host(), "a `__Host-` cookie has the path `/`");
        check::path(path);
        self.path = path;
        self
    }

    /// Sets which requests that other sites cause carry the cookie. Default: [`SameSite::Lax`]. It is always said, since
    /// browsers differ in what they assume.
    ///
    /// # Panics
    /// With [`SameSite::None`], if the cookie is [insecure](Self::insecure_for_development): browsers would drop it.
    #[must_use]
    pub const fn same_site(mut self, same_site: SameSite) -> Self {
        let is_none = matches!(same_site, SameSite::None);
        assert!(
            self.is_secure() || !is_none,
            "`SameSite=None` needs a secure cookie"
        );
        self.same_site = same_site;
        self
    }

    /// Gives each site that embeds this one a cookie of its own
    /// ([CHIPS](https://www.ietf.org/archive/id/draft-cutler-httpbis-partitioned-cookies-01.html)). Default: not. Embedded pages
    /// also need [`SameSite::None`].
    ///
    /// # Panics
    /// If the cookie is [insecure](Self::insecure_for_development): browsers would drop it.
    #[must_use]
    pub const fn partitioned(mut self) -> Self {
        assert!(
            self.is_secure(),
            "a partitioned cookie needs to be a secure one"
        );
        self.partitioned = true;
        self
    }

    /// Returns whether it goes over TLS alone.
    pub(super) const fn is_secure(&self) -> bool {
        !matches!(self.prefix, Prefix::Insecure)
    }

    const fn is_host(&self) -> bool {
        matches!(self.prefix, Prefix::Host | Prefix::HostHttp)
    }

    /// Renders once what all responses say.
    pub(super) fn prepare(&self) -> Prepared {
        Prepared::new(self)
    }
}

#[cfg(test)]
mod tests;
