use std::time::Duration;

use http::StatusCode;

use super::{Answer, Freshness, Governing, RECEIVED, Rules, after, head, of, said, secs};
use crate::{store::MAX_TTL, time::Timestamp};

#[test]
fn age_is_read_as_the_suite_has_it() {
    let cases: &[(&[&str], u64)] = &[
        (&[], 0),
        (&["30"], 30),
        (&["abc"], 0),
        (&["-7200"], 0),
        (&["7200.0"], 0),
        (&["7200;foo=bar"], 0),
        (&["\"7200\""], 0),
        (&["2147483647"], 2_147_483_647),
        (&["2147483648"], 2_147_483_648),
        (&["2147483649"], 2_147_483_648),
        (&["99999999999999999999999999"], 2_147_483_648),
        (&["7200, 0"], 7200),
        (&["0, 7200"], 0),
        (&["7200", "0"], 7200),
        (&["0", "7200"], 0),
        (&["", ", ,7200", "5"], 7200),
        (&["abc, 7200"], 0),
        (&["0, 0"], 0),
        (&["3600", "3600"], 3600),
    ];
    for (values, expected) in cases {
        let mut lines = vec![("date", "@0"), ("cache-control", "max-age=3600")];
        lines.extend(values.iter().map(|value| ("age", *value)));
        assert_eq!(of(&lines).initial_age, secs(*expected), "{values:?}");
    }
}

#[test]
fn age_begins_with_the_larger_of_two_estimates() {
    let of = |lines: &[(&'static str, &str)], delay: u64, fraction: u64| {
        let headers = head(lines);
        let requested = RECEIVED;
        let answer = Answer {
            status: StatusCode::OK,
            headers: &headers,
            requested,
            received: requested.after(secs(delay) + Duration::from_millis(fraction)),
        };
        let governing = Governing::of(&headers, &[]);
        Freshness::of(&answer, &governing, &Rules::default())
            .0
            .initial_age
    };
    assert_eq!(of(&[("age", "30")], 5, 500), Duration::from_millis(35_500));
    assert_eq!(of(&[("date", "@-60"), ("age", "30")], 5, 0), secs(65));
    assert_eq!(of(&[("date", "@-10"), ("age", "30")], 5, 0), secs(35));
    // The fraction of a second is no age, and no date is of the future.
    assert_eq!(of(&[("date", "@5")], 5, 900), Duration::from_millis(5900));
    assert_eq!(of(&[("date", "@0")], 0, 900), Duration::from_millis(900));
    assert_eq!(of(&[("date", "@-2")], 0, 900), secs(2));
    assert_eq!(of(&[("date", "@500")], 0, 0), secs(0));
    assert_eq!(of(&[("date", "garbage")], 0, 0), secs(0));
}

#[test]
fn a_clock_that_goes_back_makes_nothing_older() {
    let headers = head(&[("cache-control", "max-age=60"), ("age", "7")]);
    let answer = Answer {
        status: StatusCode::OK,
        headers: &headers,
        requested: after(10.0),
        received: RECEIVED,
    };
    let governing = Governing::of(&headers, &[]);
    let (freshness, _) = Freshness::of(&answer, &governing, &Rules::default());
    for now in [Timestamp::from_micros(0), RECEIVED] {
        assert_eq!(freshness.age(now), secs(7));
        assert_eq!(freshness.time_left(now), 53);
        assert!(freshness.is_fresh(now));
    }
}

#[test]
fn the_largest_numbers_saturate() {
    let fresh = of(&[(
        "cache-control",
        "max-age=99999999999, stale-while-revalidate=99999999999",
    )]);
    assert_eq!(fresh.lifetime, MAX_TTL);
    assert_eq!(fresh.stale.while_revalidate, MAX_TTL);
    assert_eq!(fresh.keep_for(RECEIVED, Duration::MAX, true), MAX_TTL);
    let old = Freshness {
        initial_age: Duration::MAX,
        ..fresh
    };
    assert_eq!(old.age(Timestamp::MAX), Duration::MAX);
    assert!(old.time_left(Timestamp::MAX) < 0);
    assert!(!old.is_fresh(RECEIVED));
    assert_eq!(old.keep_for(RECEIVED, Duration::ZERO, true), Duration::ZERO);
    let eternal = Freshness {
        lifetime: Duration::MAX,
        ..fresh
    };
    assert!(eternal.time_left(Timestamp::MAX) > 0);
    assert!(eternal.may_serve_while_revalidating(Timestamp::MAX));
}

#[test]
fn it_is_stale_from_the_end_of_its_lifetime() {
    let freshness = said("max-age=10");
    for (now, is_fresh, left) in [
        (0.0, true, 10),
        (0.5, true, 9),
        (9.999, true, 0),
        (10.0, false, 0),
        (10.5, false, -1),
        (12.0, false, -2),
    ] {
        assert_eq!(freshness.is_fresh(after(now)), is_fresh, "{now}");
        assert_eq!(freshness.time_left(after(now)), left, "{now}");
    }
}
