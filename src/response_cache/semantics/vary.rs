//! Which requests a stored response answers: RFC 9111, section 4.1.

use http::{
    HeaderMap, HeaderName,
    header::{ACCEPT_ENCODING, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LANGUAGE, VARY},
};
use smallvec::{SmallVec, smallvec};

use super::{
    etag::only,
    fields::members,
    negotiation::{self, Text},
};
use crate::response_cache::{digest::Digest, stored::Varied};

/// Which requests are alike although their fields are not, byte by byte.
///
/// Always on is what cannot lead to an answer that a client does not accept: lines of a field are one list; white space,
/// case and order mean nothing in `Accept-Encoding` and `Accept-Language`, and white space around commas nothing in other
/// fields that are lists by their standards.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::response_cache) struct Normalise {
    /// The codings that the service has. Others, and preferences among them, are ignored in `Accept-Encoding`; a response
    /// in another one answers no second request. Default: all that clients name.
    pub(in crate::response_cache) codings: Option<&'static [&'static str]>,
    /// Whether a response in the language that a request likes best answers it, whatever else is in `Accept-Language`.
    /// Default: no, as a service may also choose by the others.
    pub(in crate::response_cache) by_language: bool,
    /// Whether fields that we do not know are lists, so that white space around their commas means nothing. Default: no.
    pub(in crate::response_cache) unknown_lists: bool,
}

/// Digests of a request, the first is that of all its fields as they are.
type Digests = SmallVec<[Digest; 1]>;

/// The digest of no fields, which costs nothing.
pub(in crate::response_cache) const NOTHING: Digest = Digest::from_bytes([0; 32]);

/// No value of a field has it, so a part that starts with it is no value.
const NO_VALUE: u8 = 0;

impl Varied {
    /// Reads which requests a response answers. `None`: none but the one it was made for, as `Vary` has a `*`, or is not
    /// understood.
    pub(in crate::response_cache) fn of(
        response: &HeaderMap,
        request: &HeaderMap,
        normalise: &Normalise,
    ) -> Option<Self> {
        let names = names(response)?;
        if let Some(codings) = normalise.codings {
            let known = |coding: &[u8]| negotiation::is_known(&negotiation::lower(coding), codings);
            if names.contains(&ACCEPT_ENCODING) && !members(response, &CONTENT_ENCODING).all(known)
            {
                return None;
            }
        }
        let language = language(&names, response, request, normalise);
        let values = digest(&names, request, normalise, language.as_ref());
        Some(Self { names, values })
    }

    /// Returns whether a request is answered by the response.
    pub(in crate::response_cache) fn matches(
        &self,
        request: &HeaderMap,
        normalise: &Normalise,
    ) -> bool {
        // No digest is made where there is nothing to compare.
        self.names.is_empty() || digests_for(&self.names, request, normalise).contains(&self.values)
    }
}

/// Returns the digest of what a request has in these fields, as [`Varied`] names them: its secondary key.
pub(in crate::response_cache) fn digest_for(
    names: &[HeaderName],
    request: &HeaderMap,
    normalise: &Normalise,
) -> Digest {
    digest(names, request, normalise, None)
}

/// Returns all digests that a response for this request may have. More than one only if
/// [`by_language`](Normalise::by_language) is set.
pub(in crate::response_cache) fn digests_for(
    names: &[HeaderName],
    request: &HeaderMap,
    normalise: &Normalise,
) -> Digests {
    let mut digests: Digests = smallvec![digest_for(names, request, normalise)];
    if normalise.by_language && names.contains(&ACCEPT_LANGUAGE) {
        let favourites = favourites(request);
        digests.extend(
            favourites
                .iter()
                .map(|language| digest(names, request, normalise, Some(language))),
        );
    }
    digests
}

/// Returns the fields that `Vary` names, sorted, each once.
fn names(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    for member in members(response, &VARY) {
        if member == b"*" {
            return None;
        }
        names.push(HeaderName::from_bytes(member).ok()?);
    }
    names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    names.dedup();
    Some(names)
}

