//! Freshness and age: RFC 9111, section 4.2, and the stale windows of RFC 5861.

mod lifetime;
#[cfg(test)]
pub(super) mod tests;

use std::time::Duration;

use http::{
    HeaderMap, StatusCode,
    header::{AGE, DATE},
};

pub(super) use self::lifetime::{Basis, is_cacheable_by_default};
use super::{
    date,
    directives::{RequestDirectives, delta_seconds},
    rules::Rules,
    targeted::Governing,
};
use crate::{store::MAX_TTL, time::Timestamp};

/// What is known of a response's age and lifetime when it is received. Stored with it, and made anew when it is freshened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) struct Freshness {
    /// When the head of the response was received.
    pub(in crate::response_cache) received: Timestamp,
    /// `corrected_initial_age` (section 4.2.3).
    pub(in crate::response_cache) initial_age: Duration,
    /// `freshness_lifetime` (section 4.2.1). Zero: it has to be validated before each use (`no-cache`, for one).
    pub(in crate::response_cache) lifetime: Duration,
    pub(in crate::response_cache) stale: Stale,
    /// Reloads by trusted callers do not validate it while it is fresh (RFC 8246).
    pub(in crate::response_cache) immutable: bool,
}

/// For how long after its lifetime a response may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::response_cache) struct Stale {
    /// Never, by nobody: `must-revalidate`, `proxy-revalidate`, `s-maxage` or `no-cache` (section 4.2.4). The others are
    /// zero then.
    pub(in crate::response_cache) forbidden: bool,
    pub(in crate::response_cache) while_revalidate: Duration,
    pub(in crate::response_cache) if_error: Duration,
    pub(in crate::response_cache) on_disconnect: Duration,
}

/// The head of a response, and when it came.
#[derive(Clone, Copy, Debug)]
pub(in crate::response_cache) struct Answer<'a> {
    pub(in crate::response_cache) status: StatusCode,
    pub(in crate::response_cache) headers: &'a HeaderMap,
    pub(in crate::response_cache) requested: Timestamp,
    pub(in crate::response_cache) received: Timestamp,
}

impl Freshness {
    /// Returns what holds for a response, and what its lifetime is based on.
    pub(in crate::response_cache) fn of(
        answer: &Answer<'_>,
        governing: &Governing,
        rules: &Rules,
    ) -> (Self, Basis) {
        let date = answer.date();
        let initial_age = answer.initial_age(date);
        let (lifetime, basis) = lifetime::of(answer, date, governing, rules);
        let lifetime = match basis {
            // What a policy says is counted from here, however old the response is.
            Basis::Handler | Basis::Rules => initial_age.saturating_add(lifetime),
            _ => lifetime,
        };
        let freshness = Self {
            received: answer.received,
            initial_age,
            lifetime: lifetime.min(MAX_TTL),
            stale: Stale::of(governing, rules, lifetime),
            immutable: governing.directives.immutable,
        };
        (freshness, basis)
    }

    /// Returns the lifetime shortened by so much, so that what was stored together does not expire together.
    #[must_use]
    pub(in crate::response_cache) fn with_jitter(self, fraction_of_lifetime: Duration) -> Self {
        Self {
            lifetime: self.lifetime.saturating_sub(fraction_of_lifetime),
            ..self
        }
    }

    /// Returns the freshness of what ends now at the latest: it may be used stale for as long as what has ended by itself.
    pub(in crate::response_cache) fn ended(self, now: Timestamp) -> Self {
        Self {
            lifetime: self.lifetime.min(self.age(now)),
            ..self
        }
    }

    /// Returns `current_age` (section 4.2.3).
    pub(in crate::response_cache) fn age(&self, now: Timestamp) -> Duration {
        let resident_time = elapsed(self.received, now);
        self.initial_age.saturating_add(resident_time)
    }

    pub(in crate::response_cache) fn is_fresh(&self, now: Timestamp) -> bool {
        self.age(now) < self.lifetime
    }

    /// Returns the remaining lifetime in whole seconds, rounded down: negative when it is over.
    pub(in crate::response_cache) fn time_left(&self, now: Timestamp) -> i64 {
        // Both are decades at most, or the clock is at its end.
        let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        let left = micros(self.lifetime) - micros(self.age(now));
        left.div_euclid(1_000_000)
    }

    /// Returns whether it is fresh, or not long stale, so that it may be served while it is refreshed (RFC 5861, section 3):
    /// also what is fresh and was purged softly, but only where that is allowed at all.
    pub(in crate::response_cache) fn may_serve_while_revalidating(&self, now: Timestamp) -> bool {
        let window = self.stale.while_revalidate;
        !window.is_zero() && self.is_within(window, now)
    }

