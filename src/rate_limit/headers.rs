//! The header fields that tell clients of their limits: `RateLimit` and `RateLimit-Policy` of
//! [draft-ietf-httpapi-ratelimit-headers](https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/)
//! (read as -10), and the older `X-RateLimit-*`.
//!
//! A partition key (`pk`) is never sent: it would show what requests are told apart by.

use std::{cmp::Ordering, time::Duration};

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header::RETRY_AFTER};

use super::{
    arena::{self, put_number},
    label::Label,
};
use crate::{
    quota::Quota,
    store::{Decision, Verdict},
    time::{Clock, SystemClock, micros},
};

/// Which header fields tell clients of their limits.
///
/// They are on answers of every status except 1xx. Limits that are only watched are not in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Headers {
    /// None. A refusal has its `Retry-After` nevertheless.
    None,
    /// `RateLimit-Policy: "api";q=60;w=60` and `RateLimit: "api";r=42;t=18`, with all limits of the layer.
    ///
    /// - `q` is the quota for each window of `w` seconds. A window that is no whole number of seconds is left out:
    ///   rounded, it would promise too much or too little. The unit `qu` is left out where it is requests.
    /// - `r` is what is left, and `t` the seconds, rounded up, until all of it is back; on a refusal, until this request
    ///   would be allowed, for the limits that refuse only. It is never later than the `Retry-After` of the same answer:
    ///   where an inner service sets one, there is no `t`.
    ///
    /// Every layer adds a line of its own to those that are there: to clients they are one list.
    #[default]
    Ietf,
    /// `X-RateLimit-Limit`, `-Remaining` and `-Reset` of the tightest limit: one that refuses, with the longest wait,
    /// else the one with the smallest share left.
    ///
    /// These fields have no lists. Where an inner layer or service has set them, the tighter limit stays. A refusal for
    /// which waiting is of no use has no `-Reset`.
    Legacy(Reset),
    /// Both.
    Both(Reset),
}

/// What `X-RateLimit-Reset` is. Vendors differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// The seconds from now, rounded up: no clocks to agree on.
    #[default]
    Seconds,
    /// The Unix time in seconds, rounded up, by the clock of this server.
    Epoch,
}

/// What a limit has decided on a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) label: &'a Label,
    pub(super) quota: &'a Quota,
    pub(super) decision: &'a Decision,
    /// Whether it may refuse. A limit that is only watched may not, and clients are not told of it.
    pub(super) enforced: bool,
}

impl Told<'_> {
    /// Returns whether the request is refused because of this limit.
    #[inline]
    pub(super) const fn refuses(&self) -> bool {
        self.enforced && !self.decision.allowed()
    }
}

impl Headers {
    /// Tells what was decided. `policies` is the [`policies`] line where it is the same for every request; without, it is
    /// rendered for this one.
    #[inline]
    pub(super) fn write<B>(
        self,
        told: &[Told<'_>],
        policies: Option<&HeaderValue>,
        response: &mut Response<B>,
    ) {
        // An informational answer is not the last word, and the connection that 101 opens is no answer any more.
        if response.status().is_informational() || !told.iter().any(|told| told.enforced) {
            return;
        }
        let into = response.headers_mut();
        match self {
            Self::None => {}
            Self::Ietf => ietf(told, policies, into),
            Self::Legacy(reset) => legacy(told, reset, into),
            Self::Both(reset) => {
                ietf(told, policies, into);
                legacy(told, reset, into);
            }
        }
    }
}

/// Renders `RateLimit-Policy`.
pub(super) fn policies<'a>(limits: impl Iterator<Item = (&'a Label, &'a Quota)>) -> HeaderValue {
    arena::line(|line| {
        for (at, (label, quota)) in limits.enumerate() {
            put_name(line, at, label);
            line.extend_from_slice(b";q=");
            put_number(line, quota.limit());
            if let Some(unit) = label.unit() {
                line.extend_from_slice(b";qu=");
                line.extend_from_slice(unit.as_bytes());
            }
            let window = quota.window();
            // The window of a quota that refuses everything means nothing.
            if window.subsec_nanos() == 0 && quota.limit() > 0 {
                line.extend_from_slice(b";w=");
                put_number(line, window.as_secs());
            }
        }
    })
}

