//! Which parts of a query tell requests apart.

use smallvec::SmallVec;

use super::Input;

/// Which parts of the query tell requests apart, see [`CachePolicy::query`](crate::response_cache::CachePolicy::query).
///
/// Parameters are what stands between the `&`, as raw text: nothing is decoded. Where a service might read something
/// else in it, such as in an escaped name or around a `;`, two requests have two entries rather than one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Query {
    /// All of it, as it is.
    #[default]
    Exact,
    /// All parameters, in whatever order. Those of one name stay in their order, and so do those that begin alike before
    /// a `[`. A query with an escaped name or a `;` is taken as it is.
    Sorted,
    /// Only the parameters of these names, in their order: `id` also takes `ID`, and `id[…]`.
    ///
    /// An escaped name, which may be one of them, and a parameter with a `;`, which may hold one, count, too.
    Only(&'static [&'static str]),
    /// All but the parameters of exactly these names, in their order: `&["utm_source", "utm_medium"]`.
    ///
    /// An escaped name is not ignored, and neither is a parameter with a `;`, which may hold another one.
    Ignore(&'static [&'static str]),
    /// Nothing of it.
    ///
    /// # Security
    /// Right only where the service does not read the query at all: what it answers to one is for all.
    Nothing,
}

impl Query {
    /// Appends what tells the query apart, and by which rule.
    pub(super) fn put(self, query: Option<&str>, input: &mut Input) {
        let rule = match self {
            Self::Exact => b"=",
            Self::Sorted => b"<",
            Self::Only(_) => b"+",
            Self::Ignore(_) => b"-",
            Self::Nothing => b"*",
        };
        input.put(Some(rule));
        if self == Self::Exact {
            input.put(query.map(str::as_bytes));
            return;
        }
        let all = query.into_iter().flat_map(|query| query.split('&'));
        let mut counted: SmallVec<[&str; 16]> = all.filter(|text| self.counts(text)).collect();
        if self == Self::Sorted && counted.iter().all(|text| is_plain(text)) {
            counted.sort_by(|a, b| root(a).cmp(root(b)));
        }
        counted
            .iter()
            .for_each(|text| input.put(Some(text.as_bytes())));
        input.put(None);
    }

    fn counts(self, parameter: &str) -> bool {
        let name = name(parameter);
        match self {
            Self::Exact | Self::Sorted => true,
            Self::Only(names) => {
                let is_named = |listed: &&str| root(parameter).eq(root(listed));
                !is_plain(parameter) || names.iter().any(is_named)
            }
            Self::Ignore(names) => !names.contains(&name) || parameter.contains(';'),
            Self::Nothing => false,
        }
    }
}

fn name(parameter: &str) -> &str {
    parameter
        .split_once('=')
        .map_or(parameter, |(name, _)| name)
}

/// Returns what parameters have in common that a service may read as one, in lower case.
fn root(parameter: &str) -> impl Iterator<Item = u8> {
    let name = name(parameter).bytes();
    name.take_while(|byte| *byte != b'[')
        .map(|byte| byte.to_ascii_lowercase())
}

/// Returns whether every service reads the same name, and one parameter.
fn is_plain(parameter: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~[]".contains(&byte);
    name(parameter).bytes().all(is_plain) && !parameter.contains(';')
}
