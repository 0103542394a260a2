//! The primary key of a request: RFC 9111, section 2.
//!
//! A SHA-256 of everything that tells requests apart, each part with its length in front and what is absent unlike what
//! is empty, so that no two lists of parts are alike. GET and HEAD share a key.

mod authority;
mod query;

use http::{HeaderMap, HeaderName, Uri, uri::Scheme};

use self::authority::{Authority, Host};
pub use self::query::Query;
use super::{digest::Digest, stored::Varied};
use crate::store::{Identifier, Tag};

/// What a policy makes keys of, beside the URL.
#[derive(Clone, Debug)]
pub(in crate::response_cache) struct KeyParts {
    pub(in crate::response_cache) policy: &'static str,
    /// The scheme of requests that do not name one, as HTTP/1.1 does not. `None`: `http`, but as nobody is sure of it,
    /// no port is left out as the default one.
    pub(in crate::response_cache) scheme: Option<Scheme>,
    pub(in crate::response_cache) query: Query,
    /// Request fields that are part of the key, with all their lines as they are.
    pub(in crate::response_cache) headers: Vec<HeaderName>,
}

/// The primary key of a request.
///
/// It is made of the [target](super::target) of the request: nothing is decoded or normalised in the path, so that `%2f`,
/// `;`, `//` or case never make one of two that differ for the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) struct CacheKey {
    digest: Digest,
    has_more_than_url: bool,
}

impl CacheKey {
    /// Returns the key of a request, or `None` where it does not say for which authority it is: such a request is not
    /// cached.
    ///
    /// The authority is that of the URI (HTTP/2, requests to proxies), else the `Host` field, of which there must be one
    /// line. It is compared in lower case and without the default port of its scheme. Where the URI has an authority and
    /// `Host` contradicts it, both are in the key: services read one or the other.
    pub(in crate::response_cache) fn of_request(
        parts: &KeyParts,
        uri: &Uri,
        headers: &HeaderMap,
        subject: Option<&Identifier>,
    ) -> Option<Self> {
        let target = Target::of(parts.scheme.as_ref(), uri, headers)?;
        let mut input = Input::default();
        input.put(Some(parts.policy.as_bytes()));
        target.put_origin(&mut input);
        input.put(target.spelled);
        input.put(Some(target.path.as_bytes()));
        parts.query.put(target.query, &mut input);
        for name in &parts.headers {
            input.put(Some(name.as_str().as_bytes()));
            let lines = headers.get_all(name).iter();
            lines.for_each(|line| input.put(Some(line.as_bytes())));
            input.put(None);
        }
        input.put(
            subject
                .map(Identifier::to_text)
                .as_ref()
                .map(String::as_bytes),
        );
        Some(Self {
            digest: input.digest(),
            has_more_than_url: target.spelled.is_some()
                || !parts.headers.is_empty()
                || subject.is_some(),
        })
    }

    /// Returns the key of requests for a URL that have nothing else in their keys. `None` without a scheme and an
    /// authority: the URL is not that of a request, but one that somebody wants purged.
    ///
    /// Entries whose keys have [more than the URL](Self::has_more_than_url) are purged by their [tag](url_tag).
    #[cfg(test)]
    pub(in crate::response_cache) fn of_url(parts: &KeyParts, uri: &Uri) -> Option<Self> {
        uri.scheme()?;
        Self::of_request(parts, uri, &HeaderMap::new(), None)
    }

    pub(in crate::response_cache) const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns whether the key has parts that a URL does not tell: entries carry the [`url_tag`] then.
    pub(in crate::response_cache) const fn has_more_than_url(&self) -> bool {
        self.has_more_than_url
    }

    /// Returns the identifier of the base entry, in the scope of the policy.
    pub(in crate::response_cache) fn base_identifier(&self) -> Identifier {
        Identifier::digest(*self.digest.as_bytes())
    }

    /// Returns the identifier of the entry of a variant that is not in the base entry, in the scope of the policy.
    pub(in crate::response_cache) fn variant_identifier(&self, varied: &Varied) -> Identifier {
        // The input of a base's digest is one part: no variant's digest is a base's.
        let names = varied.names.iter().map(|name| name.as_str().as_bytes());
        let parts = [&b"variant"[..], self.digest.as_bytes()]
            .into_iter()
            .chain(names)
            .chain([&varied.values.as_bytes()[..]]);
        Identifier::digest(*Digest::of(parts).as_bytes())
    }
}

