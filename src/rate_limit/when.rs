//! Which requests a limit applies to.

use std::{fmt, mem::ManuallyDrop};

use http::{Method, request::Parts};

use super::route;
use crate::{few::Few, func::Func, head::Head};

/// A condition on requests.
///
/// ```
/// use http::Method;
/// use tower_upstash::{quota::Quota, rate_limit::{Limit, When}};
///
/// const UPLOADS: Limit = Limit::new("uploads", Quota::per_hour(100))
///     .when(When::methods(&[Method::POST, Method::PUT]).and(When::path("/files/*")));
/// ```
#[derive(Clone)]
pub struct When(Few<Condition>);

#[derive(Clone)]
enum Condition {
    Methods(&'static [Method]),
    Path(&'static str),
    Route(&'static str),
    Parts(Func<Parts, bool>),
}

impl When {
    /// Every request: the default of a limit.
    pub const ALWAYS: Self = Self(Few::NONE);

    /// Requests with one of these methods.
    #[must_use]
    pub const fn methods(methods: &'static [Method]) -> Self {
        Self::of(Condition::Methods(methods))
    }

    /// Requests whose path is this one, or begins with it where it ends in `*`: `/files/*`.
    ///
    /// # Security
    /// Compares the path as it was sent, byte by byte. Where a router takes several spellings for one route (an escaped
    /// letter, a slash at the end), the others are not limited: prefer [`route`](Self::route), or a layer around the
    /// route.
    #[must_use]
    pub const fn path(path: &'static str) -> Self {
        Self::of(Condition::Path(path))
    }

    /// Requests that a router has matched with this route, such as `/users/{id}`: see
    /// [`By::ROUTE`](super::By::ROUTE).
    ///
    /// # Security
    /// Only for layers inside of the router, as those of axum's `Router::layer` are. Around it no route is known yet, and
    /// the condition never holds: nothing is limited.
    #[must_use]
    pub const fn route(route: &'static str) -> Self {
        Self::of(Condition::Route(route))
    }

    /// Requests for which a function of their head says so.
    #[must_use]
    pub const fn parts(holds: fn(&Parts) -> bool) -> Self {
        Self::of(Condition::Parts(Func::Plain(holds)))
    }

    /// As [`parts`](Self::parts), for a closure that captures something.
    #[must_use]
    pub fn parts_with(holds: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        Self::of(Condition::Parts(Func::closure(holds)))
    }

    /// Requests that fulfil both.
    ///
    /// # Panics
    /// Beyond four conditions. In a `const` it does not compile.
    #[must_use]
    pub const fn and(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        let _ = ManuallyDrop::new(other); // nothing is left in it, but a `const` cannot know
        self
    }

    const fn of(condition: Condition) -> Self {
        Self(Few::one(condition))
    }

    pub(super) fn needs_parts(&self) -> bool {
        self.0
            .iter()
            .any(|condition| matches!(condition, Condition::Parts(_)))
    }

    pub(super) const fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    #[inline(never)]
    pub(super) fn holds(&self, head: &Head<'_>) -> bool {
        self.0.iter().all(|condition| match condition {
            Condition::Methods(methods) => methods.contains(head.method),
            Condition::Path(path) => match path.strip_suffix('*') {
                Some(start) => head.uri.path().starts_with(start),
                None => head.uri.path() == *path,
            },
            Condition::Route(route) => route::of(head.extensions) == Some(*route),
            Condition::Parts(holds) => head.parts.is_some_and(|parts| holds.call(parts)),
        })
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter()).finish()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Methods(methods) => f.debug_tuple("methods").field(methods).finish(),
            Self::Path(path) => f.debug_tuple("path").field(path).finish(),
            Self::Route(route) => f.debug_tuple("route").field(route).finish(),
            Self::Parts(_) => f.write_str("parts"),
        }
    }
}
