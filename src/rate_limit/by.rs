//! Whose limit it is: where the identifier of a request comes from.

use std::{fmt, mem::ManuallyDrop, pin::Pin};

use http::{Extensions, HeaderName, request::Parts};

use crate::{few::Few, func::Func, store::Identifier};

/// Tells requests apart: each identifier has a limit of its own.
///
/// ```
/// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}};
///
/// // Each client on each route.
/// const EXPORT: Limit = Limit::new("export", Quota::per_hour(10)).by(By::CLIENT_IP.and(By::ROUTE));
/// ```
///
/// What a request does not tell is a matter of [`Missing`](super::Missing).
#[derive(Clone)]
pub struct By(Few<Part>);

#[derive(Clone)]
struct Part {
    source: Source,
    // Begins an alternative to what is before it.
    or: bool,
}

#[derive(Clone)]
pub(super) enum Source {
    ClientIp,
    PeerIp,
    Everyone,
    Header(&'static str),
    Cookie(&'static str),
    Route,
    Method,
    Extensions(
        fn(&Extensions) -> Option<Identifier>,
        // Of which type.
        fn() -> &'static str,
    ),
    Parts(Func<Parts, Option<Identifier>>),
    Later(Func<Parts, Later>),
}

/// An identifier that has to be waited for.
pub(super) type Later = Pin<Box<dyn Future<Output = Option<Identifier>> + Send>>;

impl By {
    /// By the address of the client: the peer, or behind [trusted proxies](super::RateLimitLayer::trusted_proxies)
    /// the address that they vouch for. The default of a limit.
    ///
    /// An IPv4 address stands for itself, also where it is mapped into IPv6; an IPv6 address for its
    /// [/64 network](super::RateLimitLayer::ipv6_prefix), which is what one client has.
    ///
    /// # Security
    /// Behind a proxy that is not trusted this is the proxy, and all clients share one limit.
    pub const CLIENT_IP: Self = Self::of(Source::ClientIp);

    /// By the address of the peer, whatever proxies say. Networks as with [`CLIENT_IP`](Self::CLIENT_IP).
    ///
    /// Found in the request's extensions: axum's `ConnectInfo<SocketAddr>` (feature `axum`), tonic's `TcpConnectInfo`
    /// (feature `tonic`), a plain [`SocketAddr`](std::net::SocketAddr), or where
    /// [`peer`](super::RateLimitLayer::peer) finds it.
    pub const PEER_IP: Self = Self::of(Source::PeerIp);

    /// One limit for all requests.
    pub const EVERYONE: Self = Self::of(Source::Everyone);

    /// By the route that has matched, such as `/users/{id}`: axum's `MatchedPath` (feature `axum`), or a
    /// [`MatchedRoute`](super::MatchedRoute) in the request's extensions.
    pub const ROUTE: Self = Self::of(Source::Route);

    /// By the method.
    ///
    /// # Security
    /// A client may make up methods, and each has a limit of its own: have another limit without it.
    pub const METHOD: Self = Self::of(Source::Method);

    /// By the value of a request header, which is hashed before it reaches a remote store. Several values: the first.
    ///
    /// # Security
    /// A client can send any value. Limit by a header only behind whatever checks it, or beside a second limit by the
    /// address alone. [`and`](Self::and) is no help: with each value there is a new limit.
    ///
    /// What is one value to who checks it may have several spellings, and each has a limit here: a client may write
    /// `bearer` or `BEARER` before its token. Limit by the user that was found then, see [`extension`](Self::extension).
    ///
    /// # Panics
    /// If the name is not a header name in lower case. In a `const` it does not compile.
    #[must_use]
    pub const fn header(name: &'static str) -> Self {
        // Panics as documented. The name itself is made by the layer: a `const` holds none, and drops none.
        let _ = ManuallyDrop::new(HeaderName::from_static(name));
        Self::of(Source::Header(name))
    }

    /// By the value of a request cookie, percent-decoded and without quotes, which is hashed before it reaches a remote
    /// store. Several cookies of the name with different values are none: who checks them may take the first or the last.
    ///
    /// # Security
    /// As [`header`](Self::header).
    #[must_use]
    pub const fn cookie(name: &'static str) -> Self {
        Self::of(Source::Cookie(name))
    }

    /// By a value that an outer layer has put into the request's extensions: a user, a tenant.
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}, store::Identifier};
    ///
    /// #[derive(Clone)]
    /// struct UserId(u64);
    ///
    /// impl From<UserId> for Identifier {
    ///     fn from(user: UserId) -> Self {
    ///         user.0.into()
    ///     }
    /// }
    ///
    /// const USER: Limit = Limit::new("user", Quota::per_hour(1000)).by(By::extension::<UserId>());
    /// ```
    #[must_use]
    pub const fn extension<T>() -> Self
    where
        T: Into<Identifier> + Clone + Send + Sync + 'static,
    {
        Self::of(Source::Extensions(
            |extensions| extensions.get::<T>().cloned().map(Into::into),
            std::any::type_name::<T>,
        ))
    }

