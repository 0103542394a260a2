//! Whose limit it is: where the identifier of a request comes from.

use std::{fmt, mem::ManuallyDrop};

use http::{Extensions, HeaderMap, HeaderName, Request, request::Parts};

use super::peer;
use crate::store::Identifier;

/// Tells requests apart: each identifier has a limit of its own.
#[derive(Clone, Copy)]
pub struct By(Source);

#[derive(Clone, Copy)]
pub(super) enum Source {
    PeerIp,
    Everyone,
    Header(&'static str),
    Parts(fn(&Parts) -> Option<Identifier>),
}

impl By {
    /// By the address of the peer: an IPv4 address, also when it is mapped into IPv6, or the /64 network of an IPv6
    /// address, which is what one client has.
    ///
    /// Found in the request's extensions, as axum's `ConnectInfo<SocketAddr>` (feature `axum`) or as a plain
    /// [`SocketAddr`](std::net::SocketAddr). See [`Missing`](super::Missing) for when there is none.
    ///
    /// # Security
    /// Behind a proxy this is the proxy, and all clients share one limit.
    pub const PEER_IP: Self = Self(Source::PeerIp);

    /// One limit for all requests.
    pub const EVERYONE: Self = Self(Source::Everyone);

    /// By the value of a request header, which is hashed before it reaches a remote store. Several values: the first.
    ///
    /// # Security
    /// A client can send any value. Limit by a header only behind whatever checks it, or together with a limit by
    /// address.
    ///
    /// # Panics
    /// If the name is not a header name in lower case. In a `const` it does not compile.
    #[must_use]
    pub const fn header(name: &'static str) -> Self {
        // Panics as documented. The name itself is made by the layer: a `const` holds none, and drops none.
        let _ = ManuallyDrop::new(HeaderName::from_static(name));
        Self(Source::Header(name))
    }

    /// By whatever a function finds in the head of the request; `None` counts as [`Missing`](super::Missing).
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}, store::Identifier};
    ///
    /// const TENANT: Limit = Limit::new("tenant", Quota::per_minute(600))
    ///     .by(By::parts(|parts| parts.uri.host().map(Identifier::from)));
    /// ```
    #[must_use]
    pub const fn parts(find: fn(&Parts) -> Option<Identifier>) -> Self {
        Self(Source::Parts(find))
    }

    pub(super) const fn source(self) -> Source {
        self.0
    }
}

impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Source::PeerIp => f.write_str("PEER_IP"),
            Source::Everyone => f.write_str("EVERYONE"),
            Source::Header(name) => f.debug_tuple("header").field(&name).finish(),
            Source::Parts(_) => f.write_str("parts"),
        }
    }
}

/// The head of a request, as far as the limits of a layer need it.
pub(super) struct Head<'a> {
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    // Only for `By::parts`: taking a request apart and putting it together copies it twice.
    parts: Option<&'a Parts>,
}

impl<'a> Head<'a> {
    #[inline]
    pub(super) fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            headers: request.headers(),
            extensions: request.extensions(),
            parts: None,
        }
    }

    #[inline]
    pub(super) const fn whole(parts: &'a Parts) -> Self {
        Self {
            headers: &parts.headers,
            extensions: &parts.extensions,
            parts: Some(parts),
        }
    }
}

/// A source that is ready for use.
#[derive(Clone)]
pub(super) enum Extractor {
    PeerIp,
    Everyone,
    Header(HeaderName),
    Parts(fn(&Parts) -> Option<Identifier>),
}

impl Extractor {
    pub(super) const fn needs_parts(&self) -> bool {
        matches!(self, Self::Parts(_))
    }

    pub(super) fn new(by: By) -> Self {
        match by.source() {
            Source::PeerIp => Self::PeerIp,
            Source::Everyone => Self::Everyone,
            Source::Header(name) => Self::Header(HeaderName::from_static(name)),
            Source::Parts(find) => Self::Parts(find),
        }
    }

    #[inline]
    pub(super) fn identifier(&self, head: &Head<'_>) -> Option<Identifier> {
        match self {
            Self::PeerIp => peer::ip(head.extensions).map(Identifier::from),
            Self::Everyone => Some(Identifier::from("")),
            Self::Header(name) => head.headers.get(name).map(Identifier::secret),
            Self::Parts(find) => head.parts.and_then(find),
        }
    }
}
