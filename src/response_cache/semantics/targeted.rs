//! Targeted cache control: RFC 9213.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, convert::Infallible, error::Error, fmt, time::Duration};

use http::{HeaderMap, HeaderName};
use sfv::{
    BareItemFromInput, KeyRef, Parser,
    visitor::{DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor},
};

use super::directives::{Extent, MAX_DELTA, ResponseDirectives};

/// The directives that hold for this cache, and where they are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::response_cache) struct Governing {
    pub(in crate::response_cache) directives: ResponseDirectives,
    /// Whether they are from a targeted field. `Expires` says nothing then (section 2.2).
    pub(in crate::response_cache) is_targeted: bool,
}

impl Governing {
    /// Takes the first targeted field that is there and a structured field that is not empty, or `Cache-Control`.
    pub(in crate::response_cache) fn of(headers: &HeaderMap, targets: &[HeaderName]) -> Self {
        let targeted = targets.iter().find_map(|name| parse(headers, name));
        let is_targeted = targeted.is_some();
        let directives = targeted.unwrap_or_else(|| ResponseDirectives::parse(headers));
        Self {
            directives,
            is_targeted,
        }
    }
}

fn parse(headers: &HeaderMap, name: &HeaderName) -> Option<ResponseDirectives> {
    let mut lines = headers.get_all(name).iter().map(|line| line.as_bytes());
    let mut field = Cow::Borrowed(lines.next()?);
    for line in lines {
        let field = field.to_mut();
        field.extend_from_slice(b", ");
        field.extend_from_slice(line);
    }
    let dictionary = Dictionary {
        directives: ResponseDirectives::default(),
        is_empty: true,
    };
    let dictionary = Parser::new(&*field).parse_dictionary_with_visitor(dictionary);
    let dictionary = dictionary.ok().filter(|parsed| !parsed.is_empty)?;
    Some(dictionary.directives)
}

struct Dictionary {
    directives: ResponseDirectives,
    is_empty: bool,
}

/// A member, to become a directive. Of a key that is there twice, the last counts (RFC 9651, section 4.2.2).
struct Member<'de, 'a> {
    key: &'de str,
    directives: &'a mut ResponseDirectives,
}

/// A lifetime that is no integer. The field is ignored then, as one that is no structured field (section 2.1).
#[derive(Debug)]
struct NotAnInteger;

impl<'de> DictionaryVisitor<'de> for Dictionary {
    type Out = Self;
    type Error = Infallible;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Infallible> {
        self.is_empty = false;
        Ok(Member {
            key: key.as_str(),
            directives: &mut self.directives,
        })
    }

    fn finish(self) -> Result<Self, Infallible> {
        Ok(self)
    }
}

impl<'de> EntryVisitor<'de> for Member<'de, '_> {
    type Error = NotAnInteger;

    fn item(self) -> Result<impl ItemVisitor<'de>, NotAnInteger> {
        Ok(move |item: BareItemFromInput<'de>| self.set(Some(&item)).map(|()| Ignored))
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, NotAnInteger> {
        self.set(None).map(|()| Ignored)
    }
}

impl Member<'_, '_> {
    /// Sets the directive to an item, or to a list. As in `Cache-Control`, less is allowed in doubt.
    fn set(self, item: Option<&BareItemFromInput<'_>>) -> Result<(), NotAnInteger> {
        let to = self.directives;
        let boolean = item.and_then(|item| item.as_boolean());
        let (forbids, allows) = (boolean != Some(false), boolean == Some(true));
        match self.key {
            "max-age" => to.max_age = Some(seconds(item)?),
            "s-maxage" => to.s_maxage = Some(seconds(item)?),
            "no-store" => to.no_store = forbids,
            "no-cache" => to.no_cache = extent(item),
            "private" => to.private = extent(item),
            "public" => to.public = allows,
            "must-revalidate" => to.must_revalidate = forbids,
            "proxy-revalidate" => to.proxy_revalidate = forbids,
            "must-understand" => to.must_understand = allows,
            "no-transform" => to.no_transform = forbids,
            "immutable" => to.immutable = allows,
            "stale-while-revalidate" => to.stale_while_revalidate = Some(seconds(item)?),
            "stale-if-error" => to.stale_if_error = Some(seconds(item)?),
            _ => {}
        }
        Ok(())
    }
}

fn seconds(item: Option<&BareItemFromInput<'_>>) -> Result<Duration, NotAnInteger> {
    let integer = item.and_then(|item| item.as_integer());
    let seconds = i64::from(integer.ok_or(NotAnInteger)?);
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Ok(Duration::from_secs(seconds).min(MAX_DELTA))
}

fn extent(item: Option<&BareItemFromInput<'_>>) -> Extent {
    let names = match item {
        Some(BareItemFromInput::Boolean(false)) => return Extent::Nothing,
        Some(BareItemFromInput::String(names)) => names.as_str(),
        Some(BareItemFromInput::Token(name)) => name.as_str(),
        _ => return Extent::Response,
    };
    let mut extent = Extent::Nothing;
    extent.add_names(names.as_bytes());
    extent
}

impl fmt::Display for NotAnInteger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an integer")
    }
}

impl Error for NotAnInteger {}