    /// By whatever a function finds in the head of the request.
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}};
    ///
    /// const SORT: Limit = Limit::new("sort", Quota::per_minute(600))
    ///     .by(By::parts(|parts| Some(if parts.method.is_safe() { "read" } else { "write" }.into())));
    /// ```
    ///
    /// # Security
    /// As [`header`](Self::header), for whatever a client can choose: its path, and the host in it, too.
    #[must_use]
    pub const fn parts(find: fn(&Parts) -> Option<Identifier>) -> Self {
        Self::of(Source::Parts(Func::Plain(find)))
    }

    /// As [`parts`](Self::parts), for a closure that captures something.
    #[must_use]
    pub fn parts_with(find: impl Fn(&Parts) -> Option<Identifier> + Send + Sync + 'static) -> Self {
        Self::of(Source::Parts(Func::closure(find)))
    }

    /// By what takes time to find. The closure takes what it needs out of the head of the request, and its future finds
    /// the identifier: before the store is asked, and without a time limit but its own.
    ///
    /// ```
    /// use tower_upstash::{rate_limit::By, store::Identifier};
    ///
    /// async fn owner(token: Option<String>) -> Option<Identifier> {
    ///     // … asks the database …
    ///     token.map(Identifier::hashed)
    /// }
    ///
    /// let by = By::later(|parts| {
    ///     let token = parts.headers.get("x-token").and_then(|token| token.to_str().ok());
    ///     owner(token.map(str::to_owned))
    /// });
    /// ```
    #[must_use]
    pub fn later<F>(find: impl Fn(&Parts) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<Identifier>> + Send + 'static,
    {
        Self::of(Source::Later(Func::closure(move |parts| {
            Box::pin(find(parts)) as Later
        })))
    }

    /// By this and that together: each combination has a limit of its own.
    ///
    /// Where one of them is missing, all are; but where [`Missing::Shared`](super::Missing::Shared) says what happens then,
    /// only that part is shared: clients without a key still have limits of their own by address.
    ///
    /// # Panics
    /// Beyond four, or after [`or`](Self::or), which comes last. In a `const` it does not compile.
    #[must_use]
    pub const fn and(mut self, mut other: Self) -> Self {
        assert!(
            !self.has_alternatives() && !other.has_alternatives(),
            "`or` comes last: what is common to both sides of it is said in both"
        );
        self.0.append(&mut other.0);
        let _ = ManuallyDrop::new(other); // nothing is left in it, but a `const` cannot know
        self
    }

    /// By this, or where it is missing by that: users who are known by their names, all others by their addresses.
    ///
    /// ```
    /// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}, store::Identifier};
    ///
    /// #[derive(Clone)]
    /// struct User(String);
    ///
    /// impl From<User> for Identifier {
    ///     fn from(user: User) -> Self {
    ///         user.0.into()
    ///     }
    /// }
    ///
    /// const API: Limit = Limit::new("api", Quota::per_minute(60)).by(By::extension::<User>().or(By::CLIENT_IP));
    /// ```
    ///
    /// A name never equals an address. Two headers or cookies of the same value do: they are the same client.
    ///
    /// # Panics
    /// Beyond four in all. In a `const` it does not compile.
    #[must_use]
    pub const fn or(mut self, mut other: Self) -> Self {
        if let [Some(first), ..] = other.0.slots() {
            first.or = true;
        }
        self.0.append(&mut other.0);
        let _ = ManuallyDrop::new(other);
        self
    }

    const fn of(source: Source) -> Self {
        Self(Few::one(Part { source, or: false }))
    }

    const fn has_alternatives(&self) -> bool {
        // The first is none, and a `const` has no iterators.
        matches!(
            self.0.known(),
            [_, Some(Part { or: true, .. }), ..]
                | [_, _, Some(Part { or: true, .. }), _]
                | [_, _, _, Some(Part { or: true, .. })]
        )
    }

    pub(super) fn needs_parts(&self) -> bool {
        self.sources()
            .any(|source| matches!(source, Source::Parts(_) | Source::Later(_)))
    }

    /// Returns whether an address is part of it.
    pub(super) fn is_address(&self) -> bool {
        self.sources()
            .any(|source| matches!(source, Source::ClientIp | Source::PeerIp))
    }

    /// Returns what is tried one after the other: each all of its sources together.
    pub(super) fn alternatives(&self) -> Vec<Vec<&Source>> {
        let mut alternatives = Vec::<Vec<_>>::new();
        for part in self.0.iter() {
            match alternatives.last_mut().filter(|_| !part.or) {
                Some(last) => last.push(&part.source),
                None => alternatives.push(vec![&part.source]),
            }
        }
        alternatives
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.0.iter().map(|part| &part.source)
    }
}

impl fmt::Debug for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, all) in self.alternatives().iter().enumerate() {
            if at > 0 {
                f.write_str(" or ")?;
            }
            f.debug_set().entries(all).finish()?;
        }
        Ok(())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientIp => f.write_str("CLIENT_IP"),
            Self::PeerIp => f.write_str("PEER_IP"),
            Self::Everyone => f.write_str("EVERYONE"),
            Self::Route => f.write_str("ROUTE"),
            Self::Method => f.write_str("METHOD"),
            Self::Header(name) => f.debug_tuple("header").field(name).finish(),
            Self::Cookie(name) => f.debug_tuple("cookie").field(name).finish(),
            Self::Extensions(_, name) => f.debug_tuple("extension").field(&name()).finish(),
            Self::Parts(_) => f.write_str("parts"),
            Self::Later(_) => f.write_str("later"),
        }
    }
}
