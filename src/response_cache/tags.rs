//! The tags of a response: what a purge may name it by.
//!
//! | field | members | on its way out |
//! |---|---|---|
//! | `Cache-Groups` (RFC 9875, section 2) | strings of a structured field | stays: clients' caches group by it, too |
//! | `Surrogate-Key` | between spaces | [stripped](strip) |
//! | `Cache-Tag` | between commas | [stripped](strip) |
//!
//! A purge by tag means every response that carries that text, whatever the field and the host. Groups are of one origin
//! (section 1): what a response invalidates by `Cache-Group-Invalidation` is purged within its own origin only. So a group is two tags:
//! its text, and its text with its origin.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, collections::BTreeSet, error::Error, fmt};

use http::{HeaderMap, HeaderName, Method, StatusCode};
use sfv::{
    BareItemFromInput, Parser, StringRef,
    visitor::{EntryVisitor, Ignored, InnerListVisitor, ItemVisitor, ListVisitor, Never},
};

use super::{caching::Caching, semantics::invalidation};
use crate::store::{Identifier, Tag};

const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");
const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// The most tags of a response, each once: 64 groups, or twice as many others.
pub(super) const MOST: usize = 128;
/// The longest tag, in bytes.
const LONGEST: usize = 1024;

/// The origin of a target URI (RFC 9110, section 4.3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub(super) scheme: &'a str,
    /// With the port, if it is part of the key of a response.
    pub(super) authority: &'a str,
}

impl Origin<'_> {
    fn tag(self, group: &str) -> Tag {
        let [scheme, authority] =
            [self.scheme, self.authority].map(|part| part.to_ascii_lowercase().into());
        Tag::new(Identifier::tuple(&[scheme, authority, group.into()]))
    }
}

/// Why a response must not be stored: a tag that is lost is a purge that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untaggable {
    /// More than 128 tags; a group counts twice.
    TooMany,
    /// A tag of more than 1,024 bytes.
    TooLong,
    /// `Cache-Groups` is no list of strings.
    Malformed,
}

/// Returns the tags of a response, sorted and each once: of its fields, of its policy and of its handler.
///
/// # Errors
/// If the response cannot be stored with all of them.
pub(super) fn tags_of(
    headers: &HeaderMap,
    policy: &[&str],
    caching: Option<&Caching>,
    origin: Origin<'_>,
) -> Result<Vec<Tag>, Untaggable> {
    let mut tags = Tags::default();
    for tag in policy {
        tags.take(tag.as_bytes())?;
    }
    for tag in caching.into_iter().flat_map(Caching::known_tags) {
        tags.insert(tag.clone())?;
    }
    for line in headers.get_all(SURROGATE_KEY) {
        let keys = line.as_bytes().split(u8::is_ascii_whitespace);
        keys.filter(|key| !key.is_empty())
            .try_for_each(|key| tags.take(key))?;
    }
    for line in headers.get_all(CACHE_TAG) {
        let listed = line.as_bytes().split(|byte| *byte == b',');
        let listed = listed.map(<[u8]>::trim_ascii);
        listed
            .filter(|tag| !tag.is_empty())
            .try_for_each(|tag| tags.take(tag))?;
    }
    for line in headers.get_all(CACHE_GROUPS) {
        for group in strings(line.as_bytes()).ok_or(Untaggable::Malformed)? {
            tags.take(group.as_str().as_bytes())?;
            tags.insert(origin.tag(group.as_str()))?;
        }
    }
    Ok(tags.0.into_iter().collect())
}

/// Returns the tags of the groups that a response invalidates (RFC 9875, section 3): only one that did something, to a
/// method that is not safe. Lines that are no lists of strings are ignored, as structured fields are.
pub(super) fn invalidated_groups(
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
    origin: Origin<'_>,
) -> Vec<Tag> {
    let is_safe = invalidation::is_safe(method);
    if is_safe || !(status.is_success() || status.is_redirection()) {
        return Vec::new();
    }
    let lines = headers.get_all(CACHE_GROUP_INVALIDATION).into_iter();
    let groups = lines.filter_map(|line| strings(line.as_bytes())).flatten();
    let tags: BTreeSet<Tag> = groups.map(|group| origin.tag(group.as_str())).collect();
    tags.into_iter().collect()
}

/// Removes the fields that are meant for this cache alone, also from what is not stored.
pub(super) fn strip(headers: &mut HeaderMap) {
    headers.remove(SURROGATE_KEY);
    headers.remove(CACHE_TAG);
}

#[derive(Default)]
struct Tags(BTreeSet<Tag>);

impl Tags {
    fn take(&mut self, tag: &[u8]) -> Result<(), Untaggable> {
        if tag.len() > LONGEST {
            return Err(Untaggable::TooLong);
        }
        self.insert(Tag::new(Identifier::new(tag)))
    }

    fn insert(&mut self, tag: Tag) -> Result<(), Untaggable> {
        self.0.insert(tag);
        match self.0.len() > MOST {
            true => Err(Untaggable::TooMany),
            false => Ok(()),
        }
    }
}

/// Reads a list of strings (RFC 9651, section 3.1). `None` for anything else.
fn strings(line: &[u8]) -> Option<Vec<Cow<'_, StringRef>>> {
    Parser::new(line)
        .parse_list_with_visitor(Strings(Vec::new()))
        .ok()
}

struct Strings<'a>(Vec<Cow<'a, StringRef>>);

#[derive(Debug)]
struct NoString;

impl fmt::Display for NoString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member that is no string")
    }
}

impl Error for NoString {}

impl<'a> ListVisitor<'a> for Strings<'a> {
    type Out = Vec<Cow<'a, StringRef>>;
    type Error = NoString;

    fn entry(&mut self) -> Result<impl EntryVisitor<'a>, NoString> {
        Ok(Member(&mut self.0))
    }

    fn finish(self) -> Result<Self::Out, NoString> {
        Ok(self.0)
    }
}

struct Member<'m, 'a>(&'m mut Vec<Cow<'a, StringRef>>);

impl<'a> EntryVisitor<'a> for Member<'_, 'a> {
    type Error = NoString;

    fn item(self) -> Result<impl ItemVisitor<'a>, NoString> {
        Ok(move |item| match item {
            BareItemFromInput::String(string) => {
                self.0.push(string);
                Ok(Ignored)
            }
            _ => Err(NoString),
        })
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'a>, NoString> {
        Err::<Never, _>(NoString)
    }
}
