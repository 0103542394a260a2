//! `Cache-Control` (RFC 9111, section 5.2), `stale-while-revalidate` and `stale-if-error` (RFC 5861) and `immutable`
//! (RFC 8246).
//!
//! In doubt, less is allowed: what is no number of seconds is zero, a directive that forbids is obeyed whatever follows its
//! name, and one that allows has to be exactly itself. Of a directive that is there twice, the first counts (section 4.2.1).

mod members;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CACHE_CONTROL, PRAGMA},
};

use self::members::{Argument, Members};

/// What a response says of its use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::response_cache) struct ResponseDirectives {
    pub(in crate::response_cache) max_age: Option<Duration>,
    pub(in crate::response_cache) s_maxage: Option<Duration>,
    pub(in crate::response_cache) no_store: bool,
    pub(in crate::response_cache) no_cache: Extent,
    pub(in crate::response_cache) private: Extent,
    pub(in crate::response_cache) public: bool,
    pub(in crate::response_cache) must_revalidate: bool,
    pub(in crate::response_cache) proxy_revalidate: bool,
    pub(in crate::response_cache) must_understand: bool,
    pub(in crate::response_cache) no_transform: bool,
    pub(in crate::response_cache) immutable: bool,
    pub(in crate::response_cache) stale_while_revalidate: Option<Duration>,
    pub(in crate::response_cache) stale_if_error: Option<Duration>,
}

/// What `no-cache` or `private` is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::response_cache) enum Extent {
    #[default]
    Nothing,
    /// Some of its fields: the qualified form.
    Fields(Vec<HeaderName>),
    Response,
}

/// What a request says of the responses it takes (section 5.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::response_cache) struct RequestDirectives {
    pub(in crate::response_cache) max_age: Option<Duration>,
    /// How stale a response may be. However stale: [`Duration::MAX`].
    pub(in crate::response_cache) max_stale: Option<Duration>,
    pub(in crate::response_cache) min_fresh: Option<Duration>,
    /// `no-cache`, or `Pragma: no-cache` without any `Cache-Control` (section 5.4).
    pub(in crate::response_cache) no_cache: bool,
    pub(in crate::response_cache) no_store: bool,
    pub(in crate::response_cache) only_if_cached: bool,
    pub(in crate::response_cache) stale_if_error: Option<Duration>,
    pub(in crate::response_cache) no_transform: bool,
}

impl ResponseDirectives {
    /// Reads all lines of `Cache-Control`, in their order.
    pub(in crate::response_cache) fn parse(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            for member in Members::of(line.as_bytes()) {
                directives.add(member.name, &member.argument);
            }
        }
        directives
    }

    fn add(&mut self, name: &[u8], argument: &Argument<'_>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let is_bare = matches!(argument, Argument::None);
        if is("max-age") {
            self.max_age
                .get_or_insert_with(|| seconds_or_zero(argument));
        } else if is("s-maxage") {
            self.s_maxage
                .get_or_insert_with(|| seconds_or_zero(argument));
        } else if is("no-store") {
            self.no_store = true;
        } else if is("no-cache") {
            self.no_cache.add(argument);
        } else if is("private") {
            self.private.add(argument);
        } else if is("public") {
            self.public |= is_bare;
        } else if is("must-revalidate") {
            self.must_revalidate = true;
        } else if is("proxy-revalidate") {
            self.proxy_revalidate = true;
        } else if is("must-understand") {
            self.must_understand |= is_bare;
        } else if is("no-transform") {
            self.no_transform = true;
        } else if is("immutable") {
            self.immutable |= is_bare;
        } else if is("stale-while-revalidate") {
            let window = &mut self.stale_while_revalidate;
            window.get_or_insert_with(|| seconds_or_zero(argument));
        } else if is("stale-if-error") {
            let window = &mut self.stale_if_error;
            window.get_or_insert_with(|| seconds_or_zero(argument));
        }
    }
}

impl Extent {
    /// Returns whether it is the unqualified form.
    pub(in crate::response_cache) const fn is_response(&self) -> bool {
        matches!(self, Self::Response)
    }

    /// Returns the fields of the qualified form.
    pub(in crate::response_cache) fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(names) => names,
            Self::Nothing | Self::Response => &[],
        }
    }

    fn add(&mut self, argument: &Argument<'_>) {
        let names = argument.bytes().map(Iterator::collect::<Vec<u8>>);
        self.add_names(names.as_deref().unwrap_or_default());
    }

    /// Adds a list of names of fields. All of the response, if that is not what it is.
    pub(super) fn add_names(&mut self, list: &[u8]) {
        let names = list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        let names = names.filter(|name| !name.is_empty());
        let names: Result<Vec<_>, _> = names.map(HeaderName::from_bytes).collect();
        match (names, &mut *self) {
            (Ok(names), Self::Nothing) if !names.is_empty() => *self = Self::Fields(names),
            (Ok(names), Self::Fields(all)) if !names.is_empty() => all.extend(names),
            _ => *self = Self::Response,
        }
    }
}

impl RequestDirectives {
    /// Reads all lines of `Cache-Control`, in their order, and `Pragma` if there are none.
    pub(in crate::response_cache) fn parse(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for line in headers.get_all(CACHE_CONTROL) {
            for member in Members::of(line.as_bytes()) {
                directives.add(member.name, &member.argument);
            }
        }
        if !headers.contains_key(CACHE_CONTROL) {
            directives.no_cache = headers.get_all(PRAGMA).iter().any(says_no_cache);
        }
        directives
    }

    /// Returns whether nothing is said against an answer that is stale while it is validated, and stored anew.
    pub(in crate::response_cache) const fn takes_what_is_revalidated(&self) -> bool {
        let is_particular = self.max_age.is_some() || self.min_fresh.is_some();
        !is_particular && !self.no_cache && !self.no_store
    }

    fn add(&mut self, name: &[u8], argument: &Argument<'_>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("max-age") {
            self.max_age
                .get_or_insert_with(|| seconds_or_zero(argument));
        } else if is("max-stale") {
            self.max_stale.get_or_insert_with(|| match argument {
                Argument::None => Duration::MAX,
                _ => seconds_or_zero(argument),
            });
        } else if is("min-fresh") {
            // Zero is what allows more, so that it is not assumed.
            self.min_fresh
                .get_or_insert_with(|| seconds_of(argument).unwrap_or(MAX_DELTA));
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("no-store") {
            self.no_store = true;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        } else if is("stale-if-error") {
            self.stale_if_error
                .get_or_insert_with(|| seconds_or_zero(argument));
        } else if is("no-transform") {
            self.no_transform = true;
        }
    }
}

fn says_no_cache(line: &HeaderValue) -> bool {
    Members::of(line.as_bytes()).any(|member| member.name.eq_ignore_ascii_case(b"no-cache"))
}

/// What larger numbers of seconds are taken for (section 1.2.2).
pub(super) const MAX_DELTA: Duration = Duration::from_secs(1 << 31);

/// Reads a number of seconds: nothing but digits.
pub(super) fn delta_seconds(digits: impl IntoIterator<Item = u8>) -> Option<Duration> {
    let mut seconds = None::<u64>;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let more = u64::from(digit - b'0');
        seconds = Some((seconds.unwrap_or(0) * 10 + more).min(MAX_DELTA.as_secs()));
    }
    seconds.map(Duration::from_secs)
}

fn seconds_of(argument: &Argument<'_>) -> Option<Duration> {
    argument.bytes().and_then(delta_seconds)
}

fn seconds_or_zero(argument: &Argument<'_>) -> Duration {
    seconds_of(argument).unwrap_or(Duration::ZERO)
}
