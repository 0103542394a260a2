#![expect(clippy::unwrap_used, reason = "tests")]

mod age;
mod assumed;
mod stale;

use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};

use super::{
    super::{date, directives::tests::headers, rules::Rules, targeted::Governing},
    Answer, Basis, Freshness,
};
use crate::time::Timestamp;

const RECEIVED: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
type Lines = [(&'static str, &'static str)];

/// The suite's pause.
const PAUSE: f64 = 3.0;

fn after(seconds: f64) -> Timestamp {
    RECEIVED.after(Duration::from_secs_f64(seconds))
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Makes a head in which `@5` is a date in five seconds.
pub(in super::super) fn head(lines: &[(&'static str, &str)]) -> HeaderMap {
    let value = |value: &str| match value.strip_prefix('@').map(str::parse::<i64>) {
        Some(Ok(offset)) => {
            let micros = RECEIVED.as_micros().cast_signed() + offset * 1_000_000;
            date::format(Timestamp::from_micros(micros.cast_unsigned()))
                .to_str()
                .unwrap()
                .to_owned()
        }
        _ => value.to_owned(),
    };
    headers(lines.iter().map(|(name, text)| (*name, value(text))))
}

fn judge(status: u16, lines: &[(&'static str, &str)], rules: &Rules) -> (Freshness, Basis) {
    let headers = head(lines);
    let answer = Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        requested: RECEIVED,
        received: RECEIVED,
    };
    Freshness::of(&answer, &Governing::of(&headers, &rules.targets), rules)
}

fn of(lines: &[(&'static str, &str)]) -> Freshness {
    judge(200, lines, &Rules::default()).0
}

fn said(directives: &str) -> Freshness {
    of(&[("cache-control", directives)])
}

#[test]
fn responses_are_fresh_as_the_suite_has_it() {
    let cases: &[(&Lines, bool)] = &[
        (&[], false),
        (&[("cache-control", "max-age=3600")], true),
        (&[("cache-control", "max-age=2"), ("date", "@0")], false),
        (&[("cache-control", "max-age=0")], false),
        (&[("cache-control", "max-age=2147483647")], true),
        (&[("cache-control", "max-age=99999999999")], true),
        (
            &[
                ("date", "@0"),
                ("cache-control", "max-age=3600"),
                ("age", "7200"),
            ],
            false,
        ),
        (
            &[("date", "@-7200"), ("cache-control", "max-age=3600")],
            false,
        ),
        (
            &[
                ("cache-control", "max-age=3600"),
                ("expires", "@-7200"),
                ("date", "@0"),
            ],
            true,
        ),
        (
            &[
                ("cache-control", "max-age=3600"),
                ("expires", "0"),
                ("date", "@0"),
            ],
            true,
        ),
        (
            &[
                ("expires", "@3600"),
                ("cache-control", "max-age=0"),
                ("date", "@0"),
            ],
            false,
        ),
        (&[("cache-control", "max-age=-3600")], false),
        (&[("cache-control", "s-maxage=3600")], true),
        (&[("cache-control", "max-age=3600, s-maxage=1")], false),
        (&[("cache-control", "s-maxage=1, max-age=3600")], false),
        (
            &[
                ("cache-control", "max-age=3600"),
                ("cache-control", "s-maxage=1"),
            ],
            false,
        ),
        (&[("cache-control", "max-age=1, s-maxage=3600")], true),
        (
            &[
                ("expires", "@-10"),
                ("cache-control", "max-age=0, s-maxage=3600"),
            ],
            true,
        ),
        (
            &[
                ("cache-control", "max-age=10000, No-CaChE"),
                ("expires", "@10000"),
                ("date", "@0"),
            ],
            false,
        ),
        (
            &[
                ("cache-control", "no-cache=\"a\""),
                ("cache-control", "max-age=3600"),
            ],
            true,
        ),
        (
            &[("pragma", "no-cache"), ("cache-control", "max-age=3600")],
            true,
        ),
        // Expires.
        (&[("expires", "@2592000"), ("date", "@0")], true),
        (&[("expires", "@-2592000"), ("date", "@0")], false),
        (&[("expires", "@0"), ("date", "@0")], false),
        (&[("expires", "@300"), ("date", "@400")], false),
        (&[("expires", "0"), ("date", "@0")], false),
        (&[("expires", "@10"), ("date", "foo")], true),
        (&[("expires", "@10")], true),
        (
            &[("date", "@-10"), ("expires", "@10"), ("age", "25")],
            false,
        ),
        (&[("date", "@10"), ("expires", "@20"), ("age", "15")], false),
        (
            &[("expires", "Sun, 21 Nov 2286 04:46:39 GMT"), ("date", "@0")],
            true,
        ),
        (
            &[("expires", "Thu Aug  8 02:01:18 2050"), ("date", "@0")],
            true,
        ),
        (
            &[("expires", "Thu, 18 Aug 2050 02:01:18 UTC"), ("date", "@0")],
            false,
        ),
        (
            &[("expires", "@100"), ("expires", "@200"), ("date", "@0")],
            false,
        ),
        (
            &[("expires", "@100"), ("expires", "@100"), ("date", "@0")],
            true,
        ),
    ];
    for (lines, expected) in cases {
        assert_eq!(of(lines).is_fresh(after(PAUSE)), *expected, "{lines:?}");
    }
}

#[test]
fn a_targeted_field_replaces_expires() {
    let rules = Rules {
        targets: vec![HeaderName::from_static("cdn-cache-control")],
        ..Rules::default()
    };
    let cases: &[(&Lines, u64, Basis)] = &[
        (
            &[
                ("cdn-cache-control", "max-age=3600"),
                ("expires", "@-10000"),
            ],
            3600,
            Basis::Explicit,
        ),
        (
            &[("cdn-cache-control", "max-age=0"), ("expires", "@10000")],
            0,
            Basis::Explicit,
        ),
        (
            &[("cdn-cache-control", "foo"), ("expires", "@10000")],
            0,
            Basis::Nothing,
        ),
        (
            &[
                ("cdn-cache-control", "no-cache"),
                ("cache-control", "max-age=10000"),
            ],
            0,
            Basis::Nothing,
        ),
        (
            &[
                ("cdn-cache-control", "&"),
                ("expires", "@100"),
                ("date", "@0"),
            ],
            100,
            Basis::Explicit,
        ),
    ];
    for (lines, lifetime, basis) in cases {
        let (freshness, actual) = judge(200, lines, &rules);
        assert_eq!(
            (freshness.lifetime, actual),
            (secs(*lifetime), *basis),
            "{lines:?}"
        );
    }
}