#[inline]
fn ietf(told: &[Told<'_>], policies: Option<&HeaderValue>, into: &mut HeaderMap) {
    const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
    const LIMIT: HeaderName = HeaderName::from_static("ratelimit");

    let refused = told.iter().any(Told::refuses);
    let hushed = !refused && into.contains_key(RETRY_AFTER);
    let enforced = told.iter().filter(|told| told.enforced);
    let policy = policies
        .cloned()
        .unwrap_or_else(|| self::policies(enforced.clone().map(|told| (told.label, told.quota))));
    let limit = arena::line(|line| {
        for (at, told) in enforced.enumerate() {
            put_name(line, at, told.label);
            line.extend_from_slice(b";r=");
            put_number(line, told.decision.remaining());
            let wait = match (refused, hushed) {
                (true, _) => told.decision.retry_after().unwrap_or_default(),
                (false, false) => told.decision.reset_after(),
                (false, true) => Duration::ZERO,
            };
            if !wait.is_zero() {
                line.extend_from_slice(b";t=");
                put_number(line, whole_seconds(wait));
            }
        }
    });
    // A map that is full has more to say than we do.
    let _ = into.try_append(POLICY, policy);
    let _ = into.try_append(LIMIT, limit);
}

#[inline]
fn put_name(line: &mut BytesMut, at: usize, label: &Label) {
    if at > 0 {
        line.extend_from_slice(b", ");
    }
    line.extend_from_slice(label.quoted().as_bytes());
}

fn legacy(told: &[Told<'_>], reset: Reset, into: &mut HeaderMap) {
    const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
    const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
    const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

    let enforced = told.iter().filter(|told| told.enforced);
    let Some(tightest) = enforced.min_by(|a, b| tighter(a, b)) else {
        return;
    };
    let share = share(tightest.decision);
    let there = number_in(into, &REMAINING).zip(number_in(into, &LIMIT));
    if there.is_some_and(|there| compare_shares(there, share).is_le()) && !tightest.refuses() {
        return;
    }
    let _ = into.try_insert(LIMIT, arena::number(share.1));
    let _ = into.try_insert(REMAINING, arena::number(share.0));
    let wait = match tightest.decision.verdict() {
        Verdict::Allowed => Some(tightest.decision.reset_after()),
        Verdict::Refused { retry_micros } => Some(Duration::from_micros(retry_micros)),
        Verdict::Never => None,
    };
    into.remove(RESET);
    if let Some(wait) = wait {
        let _ = into.try_insert(RESET, arena::number(reset.of(wait)));
    }
}

impl Reset {
    fn of(self, wait: Duration) -> u64 {
        match self {
            Self::Seconds => whole_seconds(wait),
            Self::Epoch => {
                let now = SystemClock::new().now().as_micros();
                now.saturating_add(micros(wait)).div_ceil(1_000_000)
            }
        }
    }
}

fn tighter(a: &Told<'_>, b: &Told<'_>) -> Ordering {
    let wait = |told: &Told<'_>| match told.decision.verdict() {
        Verdict::Allowed => 0,
        Verdict::Refused { retry_micros } => retry_micros,
        Verdict::Never => u64::MAX,
    };
    wait(b)
        .cmp(&wait(a))
        .then_with(|| compare_shares(share(a.decision), share(b.decision)))
}

/// What is left, of how much there is at once.
const fn share(decision: &Decision) -> (u64, u64) {
    (decision.remaining() as u64, decision.limit() as u64)
}

fn compare_shares(a: (u64, u64), b: (u64, u64)) -> Ordering {
    let cross = |left: u64, of: u64| u128::from(left) * u128::from(of.max(1));
    cross(a.0, b.1).cmp(&cross(b.0, a.1))
}

fn number_in(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

/// Rounds up, so that no wait is told shorter than it is.
#[inline]
pub(super) const fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add((wait.subsec_nanos() > 0) as u64)
}

#[cfg(test)]
pub(super) mod tests;
