//! Finds the identifier of a request, as a [`By`](super::By) says.

use std::net::IpAddr;

use http::{HeaderName, request::Parts};

use super::{
    Limit, Missing,
    address::Addresses,
    by::{Later, Source},
    cookie, route,
};
use crate::{func::Func, head::Head, store::Identifier};

/// A [`By`] that is ready for use.
#[derive(Clone)]
pub(super) enum Extractor {
    One(Find),
    All(Tuple),
    // The first that finds something.
    Any(Box<[Self]>),
}

#[derive(Clone)]
pub(super) struct Tuple(Box<[Find]>, Gap);

/// What a tuple makes of a part that is missing.
#[derive(Clone, Copy)]
enum Gap {
    // All of it is missing.
    IsAll,
    // Whoever lacks one part still has a limit of its own by the others.
    IsAPart,
}

#[derive(Clone)]
pub(super) enum Find {
    ClientIp,
    PeerIp,
    Header(HeaderName),
    // No route at all is a route of its own.
    PerRoute,
    Other(Source),
}

/// An identifier, none, or one that has to be waited for.
pub(super) enum Found {
    Now(Identifier),
    Nothing,
    Later(Later),
}

impl From<Option<Identifier>> for Found {
    #[inline]
    fn from(identifier: Option<Identifier>) -> Self {
        identifier.map_or(Self::Nothing, Self::Now)
    }
}

impl Extractor {
    pub(super) fn new(limit: &Limit) -> Self {
        let alternatives = limit.by.alternatives();
        let last = alternatives.len().saturating_sub(1);
        let shared = limit.missing == Missing::Shared;
        let alternatives = alternatives.iter().enumerate().map(|(at, all)| {
            let gap = if at == last && shared {
                Gap::IsAPart
            } else {
                Gap::IsAll
            };
            Self::all(all, limit.per_route, gap)
        });
        let mut any: Vec<Self> = alternatives.collect();
        match any.pop() {
            Some(only) if any.is_empty() => only,
            last => Self::Any(any.into_iter().chain(last).collect()),
        }
    }

    fn all(sources: &[&Source], per_route: bool, gap: Gap) -> Self {
        let per_route = per_route.then_some(Find::PerRoute);
        let finds = sources.iter().map(|source| Find::new(source));
        let mut finds: Vec<Find> = finds.chain(per_route).collect();
        match finds.pop() {
            Some(only) if finds.is_empty() => Self::One(only),
            last => Self::All(Tuple(finds.into_iter().chain(last).collect(), gap)),
        }
    }

    #[inline]
    pub(super) fn find(&self, head: &Head<'_>, addresses: &Addresses) -> Found {
        match self {
            Self::One(find) => find.find(head, addresses),
            Self::All(tuple) => tuple.find(head, addresses),
            Self::Any(any) => find_any(any, head, addresses),
        }
    }
}

impl Find {
    fn new(source: &Source) -> Self {
        match source {
            Source::ClientIp => Self::ClientIp,
            Source::PeerIp => Self::PeerIp,
            Source::Header(name) => Self::Header(HeaderName::from_static(name)),
            other => Self::Other(other.clone()),
        }
    }

    #[inline]
    fn find(&self, head: &Head<'_>, addresses: &Addresses) -> Found {
        match self {
            Self::ClientIp => of_address(addresses.client(head)),
            other => other.find_other(head, addresses),
        }
    }

    // Apart, as all that is not the default: in one function, the compiler runs out of registers.
    #[inline(never)]
    fn find_other(&self, head: &Head<'_>, addresses: &Addresses) -> Found {
        match self {
            Self::ClientIp => of_address(addresses.client(head)),
            Self::PeerIp => of_address(addresses.peer(head)),
            Self::Header(name) => match head.headers.get(name) {
                Some(value) => Found::Now(Identifier::secret(value)),
                None => Found::Nothing,
            },
            Self::PerRoute => Found::Now(route(head).unwrap_or_else(Identifier::missing)),
            Self::Other(source) => other(source, head),
        }
    }
}

#[inline]
fn of_address(ip: Option<IpAddr>) -> Found {
    match ip {
        Some(ip) => Found::Now(Identifier::from(ip)),
        None => Found::Nothing,
    }
}

fn other(source: &Source, head: &Head<'_>) -> Found {
    let identifier = match source {
        Source::Everyone => Some(Identifier::from("")),
        Source::Cookie(name) => cookie::value(head.headers, name).map(Identifier::secret),
        Source::Route => route(head),
        Source::Method => Some(Identifier::from(head.method.as_str())),
        Source::Extensions(find, _) => find(head.extensions),
        Source::Parts(find) => called(find, head).flatten(),
        Source::Later(find) => {
            return called(find, head).map_or(Found::Nothing, Found::Later);
        }
        Source::ClientIp | Source::PeerIp | Source::Header(_) => None, // made into finds of their own
    };
    identifier.into()
}

fn route(head: &Head<'_>) -> Option<Identifier> {
    route::of(head.extensions).map(Identifier::from)
}

/// The layer takes a request apart where a function needs it.
fn called<R>(find: &Func<Parts, R>, head: &Head<'_>) -> Option<R> {
    head.parts.map(|parts| find.call(parts))
}

impl Tuple {
    #[inline(never)]
    fn find(&self, head: &Head<'_>, addresses: &Addresses) -> Found {
        let finds = self.0.iter();
        let founds: Vec<Found> = finds.map(|find| find.find(head, addresses)).collect();
        if founds.iter().any(|found| matches!(found, Found::Later(_))) {
            return Found::Later(Box::pin(wait_for_all(founds, self.1)));
        }
        let known = founds.into_iter().map(|found| match found {
            Found::Now(identifier) => Some(identifier),
            Found::Nothing | Found::Later(_) => self.1.part(),
        });
        let known: Option<Vec<_>> = known.collect();
        known.map(|all| Identifier::tuple(&all)).into()
    }
}

impl Gap {
    fn part(self) -> Option<Identifier> {
        matches!(self, Self::IsAPart).then(Identifier::missing)
    }
}

async fn wait_for_all(founds: Vec<Found>, gap: Gap) -> Option<Identifier> {
    let mut all = Vec::with_capacity(founds.len());
    for found in founds {
        let found = match found {
            Found::Now(identifier) => Some(identifier),
            Found::Nothing => None,
            Found::Later(later) => later.await,
        };
        all.push(found.or_else(|| gap.part())?);
    }
    Some(Identifier::tuple(&all))
}

#[inline(never)]
fn find_any(any: &[Extractor], head: &Head<'_>, addresses: &Addresses) -> Found {
    let mut any = any.iter();
    while let Some(extractor) = any.next() {
        match extractor.find(head, addresses) {
            Found::Nothing => {}
            Found::Now(identifier) => return Found::Now(identifier),
            Found::Later(first) => {
                // The head of the request is only here now.
                let rest = any.map(|next| next.find(head, addresses)).collect();
                return Found::Later(Box::pin(wait_for_any(first, rest)));
            }
        }
    }
    Found::Nothing
}

async fn wait_for_any(first: Later, rest: Vec<Found>) -> Option<Identifier> {
    let mut found = first.await;
    for next in rest {
        if found.is_some() {
            break;
        }
        found = match next {
            Found::Now(identifier) => Some(identifier),
            Found::Nothing => None,
            Found::Later(later) => later.await,
        };
    }
    found
}
