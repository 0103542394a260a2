//! Numbers of limits from configuration.

use std::{borrow::Borrow, collections::BTreeMap, error, fmt, sync::Arc};

use super::{Lease, Limit};
use crate::quota::{InvalidQuota, Quota};

/// The quotas of limits as an operator has set them, by name. Default: none. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use tower_upstash::{quota::Quota, rate_limit::{Limit, Overrides}};
///
/// const API: Limit = Limit::new("api", Quota::per_minute(60));
/// const LOGIN: Limit = Limit::new("login", Quota::strict(5, Duration::from_secs(15 * 60)));
///
/// // Text as of a file or of the environment. The login remains a strict window.
/// let numbers = [("login", "10/15min")];
/// let overrides = Overrides::new(numbers, [API, LOGIN])?;
///
/// let typo = Overrides::new([("ap1", "600/min")], [API, LOGIN]);
/// assert_eq!(typo.unwrap_err().to_string(), r#"no limit named "ap1"; known: api, login"#);
/// # Ok::<_, tower_upstash::rate_limit::InvalidOverride>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(Arc<BTreeMap<&'static str, Quota>>);

impl Overrides {
    /// Reads pairs of a name and a quota, as [`Quota::with_numbers`] of the quota that it replaces.
    ///
    /// `limits` are all limits of the program, so that a name which none of them has is found here and not never.
    ///
    /// # Errors
    /// If a name is not that of a limit; if a quota cannot be read; if a name is there twice with different quotas; if
    /// limits of one name have quotas so different that the text would mean something else for each.
    pub fn new(
        numbers: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
        limits: impl IntoIterator<Item = impl Borrow<Limit>>,
    ) -> Result<Self, InvalidOverride> {
        let mut known = BTreeMap::<_, Vec<_>>::new();
        let mut leased = Vec::new();
        for limit in limits {
            let limit = limit.borrow();
            known.entry(limit.name).or_default().push(limit.quota);
            if limit.lease.is_some() {
                leased.push(limit.name);
            }
        }
        let mut quotas = BTreeMap::new();
        for (name, text) in numbers {
            let Some((name, old)) = known.get_key_value(name.as_ref()) else {
                return Err(InvalidOverride::unknown(name.as_ref(), known.keys()));
            };
            let quota = replace(name, old, text.as_ref())?;
            if leased.contains(name) && !Lease::fits(&quota) {
                return Err(InvalidOverride::of(
                    name,
                    &"it is leased, and a strict quota cannot be",
                ));
            }
            if quotas
                .insert(*name, quota)
                .is_some_and(|other| other != quota)
            {
                return Err(InvalidOverride::of(name, &"it has two quotas"));
            }
        }
        Ok(Self(Arc::new(quotas)))
    }

    /// Returns what replaces the quota of a limit, if anything does.
    pub(super) fn quota(&self, name: &str) -> Option<&Quota> {
        self.0.get(name)
    }
}

/// Reads what replaces the quotas of all limits of one name.
fn replace(name: &str, old: &[Quota], text: &str) -> Result<Quota, InvalidOverride> {
    let mut new = old.iter().map(|quota| quota.with_numbers(text));
    let first = new.next().unwrap_or_else(|| text.parse());
    let first = first.map_err(|error: InvalidQuota| InvalidOverride::of(name, &error))?;
    if new.any(|other| other.as_ref() != Ok(&first)) {
        let why =
            "limits of this name differ, so the algorithm must be stated, as in `strict 5/15min`";
        return Err(InvalidOverride::of(name, &why));
    }
    Ok(first)
}

/// Why [`Overrides`] could not be read. The message names the limit, and the limits that there are.
///
/// Of what was read it quotes at most 64 characters, escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidOverride(Box<str>);

impl InvalidOverride {
    fn of(name: &str, why: &dyn fmt::Display) -> Self {
        Self(format!("limit {name:?}: {why}").into())
    }

    fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a &'static str>) -> Self {
        let start: String = name.chars().take(64).collect();
        let cut = if start.len() < name.len() { "…" } else { "" };
        let known: Vec<&str> = known.copied().collect();
        let known = match &*known {
            [] => "there are no limits".to_owned(),
            known => format!("known: {}", known.join(", ")),
        };
        Self(format!("no limit named {start:?}{cut}; {known}").into())
    }
}

impl fmt::Display for InvalidOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for InvalidOverride {}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Duration};

    use super::*;

    const API: Quota = Quota::per_minute(60);
    const LOGIN: Quota = Quota::strict(5, Duration::from_secs(900));

    fn limit(name: &'static str, quota: Quota) -> Limit {
        Limit::new(name, quota)
    }

    fn read(numbers: &[(&str, &str)]) -> Result<Overrides, InvalidOverride> {
        Overrides::new(
            numbers.iter().copied(),
            [limit("login", LOGIN), limit("api", API)],
        )
    }

    fn error(numbers: &[(&str, &str)]) -> String {
        read(numbers).expect_err("no overrides").to_string()
    }

    #[test]
    fn numbers_replace_the_quota_of_the_limit_that_they_name() {
        let map = HashMap::from([("login".to_owned(), "10/15min".to_owned())]);
        let limits = [
            limit("login", LOGIN),
            limit("api", API),
            limit("login", LOGIN),
        ];
        let overrides = Overrides::new(&map, limits).expect("overrides");
        assert_eq!(
            overrides.quota("login"),
            Some(&Quota::strict(10, Duration::from_secs(900)))
        );
        assert_eq!(overrides.quota("api"), None);
        assert_eq!(overrides.quota("ap1"), None);
        assert_eq!(Overrides::default().quota("api"), None);
    }

    #[test]
    fn a_name_of_no_limit_is_refused_with_those_there_are() {
        assert_eq!(
            error(&[("api", "6/s"), ("ap1", "6/s")]),
            r#"no limit named "ap1"; known: api, login"#
        );
        assert_eq!(
            error(&[("API", "6/s")]),
            r#"no limit named "API"; known: api, login"#
        );
        let none = Overrides::new([("api", "6/s")], [] as [Limit; 0]).expect_err("no limits");
        assert_eq!(
            none.to_string(),
            r#"no limit named "api"; there are no limits"#
        );
    }

    #[test]
    fn a_bad_quota_is_refused_with_its_limit_and_the_reason() {
        let error = error(&[("api", "6/fortnight")]);
        assert!(
            error.starts_with(r#"limit "api": "6/fortnight" is not a quota: the units"#),
            "{error}"
        );
    }

    #[test]
    fn a_name_may_be_there_twice_only_if_both_say_the_same() {
        assert_eq!(
            error(&[("api", "6/s"), ("api", "7/s")]),
            r#"limit "api": it has two quotas"#
        );
        let twice = read(&[("api", "60/min"), ("api", "60/1m")]).expect("the same");
        assert_eq!(twice, read(&[("api", "60/min")]).expect("once"));
    }

    #[test]
    fn limits_of_one_name_that_differ_need_the_whole_quota() {
        let limits = [limit("login", LOGIN), limit("login", API)];
        let error = Overrides::new([("login", "7/min")], &limits).expect_err("two meanings");
        assert!(
            error.to_string().contains("the algorithm must be stated"),
            "{error}"
        );
        let overrides = Overrides::new([("login", "fixed 7/min")], &limits).expect("one meaning");
        assert_eq!(
            overrides.quota("login"),
            Some(&Quota::fixed(7, Duration::from_secs(60)))
        );
    }

    #[test]
    fn huge_and_hostile_input_is_quoted_in_part_and_escaped() {
        let huge = "\u{1b}é".repeat(100_000);
        let name = error(&[(&huge, "6/s")]);
        assert!(
            name.starts_with(r#"no limit named "\u{1b}é\u{1b}é"#) && name.len() < 400,
            "{name}"
        );
        assert!(name.ends_with("\"…; known: api, login"), "{name}");
        let quota = error(&[("api", &huge)]);
        assert!(
            quota.starts_with(r#"limit "api": "\u{1b}é"#) && quota.len() < 500,
            "{quota}"
        );
    }
}