    /// Returns whether it may be served instead of a 500, 502, 503 or 504 (RFC 5861, section 4).
    pub(in crate::response_cache) fn may_serve_on_error(&self, now: Timestamp) -> bool {
        self.is_within(self.stale.if_error, now)
    }

    /// Returns whether it may be served where there is no answer at all (section 4.2.4).
    pub(in crate::response_cache) fn may_serve_on_disconnect(&self, now: Timestamp) -> bool {
        let window = self.stale.on_disconnect.max(self.stale.if_error);
        self.is_within(window, now)
    }

    /// Returns whether a request with these directives may have it without a validation (section 5.2.1).
    pub(in crate::response_cache) fn satisfies(
        &self,
        now: Timestamp,
        asked: &RequestDirectives,
    ) -> bool {
        let age = self.age(now);
        let is_fresh = age < self.lifetime;
        let left = self.lifetime.saturating_sub(age);
        let is_reload = asked.no_cache || asked.max_age == Some(Duration::ZERO);
        if is_reload && !(self.immutable && is_fresh) {
            return false;
        }
        let is_too_old = !is_reload && asked.max_age.is_some_and(|max| age > max);
        let is_too_short = asked.min_fresh.is_some_and(|min| left < min);
        if is_too_old || is_too_short {
            return false;
        }
        let max_stale = asked.max_stale.filter(|_| !self.stale.forbidden);
        is_fresh || max_stale.is_some_and(|max| age.saturating_sub(self.lifetime) <= max)
    }

    /// Returns for how long the store should have it: as long as it may be served, and `keep` longer if it can be validated
    /// then. Zero: it is not worth storing.
    pub(in crate::response_cache) fn keep_for(
        &self,
        now: Timestamp,
        keep: Duration,
        has_validator: bool,
    ) -> Duration {
        let Stale {
            while_revalidate,
            if_error,
            on_disconnect,
            ..
        } = self.stale;
        let window = while_revalidate.max(if_error).max(on_disconnect);
        let usable = self.lifetime.saturating_add(window);
        let left = usable.saturating_sub(self.age(now));
        let keep = if has_validator { keep } else { Duration::ZERO };
        left.saturating_add(keep).min(MAX_TTL)
    }

    fn is_within(&self, window: Duration, now: Timestamp) -> bool {
        self.age(now) < self.lifetime.saturating_add(window)
    }
}

impl Stale {
    fn of(governing: &Governing, rules: &Rules, lifetime: Duration) -> Self {
        let said = &governing.directives;
        let is_shared_only = said.s_maxage.is_some() || said.proxy_revalidate;
        if said.must_revalidate || is_shared_only || said.no_cache.is_response() {
            return Self {
                forbidden: true,
                ..Self::default()
            };
        }
        // What never was fresh is not served unvalidated because a setting extends the freshness of what was.
        let extended = if lifetime.is_zero() {
            Duration::ZERO
        } else {
            rules.stale_while_revalidate
        };
        let while_revalidate = rules
            .handler_stale
            .while_revalidate
            .or(said.stale_while_revalidate)
            .unwrap_or(extended);
        let if_error = rules
            .handler_stale
            .if_error
            .or(said.stale_if_error)
            .unwrap_or(rules.stale_if_error);
        Self {
            forbidden: false,
            while_revalidate: while_revalidate.min(MAX_TTL),
            if_error: if_error.min(MAX_TTL),
            on_disconnect: rules.stale_on_disconnect.min(MAX_TTL),
        }
    }
}

impl Answer<'_> {
    /// Returns when it was generated: when it was received, where it does not say.
    fn date(&self) -> Timestamp {
        let date = self.headers.get(DATE);
        date.and_then(|date| date::parse(date, self.received))
            .unwrap_or(self.received)
    }

    /// Returns `corrected_initial_age` (section 4.2.3).
    fn initial_age(&self, date: Timestamp) -> Duration {
        // Dates are of whole seconds, rounded down: the fraction of this second is no age.
        let apparent_age = elapsed(date, self.received).as_secs();
        let response_delay = elapsed(self.requested, self.received);
        let corrected_age = self.age_value().saturating_add(response_delay);
        corrected_age.max(Duration::from_secs(apparent_age))
    }

    /// Returns the first member of `Age`, zero if it is none (section 5.1).
    fn age_value(&self) -> Duration {
        let lines = self.headers.get_all(AGE).into_iter();
        let members = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        let first = members.map(<[u8]>::trim_ascii).find(|age| !age.is_empty());
        let age = first.and_then(|age| delta_seconds(age.iter().copied()));
        age.unwrap_or(Duration::ZERO)
    }
}

/// Returns the time between two instants, none if the clock went back.
fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(to.as_micros().saturating_sub(from.as_micros()))
}
