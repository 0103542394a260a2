use std::time::Duration;

use super::{
    super::{super::directives::RequestDirectives, Freshness, Stale},
    PAUSE, RECEIVED, Rules, after, headers, judge, of, said, secs,
};

#[test]
fn stale_windows_are_those_of_the_response_or_of_the_policy() {
    let rules = Rules {
        stale_while_revalidate: secs(10),
        stale_if_error: secs(20),
        stale_on_disconnect: secs(30),
        ..Rules::default()
    };
    let window = |while_revalidate, if_error| Stale {
        forbidden: false,
        while_revalidate: secs(while_revalidate),
        if_error: secs(if_error),
        on_disconnect: secs(30),
    };
    let forbidden = Stale {
        forbidden: true,
        ..Stale::default()
    };
    for (directives, expected) in [
        ("max-age=1", window(10, 20)),
        ("max-age=1, stale-while-revalidate=3600", window(3600, 20)),
        ("max-age=1, stale-if-error=0", window(10, 0)),
        ("max-age=1, stale-while-revalidate=x", window(0, 20)),
        ("max-age=1, no-cache=\"a\"", window(10, 20)),
        ("max-age=1, must-revalidate", forbidden),
        ("max-age=1, proxy-revalidate, stale-if-error=5", forbidden),
        ("s-maxage=1, stale-while-revalidate=5", forbidden),
        ("max-age=1, no-cache, stale-while-revalidate=5", forbidden),
        // Never fresh: a setting alone does not make it usable.
        ("max-age=0", window(0, 20)),
        ("max-age=0, stale-while-revalidate=5", window(5, 20)),
        ("public", window(0, 20)),
    ] {
        let (freshness, _) = judge(200, &[("cache-control", directives)], &rules);
        assert_eq!(freshness.stale, expected, "{directives}");
    }
    assert_eq!(said("max-age=1").stale, Stale::default());
}

#[test]
fn each_window_begins_where_the_lifetime_ends() {
    let freshness = Freshness {
        stale: Stale {
            forbidden: false,
            while_revalidate: secs(4),
            if_error: secs(60),
            on_disconnect: secs(5),
        },
        ..said("max-age=1")
    };
    for (now, while_revalidating, on_error, on_disconnect) in [
        (0.0, true, true, true),
        (PAUSE, true, true, true),
        (5.0, false, true, true),
        (60.9, false, true, true),
        (61.0, false, false, false),
    ] {
        let now = after(now);
        assert_eq!(
            freshness.may_serve_while_revalidating(now),
            while_revalidating,
            "{now:?}"
        );
        assert_eq!(freshness.may_serve_on_error(now), on_error, "{now:?}");
        assert_eq!(
            freshness.may_serve_on_disconnect(now),
            on_disconnect,
            "{now:?}"
        );
    }
    for directives in [
        "must-revalidate",
        "proxy-revalidate",
        "no-cache",
        "s-maxage=2",
    ] {
        let rules = Rules {
            stale_on_disconnect: secs(60),
            stale_if_error: secs(60),
            ..Rules::default()
        };
        let directives = format!("max-age=2, {directives}");
        let (freshness, _) = judge(200, &[("cache-control", &directives)], &rules);
        assert!(
            !freshness.may_serve_on_disconnect(after(PAUSE)),
            "{directives}"
        );
        assert!(!freshness.may_serve_on_error(after(PAUSE)), "{directives}");
    }
}

#[test]
fn requests_get_what_they_take() {
    for (response, asked, expected) in [
        (said("max-age=100000"), "", true),
        (said("max-age=2"), "", false),
        (said("max-age=100000"), "max-age=0", false),
        (said("max-age=100000"), "max-age=1", false),
        (said("max-age=100000"), "max-age=3", true),
        (
            of(&[("cache-control", "max-age=100000"), ("age", "1800")]),
            "max-age=600",
            false,
        ),
        (said("max-age=2"), "max-stale=1000", true),
        (said("max-age=2"), "max-stale", true),
        (said("max-age=2"), "max-stale=1", true),
        (said("max-age=1"), "max-stale=1", false),
        (said("max-age=2"), "max-stale=1000, max-age=1", false),
        (
            of(&[("cache-control", "max-age=1500"), ("age", "2000")]),
            "max-stale=1000",
            true,
        ),
        (said("max-age=2, must-revalidate"), "max-stale", false),
        (said("max-age=1000, no-cache"), "max-stale", false),
        (said("s-maxage=2"), "max-stale", false),
        (said("max-age=1500"), "min-fresh=2000", false),
        (said("max-age=1500"), "min-fresh=1497", true),
        (
            of(&[("cache-control", "max-age=1500"), ("age", "1000")]),
            "min-fresh=1000",
            false,
        ),
        (said("max-age=2"), "max-stale, min-fresh=1", false),
        (said("max-age=3600"), "no-cache", false),
        (said("max-age=3600"), "no-cache, max-stale", false),
        // Reloads do not validate what never changes, while it is fresh (RFC 8246).
        (said("max-age=3600, immutable"), "no-cache", true),
        (said("max-age=3600, immutable"), "max-age=0", true),
        (said("max-age=3600, immutable"), "max-age=1", false),
        (
            said("max-age=3600, immutable"),
            "no-cache, min-fresh=9999",
            false,
        ),
        (said("max-age=2, immutable"), "no-cache", false),
        (said("max-age=2, immutable"), "no-cache, max-stale", false),
    ] {
        let directives = RequestDirectives::parse(&headers([("cache-control", asked)]));
        assert_eq!(
            response.satisfies(after(PAUSE), &directives),
            expected,
            "{response:?}: {asked}"
        );
    }
    let no_age = RequestDirectives::parse(&headers([("cache-control", "max-age=0")]));
    assert!(!said("max-age=3600").satisfies(RECEIVED, &no_age));
}

#[test]
fn it_is_kept_while_it_is_of_use() {
    let keep = secs(3600);
    let keep_for =
        |directives, now, has_validator| said(directives).keep_for(after(now), keep, has_validator);
    assert_eq!(keep_for("max-age=60", 0.0, false), secs(60));
    assert_eq!(keep_for("max-age=60", 20.0, false), secs(40));
    assert_eq!(keep_for("max-age=60", 60.0, false), secs(0));
    assert_eq!(keep_for("max-age=60", 900.0, true), keep);
    assert_eq!(keep_for("max-age=60", 0.0, true), secs(3660));
    assert_eq!(keep_for("no-cache", 0.0, true), keep);
    assert_eq!(keep_for("no-cache", 0.0, false), secs(0));
    let windows = "max-age=60, stale-while-revalidate=10, stale-if-error=30";
    assert_eq!(keep_for(windows, 0.0, false), secs(90));
    assert_eq!(keep_for(windows, 0.0, true), secs(3690));
    assert_eq!(keep_for(windows, 80.0, false), secs(10));
    let freshness = said("max-age=60");
    let stale = Stale {
        on_disconnect: secs(5),
        ..freshness.stale
    };
    assert_eq!(
        Freshness { stale, ..freshness }.keep_for(RECEIVED, keep, false),
        secs(65)
    );
}

#[test]
fn jitter_shortens_the_lifetime_alone() {
    let freshness = said("max-age=60, stale-while-revalidate=5");
    let shorter = freshness.with_jitter(secs(6));
    assert_eq!(
        shorter,
        Freshness {
            lifetime: secs(54),
            ..freshness
        }
    );
    assert_eq!(freshness.with_jitter(Duration::ZERO), freshness);
    assert_eq!(
        freshness.with_jitter(Duration::MAX).lifetime,
        Duration::ZERO
    );
}