/// Returns the tag of everything that is stored under a policy for the URL of a request, whatever else is in the keys. `None`
/// where there is no key. For a URL without a request, the headers are empty.
pub(in crate::response_cache) fn url_tag(
    parts: &KeyParts,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Tag> {
    let digest = url_digest(parts, uri, headers)?;
    Some(Tag::new(Identifier::digest(*digest.as_bytes())))
}

/// Returns what the keys of a policy for the URL of a request have in common: of its query, what counts.
pub(in crate::response_cache) fn url_digest(
    parts: &KeyParts,
    uri: &Uri,
    headers: &HeaderMap,
) -> Option<Digest> {
    let target = Target::of(parts.scheme.as_ref(), uri, headers)?;
    let mut input = Input::default();
    target.put_origin(&mut input);
    input.put(Some(target.path.as_bytes()));
    parts.query.put(target.query, &mut input);
    Some(input.digest())
}

/// Where a request goes.
struct Target<'a> {
    scheme: &'a str,
    authority: Authority<'a>,
    /// `Host`, where it does not say the same as the authority, or might not to the service.
    spelled: Option<&'a [u8]>,
    path: &'a str,
    query: Option<&'a str>,
}

impl<'a> Target<'a> {
    fn of(scheme: Option<&'a Scheme>, uri: &'a Uri, headers: &'a HeaderMap) -> Option<Self> {
        let known = uri.scheme_str().or_else(|| scheme.map(Scheme::as_str));
        let scheme = known.unwrap_or("http");
        let uri_authority = uri
            .authority()
            .map(|authority| authority.as_str().as_bytes());
        let (authority, spelled) = match (uri_authority, Host::of(headers)) {
            (_, Host::Several) | (None, Host::Absent) => return None,
            (Some(text), Host::Absent) => (Authority::parse(text, scheme)?, None),
            (Some(text), Host::One(host)) => {
                let authority = Authority::parse(text, scheme)?;
                let differs = !authority.is_like(&Authority::parse(host, scheme)?);
                (authority, differs.then_some(host))
            }
            (None, Host::One(host)) => {
                let authority = Authority::parse(host, scheme)?;
                // Behind a proxy that ends TLS, `:80` is not what the service would leave out.
                let is_unsure = known.is_none() && authority.has_default_port();
                (authority, is_unsure.then_some(host))
            }
        };
        Some(Self {
            scheme,
            authority,
            spelled,
            path: uri.path(),
            query: uri.query(),
        })
    }

    fn put_origin(&self, input: &mut Input) {
        input.put_lower(self.scheme.as_bytes());
        input.put_lower(self.authority.host_and_port());
    }
}

/// What a digest is taken of: on the stack, unless it is long.
struct Input {
    short: [u8; SHORT],
    len: usize,
    /// All of it, once it is longer.
    long: Vec<u8>,
}

const SHORT: usize = 256;

impl Default for Input {
    fn default() -> Self {
        Self {
            short: [0; SHORT],
            len: 0,
            long: Vec::new(),
        }
    }
}

impl Input {
    /// Appends a part, or that there is none.
    fn put(&mut self, part: Option<&[u8]>) {
        let Some(part) = part else {
            self.append(&[0]);
            return;
        };
        self.put_length(part.len());
        self.append(part);
    }

    fn put_lower(&mut self, part: &[u8]) {
        self.put(Some(part));
        let all = match &mut self.long[..] {
            [] => self.short.get_mut(..self.len).unwrap_or_default(),
            long => long,
        };
        let start = all.len().saturating_sub(part.len());
        all.get_mut(start..)
            .unwrap_or_default()
            .make_ascii_lowercase();
    }

    /// Zero is what is absent, so one more than the length: in one byte, or in nine of which the first is the largest.
    fn put_length(&mut self, length: usize) {
        match u8::try_from(length + 1) {
            Ok(short) if short < u8::MAX => self.append(&[short]),
            _ => {
                self.append(&[u8::MAX]);
                self.append(&(length as u64).to_le_bytes());
            }
        }
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.short.get_mut(self.len..end) {
            Some(room) if self.long.is_empty() => {
                room.copy_from_slice(bytes);
                self.len = end;
            }
            _ => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.long.is_empty() {
            self.long.reserve(2 * SHORT + bytes.len());
            self.long.extend(self.short.iter().take(self.len));
        }
        self.long.extend_from_slice(bytes);
    }

    fn bytes(&self) -> &[u8] {
        match &self.long[..] {
            [] => self.short.get(..self.len).unwrap_or_default(),
            long => long,
        }
    }

    fn digest(&self) -> Digest {
        Digest::of([self.bytes()])
    }
}

#[cfg(test)]
mod tests;