/// Returns the language of a response if it is one that the request likes best.
fn language(
    names: &[HeaderName],
    response: &HeaderMap,
    request: &HeaderMap,
    normalise: &Normalise,
) -> Option<Text> {
    if !normalise.by_language || !names.contains(&ACCEPT_LANGUAGE) {
        return None;
    }
    let language = only(response, &CONTENT_LANGUAGE)?;
    let language = negotiation::lower(language.as_bytes().trim_ascii());
    favourites(request).contains(&language).then_some(language)
}

fn favourites(request: &HeaderMap) -> SmallVec<[Text; 2]> {
    match combined(request, &ACCEPT_LANGUAGE) {
        Some(value) => negotiation::favourites(value.bytes()),
        None => SmallVec::new(),
    }
}

/// Makes the digest. A language stands for all of `Accept-Language`.
fn digest(
    names: &[HeaderName],
    request: &HeaderMap,
    normalise: &Normalise,
    language: Option<&Text>,
) -> Digest {
    if names.is_empty() {
        return NOTHING;
    }
    let values: SmallVec<[Value<'_>; 2]> = names
        .iter()
        .map(|name| match language {
            Some(language) if *name == ACCEPT_LANGUAGE => {
                let mut text = Text::from_slice(&[NO_VALUE]);
                text.extend_from_slice(language);
                Value::Made(text)
            }
            _ => match combined(request, name) {
                Some(value) => value.normalised(name, normalise),
                None => Value::Sent(&[NO_VALUE]),
            },
        })
        .collect();
    let names = names.iter().map(|name| name.as_str().as_bytes());
    Digest::of(
        names
            .zip(&values)
            .flat_map(|(name, value)| [name, value.bytes()]),
    )
}

/// The value of a field, all its lines.
enum Value<'a> {
    Sent(&'a [u8]),
    Made(Text),
}

/// Combines the lines of a field (RFC 9110, section 5.3). `None`: there is none, which is not an empty one.
fn combined<'a>(request: &'a HeaderMap, name: &HeaderName) -> Option<Value<'a>> {
    let mut lines = request.get_all(name).iter();
    let first = lines.next()?.as_bytes().trim_ascii();
    let Some(second) = lines.next() else {
        return Some(Value::Sent(first));
    };
    let mut text = Text::from_slice(first);
    for line in std::iter::once(second).chain(lines) {
        text.extend_from_slice(b", ");
        text.extend_from_slice(line.as_bytes().trim_ascii());
    }
    Some(Value::Made(text))
}

impl Value<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Sent(bytes) => bytes,
            Self::Made(text) => text,
        }
    }

    /// Returns the form that all values of the same meaning share. What is not understood stays as it is.
    fn normalised(self, name: &HeaderName, normalise: &Normalise) -> Self {
        let form = if *name == ACCEPT_ENCODING {
            match normalise.codings {
                Some(known) => negotiation::codings(self.bytes(), known),
                None => negotiation::canonical(self.bytes()),
            }
        } else if *name == ACCEPT_LANGUAGE {
            negotiation::canonical(self.bytes())
        } else if self.bytes().contains(&b',') && (normalise.unknown_lists || is_list(name)) {
            Some(without_space(self.bytes()))
        } else {
            None
        };
        form.map_or(self, Value::Made)
    }
}

/// The fields of requests that are lists by their standards and that services choose by.
fn is_list(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "accept"
            | "accept-charset"
            | "access-control-request-headers"
            | "cache-control"
            | "prefer"
            | "sec-ch-ua"
            | "sec-ch-ua-full-version-list"
    )
}

/// Removes the white space around commas outside of quoted strings.
fn without_space(value: &[u8]) -> Text {
    let (mut text, mut quoted, mut escaped) = (Text::new(), false, false);
    for &byte in value {
        let is_space = matches!(byte, b' ' | b'\t');
        if is_space && !quoted && text.last() == Some(&b',') {
            continue;
        }
        if byte == b',' && !quoted {
            while matches!(text.last(), Some(b' ' | b'\t')) {
                text.pop();
            }
        }
        if byte == b'"' && !escaped {
            quoted = !quoted;
        }
        escaped = quoted && byte == b'\\' && !escaped;
        text.push(byte);
    }
    text
}

#[cfg(test)]
mod tests;
