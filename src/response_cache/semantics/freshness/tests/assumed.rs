use std::time::Duration;

use http::StatusCode;

use super::{Basis, Lines, RECEIVED, Rules, after, judge, secs};

const DAY: u64 = 24 * 60 * 60;

#[test]
fn what_says_nothing_gets_what_the_policy_says() {
    let rules = Rules {
        default_ttl: Some(secs(60)),
        status_ttls: vec![
            (StatusCode::NOT_FOUND, secs(5)),
            (StatusCode::SERVICE_UNAVAILABLE, secs(1)),
            (StatusCode::TOO_MANY_REQUESTS, secs(1)),
        ],
        heuristic: Some(secs(1000)),
        ..Rules::default()
    };
    let cases: &[(u16, &Lines, u64, Basis)] = &[
        (200, &[], 60, Basis::Rules),
        (
            301,
            &[("cache-control", "public, must-revalidate")],
            60,
            Basis::Rules,
        ),
        (404, &[], 5, Basis::Rules),
        (503, &[], 1, Basis::Rules),
        (200, &[("cache-control", "max-age=7")], 7, Basis::Explicit),
        (404, &[("cache-control", "max-age=0")], 0, Basis::Explicit),
        (200, &[("expires", "0")], 0, Basis::Explicit),
        (200, &[("cache-control", "no-cache")], 0, Basis::Nothing),
        (
            200,
            &[("cache-control", "no-cache, max-age=5")],
            0,
            Basis::Explicit,
        ),
        // Neither for errors of the server, nor for whoever asks too often, nor for what is not cacheable by default.
        (500, &[], 0, Basis::Nothing),
        (501, &[], 0, Basis::Nothing),
        (429, &[], 0, Basis::Nothing),
        (
            429,
            &[("cache-control", "public"), ("last-modified", "@-1000")],
            0,
            Basis::Nothing,
        ),
        (302, &[], 0, Basis::Nothing),
        (403, &[("last-modified", "@-1000")], 0, Basis::Nothing),
    ];
    for (status, lines, lifetime, basis) in cases {
        let (freshness, actual) = judge(*status, lines, &rules);
        assert_eq!(
            (freshness.lifetime, actual),
            (secs(*lifetime), *basis),
            "{status} {lines:?}"
        );
    }
}

#[test]
fn an_overriding_lifetime_is_instead_of_what_is_said() {
    let rules = Rules {
        override_ttl: Some(secs(60)),
        status_ttls: vec![(StatusCode::NOT_FOUND, secs(5))],
        ..Rules::default()
    };
    let lines: &[&Lines] = &[
        &[],
        &[("cache-control", "max-age=7")],
        &[("cache-control", "max-age=0, s-maxage=900")],
        &[("cache-control", "no-cache")],
        &[("expires", "0")],
    ];
    for lines in lines {
        for status in [200, 404] {
            let (freshness, basis) = judge(status, lines, &rules);
            assert_eq!(
                (freshness.lifetime, basis),
                (secs(60), Basis::Rules),
                "{lines:?}"
            );
        }
        assert_ne!(judge(500, lines, &rules).1, Basis::Rules);
    }
    // What it forbids stays forbidden.
    assert!(
        judge(200, &[("cache-control", "no-cache")], &rules)
            .0
            .stale
            .forbidden
    );
}

#[test]
fn the_lifetime_of_a_policy_begins_when_the_response_is_received() {
    let rules = Rules {
        default_ttl: Some(secs(60)),
        ..Rules::default()
    };
    let (freshness, _) = judge(200, &[("age", "7200")], &rules);
    assert_eq!(freshness.age(RECEIVED), secs(7200));
    assert_eq!(freshness.time_left(RECEIVED), 60);
    assert!(freshness.is_fresh(after(59.0)));
    assert!(!freshness.is_fresh(after(60.0)));
}

#[test]
fn heuristics_are_as_the_suite_has_them() {
    let rules = Rules {
        heuristic: Some(secs(DAY)),
        ..Rules::default()
    };
    let lines: &Lines = &[("last-modified", "@-86400"), ("date", "@0")];
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        let (freshness, basis) = judge(status, lines, &rules);
        assert_eq!(
            (freshness.lifetime, basis),
            (secs(8640), Basis::Heuristic),
            "{status}"
        );
    }
    for status in [201, 202, 302, 303, 307, 400, 403, 500, 502, 503, 504, 599] {
        assert_eq!(judge(status, lines, &rules).1, Basis::Nothing, "{status}");
    }
    let public = [lines, &[("cache-control", "public")]].concat();
    assert_eq!(judge(599, &public, &rules).1, Basis::Heuristic);
    assert_eq!(judge(200, lines, &Rules::default()).1, Basis::Nothing);
}

#[test]
fn a_heuristic_lifetime_has_a_limit() {
    let rules = Rules {
        heuristic: Some(secs(600)),
        ..Rules::default()
    };
    let lifetime = |last_modified| {
        let (freshness, _) = judge(
            200,
            &[("last-modified", last_modified), ("date", "@0")],
            &rules,
        );
        freshness.lifetime
    };
    assert_eq!(lifetime("@-10"), secs(1));
    assert_eq!(lifetime("@-5"), Duration::from_millis(500));
    assert_eq!(lifetime("@-3600"), secs(360));
    assert_eq!(lifetime("Mon, 01 Jan 1990 00:00:00 GMT"), secs(600));
    assert_eq!(lifetime("@0"), secs(0));
    assert_eq!(lifetime("@100"), secs(0));
    assert_eq!(lifetime("garbage"), secs(0));
    // Without a date, it was generated when it was received.
    assert_eq!(
        judge(200, &[("last-modified", "@-100")], &rules).0.lifetime,
        secs(10)
    );
}
