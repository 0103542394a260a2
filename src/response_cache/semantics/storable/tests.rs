#![expect(clippy::unwrap_used, reason = "tests")]

mod users;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use super::{
    super::{freshness::tests::head, rules::Rules},
    Asked, Judged, Reason, judge,
};
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const GET: Asked<'static> = Asked {
    method: &Method::GET,
    has_authorization: false,
    has_credentials: false,
    is_keyed_by_user: false,
    is_range: false,
};
const FRESH: (&str, &str) = ("cache-control", "max-age=3600");

fn verdict(
    asked: &Asked<'_>,
    status: u16,
    lines: &[(&'static str, &str)],
    rules: &Rules,
) -> Result<Judged, Reason> {
    let status = StatusCode::from_u16(status).unwrap();
    judge(asked, status, &head(lines), rules, NOW, NOW)
}

fn plain(status: u16, lines: &[(&'static str, &str)]) -> Result<Judged, Reason> {
    verdict(&GET, status, lines, &Rules::default())
}

fn names(names: &[&'static str]) -> Vec<HeaderName> {
    names.iter().copied().map(HeaderName::from_static).collect()
}

#[test]
fn only_get_is_stored() {
    for method in [Method::HEAD, Method::POST, Method::PUT, Method::OPTIONS] {
        let asked = Asked {
            method: &method,
            ..GET
        };
        let judged = verdict(&asked, 200, &[FRESH, ("etag", "\"a\"")], &Rules::default());
        assert_eq!(judged, Err(Reason::Method), "{method}");
    }
    let unknown = Method::from_bytes(b"get").unwrap();
    let asked = Asked {
        method: &unknown,
        ..GET
    };
    assert_eq!(
        verdict(&asked, 200, &[FRESH], &Rules::default()),
        Err(Reason::Method)
    );
    let asked = Asked {
        is_range: true,
        ..GET
    };
    assert_eq!(
        verdict(&asked, 200, &[FRESH], &Rules::default()),
        Err(Reason::Range)
    );
}

#[test]
fn any_final_status_is_stored_with_a_lifetime() {
    for status in [
        200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 403, 404, 410, 418, 499, 500, 502, 503,
        504, 599,
    ] {
        let judged = plain(status, &[FRESH]).unwrap();
        assert!(judged.is_explicit, "{status}");
        assert_eq!(
            judged.freshness.lifetime,
            Duration::from_secs(3600),
            "{status}"
        );
        assert_eq!(
            plain(status, &[("expires", "@60")]).map(|judged| judged.is_explicit),
            Ok(true)
        );
        // Stale, but it can be validated.
        let stale = [
            ("expires", "@-5000"),
            ("last-modified", "@-100000"),
            ("date", "@0"),
        ];
        assert!(
            !plain(status, &stale).unwrap().freshness.is_fresh(NOW),
            "{status}"
        );
    }
    for status in [100, 101, 103, 206, 304, 600, 999] {
        let lines = [("cache-control", "public, max-age=3600"), ("etag", "\"a\"")];
        assert_eq!(plain(status, &lines), Err(Reason::Status), "{status}");
    }
}

#[test]
fn too_many_requests_is_meant_for_one() {
    let rules = Rules {
        default_ttl: Some(Duration::from_secs(60)),
        override_ttl: Some(Duration::from_secs(60)),
        status_ttls: vec![(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(60))],
        heuristic: Some(Duration::from_secs(60)),
        ..Rules::default()
    };
    for (cache_control, is_stored) in [
        ("", false),
        ("max-age=5", false),
        ("s-maxage=5", false),
        ("public", false),
        ("public, max-age=5", true),
    ] {
        let lines = [
            ("cache-control", cache_control),
            ("last-modified", "@-1000"),
            ("etag", "\"a\""),
        ];
        let judged = verdict(&GET, 429, &lines, &rules);
        let expected = if is_stored {
            Ok(())
        } else {
            Err(Reason::Status)
        };
        assert_eq!(judged.map(drop), expected, "{cache_control}");
    }
}

#[test]
fn errors_of_the_server_last_only_if_something_says_so() {
    let general = Rules {
        default_ttl: Some(Duration::from_secs(60)),
        override_ttl: Some(Duration::from_secs(60)),
        ..Rules::default()
    };
    for status in [500, 501, 502, 503, 504, 599] {
        let lines: &[(&str, &str)] = &[("etag", "\"a\""), ("cache-control", "public")];
        for lines in [lines, &[]] {
            assert_eq!(
                verdict(&GET, status, lines, &general),
                Err(Reason::NotFresh),
                "{status}"
            );
        }
        let named = Rules {
            status_ttls: vec![(
                StatusCode::from_u16(status).unwrap(),
                Duration::from_secs(1),
            )],
            ..general.clone()
        };
        assert!(verdict(&GET, status, &[], &named).is_ok(), "{status}");
    }
}

#[test]
fn what_has_no_lifetime_is_stored_only_to_be_validated() {
    assert_eq!(plain(200, &[]), Err(Reason::NotFresh));
    assert_eq!(
        plain(200, &[("cache-control", "max-age=0")]),
        Err(Reason::NotFresh)
    );
    assert_eq!(plain(200, &[FRESH, ("age", "7200")]), Err(Reason::NotFresh));
    assert_eq!(
        plain(200, &[("cache-control", "no-cache")]),
        Err(Reason::NotFresh)
    );
    for validator in [("etag", "\"a\""), ("last-modified", "@-1000")] {
        assert_eq!(plain(200, &[validator]), Err(Reason::NotFresh));
        let guesses = Rules {
            heuristic: Some(Duration::from_secs(1)),
            ..Rules::default()
        };
        let judged = verdict(&GET, 200, &[("etag", "\"a\"")], &guesses).unwrap();
        assert!(!judged.is_explicit);
        assert_eq!(judged.freshness.lifetime, Duration::ZERO);
        assert!(plain(200, &[validator, ("cache-control", "no-cache")]).is_ok());
        assert!(plain(200, &[validator, ("cache-control", "max-age=0")]).is_ok());
        // Section 3: its status would have to be cacheable by default, or it `public`.
        assert_eq!(plain(201, &[validator]), Err(Reason::NotFresh));
        assert!(plain(201, &[validator, ("cache-control", "public")]).is_ok());
        assert!(plain(201, &[validator, ("cache-control", "max-age=0")]).is_ok());
    }
    // Of use without a validator while the service fails.
    assert!(plain(200, &[("cache-control", "max-age=0, stale-if-error=60")]).is_ok());
    let rules = Rules {
        stale_on_disconnect: Duration::from_secs(60),
        ..Rules::default()
    };
    assert!(verdict(&GET, 200, &[("cache-control", "max-age=0")], &rules).is_ok());
}

#[test]
fn no_store_is_obeyed_but_for_understood_statuses() {
    for (status, directives, expected) in [
        (200, "No-StOrE", Err(Reason::NoStore)),
        (200, "max-age=10000, no-store", Err(Reason::NoStore)),
        (200, "max-age=3600, no-store, must-understand", Ok(())),
        (
            200,
            "max-age=3600, no-store, must-understand=1",
            Err(Reason::NoStore),
        ),
        (404, "max-age=3600, must-understand", Ok(())),
        (
            599,
            "max-age=3600, no-store, must-understand",
            Err(Reason::MustUnderstand),
        ),
        (
            599,
            "max-age=3600, must-understand",
            Err(Reason::MustUnderstand),
        ),
        (
            226,
            "max-age=3600, must-understand",
            Err(Reason::MustUnderstand),
        ),
        (
            200,
            "max-age=3600, no-store, must-understand, private",
            Err(Reason::Private),
        ),
    ] {
        let judged = plain(
            status,
            &[("cache-control", directives), ("expires", "@10000")],
        );
        assert_eq!(judged.map(drop), expected, "{status} {directives}");
    }
    let rules = Rules {
        override_ttl: Some(Duration::from_secs(60)),
        ..Rules::default()
    };
    for (directives, expected) in [("no-store", Reason::NoStore), ("private", Reason::Private)] {
        let judged = verdict(&GET, 200, &[("cache-control", directives)], &rules);
        assert_eq!(judged, Err(expected));
    }
}

#[test]
fn a_targeted_field_decides() {
    let rules = Rules {
        targets: names(&["cdn-cache-control"]),
        ..Rules::default()
    };
    for (targeted, cache_control, expected) in [
        ("private", "max-age=10000", Err(Reason::Private)),
        ("no-store", "max-age=10000", Err(Reason::NoStore)),
        ("no-cache", "max-age=10000", Err(Reason::NotFresh)),
        ("max-age=10000", "no-store", Ok(())),
        ("max-age=10000, &&&&&", "no-store", Err(Reason::NoStore)),
        ("max-age=\"10000\"", "no-store", Err(Reason::NoStore)),
    ] {
        let lines = [
            ("cdn-cache-control", targeted),
            ("cache-control", cache_control),
            ("expires", "@10000"),
            ("date", "@0"),
        ];
        assert_eq!(
            verdict(&GET, 200, &lines, &rules).map(drop),
            expected,
            "{targeted}"
        );
    }
}

#[test]
fn qualified_fields_are_left_out_and_the_rest_is_stored() {
    let lines = [
        ("cache-control", "no-cache=\"a, b\", private=\"c\""),
        FRESH,
        ("a", "1"),
        ("b", "2"),
    ];
    let judged = plain(200, &lines).unwrap();
    assert_eq!(judged.without, names(&["c", "a", "b"]));
    assert!(judged.freshness.is_fresh(NOW));
}

#[test]
fn reasons_are_words_of_a_token() {
    for (reason, word) in [
        (Reason::Method, "method"),
        (Reason::NoStore, "no-store"),
        (Reason::MustUnderstand, "must-understand"),
        (Reason::SetCookie, "set-cookie"),
        (Reason::NotFresh, "not-fresh"),
    ] {
        assert_eq!(reason.to_string(), word);
    }
}

proptest! {
    /// Nothing overflows, and a lifetime ends where it is said to end.
    #[test]
    fn any_head_is_judged(
        lines in proptest::collection::vec((
            prop_oneof![
                Just("cache-control"), Just("cdn-cache-control"), Just("age"), Just("date"), Just("expires"),
                Just("last-modified"), Just("vary"),
            ],
            prop_oneof![
                "[ -~]{0,30}", "(s-max|max-)age=[0-9]{0,25}", "[0-9]{1,25}",
                "Thu, [0-3][0-9] Feb [0-9]{4} 10:10:10 GMT",
                "stale-(if-error|while-revalidate)=[0-9]{1,20}, max-age=1",
            ],
        ), 0..6),
        (requested, received, now) in (any::<u64>(), any::<u64>(), any::<u64>()),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_str(&value).unwrap());
        }
        let rules = Rules {
            targets: names(&["cdn-cache-control"]),
            heuristic: Some(Duration::MAX),
            stale_while_revalidate: Duration::MAX,
            ..Rules::default()
        };
        let [requested, received, now] = [requested, received, now].map(Timestamp::from_micros);
        if let Ok(judged) = judge(&GET, StatusCode::OK, &headers, &rules, requested, received) {
            let freshness = judged.freshness;
            let left = freshness.time_left(now);
            prop_assert_eq!(left < 0, freshness.age(now) > freshness.lifetime);
            prop_assert!(!freshness.is_fresh(now) || left >= 0);
            prop_assert!(freshness.lifetime <= crate::store::MAX_TTL);
            prop_assert!(freshness.keep_for(now, Duration::MAX, true) <= crate::store::MAX_TTL);
        }
    }
}
