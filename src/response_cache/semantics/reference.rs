//! References to other URIs of an origin: RFC 3986, section 5.2.

use http::uri::PathAndQuery;

/// The origin of a request (RFC 9110, section 4.3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    /// Requests over HTTP/1 do not tell it.
    pub(super) scheme: Option<&'a str>,
    pub(super) authority: &'a str,
}

/// The parts of a reference (section 4.1) to something by HTTP. A fragment is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Parses a reference. `None`: its scheme is not of HTTP, or nothing can be at such a place.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.split('#').next().unwrap_or_default();
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if !scheme.contains(['/', '?']) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(authority), path)
            }
            None => (None, rest),
        };
        let is_http = scheme.is_none_or(|scheme| default_port(scheme).is_some());
        // With a scheme and without an authority, what follows would be no path of the origin.
        (is_http && (scheme.is_none() || authority.is_some())).then_some(Self {
            scheme,
            authority,
            path,
            query,
        })
    }

    /// Returns whether it is at this origin. A relative one is, and no other if the origin is not known.
    pub(super) fn is_at(&self, origin: Option<Origin<'_>>) -> bool {
        let Some(authority) = self.authority else {
            return true;
        };
        let Some(origin) = origin else { return false };
        let schemes = self.scheme.zip(origin.scheme);
        if schemes.is_some_and(|(own, other)| !own.eq_ignore_ascii_case(other)) {
            return false;
        }
        let default = self.scheme.or(origin.scheme).and_then(default_port);
        let (own, other) = (host_and_port(authority), host_and_port(origin.authority));
        own.zip(other).is_some_and(|(own, other)| {
            !own.0.is_empty()
                && own.0.eq_ignore_ascii_case(other.0)
                && own.1.or(default) == other.1.or(default)
        })
    }
}

/// Resolves a reference of the same origin against the target of a request (section 5.2.2).
pub(super) fn resolve(base: &PathAndQuery, reference: &Reference<'_>) -> String {
    let is_relative = reference.authority.is_none() && !reference.path.starts_with('/');
    let (path, query) = if !is_relative {
        (without_dots(reference.path), reference.query)
    } else if reference.path.is_empty() {
        let query = reference.query.or(base.query());
        (base.path().into(), query)
    } else {
        // Section 5.2.3.
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let merged = format!("{folder}/{}", reference.path);
        (without_dots(&merged), reference.query)
    };
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Removes dot segments from an absolute path (section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

/// Splits an authority, without what a user is named by there. `None`: the port is none.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    match place.rsplit_once(':') {
        // A colon within the brackets of an address is none of a port.
        Some((host, port)) if !port.ends_with(']') => match port {
            "" => Some((host, None)),
            port if port.bytes().all(|digit| digit.is_ascii_digit()) => {
                Some((host, Some(port.parse().ok()?)))
            }
            _ => None,
        },
        _ => Some((place, None)),
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    if scheme.eq_ignore_ascii_case("http") {
        Some(80)
    } else if scheme.eq_ignore_ascii_case("https") {
        Some(443)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
