use std::time::Duration;

use http::{StatusCode, header::SET_COOKIE};

use super::{super::SetCookie, Asked, FRESH, GET, Reason, Rules, plain, verdict};

#[test]
fn private_is_not_stored_even_for_one_user() {
    let keyed = Asked {
        is_keyed_by_user: true,
        ..GET
    };
    for asked in [GET, keyed] {
        let judged = verdict(
            &asked,
            200,
            &[("cache-control", "private, max-age=3600")],
            &Rules::default(),
        );
        assert_eq!(judged, Err(Reason::Private));
    }
}

#[test]
fn answers_to_authorized_requests_need_leave() {
    let authorized = Asked {
        has_authorization: true,
        has_credentials: true,
        ..GET
    };
    let keyed = Asked {
        is_keyed_by_user: true,
        ..authorized
    };
    for (directives, is_allowed) in [
        ("max-age=3600", false),
        ("max-age=3600, proxy-revalidate", false),
        ("max-age=3600, public", true),
        ("max-age=3600, must-revalidate", true),
        ("s-maxage=3600", true),
    ] {
        let lines = [("cache-control", directives)];
        let judged = verdict(&authorized, 200, &lines, &Rules::default());
        let expected = if is_allowed {
            Ok(true)
        } else {
            Err(Reason::Authorization)
        };
        assert_eq!(
            judged.map(|judged| judged.is_for_authorized),
            expected,
            "{directives}"
        );
        // Who has none gets it to store, but it is not for those who have.
        assert_eq!(
            plain(200, &lines).unwrap().is_for_authorized,
            is_allowed,
            "{directives}"
        );
        let judged = verdict(&keyed, 200, &lines, &Rules::default());
        assert!(judged.unwrap().is_for_authorized, "{directives}");
    }
}

#[test]
fn what_is_assumed_is_not_stored_for_requests_with_credentials() {
    let lifetimes = [
        Rules {
            default_ttl: Some(Duration::from_secs(60)),
            ..Rules::default()
        },
        Rules {
            override_ttl: Some(Duration::from_secs(60)),
            ..Rules::default()
        },
        Rules {
            heuristic: Some(Duration::from_secs(60)),
            ..Rules::default()
        },
        Rules {
            status_ttls: vec![(StatusCode::OK, Duration::from_secs(60))],
            ..Rules::default()
        },
        Rules::default(),
    ];
    let cookie = Asked {
        has_credentials: true,
        ..GET
    };
    let authorized = Asked {
        has_authorization: true,
        ..GET
    };
    let keyed = Asked {
        is_keyed_by_user: true,
        ..cookie
    };
    for rules in &lifetimes {
        let lines: &[(&str, &str)] = &[
            ("last-modified", "@-1000"),
            ("cache-control", "must-revalidate"),
        ];
        assert_eq!(
            verdict(&cookie, 200, lines, rules),
            Err(Reason::Credentials)
        );
        assert_eq!(
            verdict(&authorized, 200, lines, rules),
            Err(Reason::Credentials)
        );
        assert!(!verdict(&keyed, 200, lines, rules).unwrap().is_explicit);
        assert!(!verdict(&GET, 200, lines, rules).unwrap().is_explicit);
        let public = [lines, &[("cache-control", "public")]].concat();
        assert!(verdict(&cookie, 200, &public, rules).unwrap().is_explicit);
    }
    // What says how long is for everybody, but where that is overridden.
    let judged = lifetimes.map(|rules| verdict(&cookie, 200, &[FRESH], &rules).is_ok());
    assert_eq!(judged, [true, false, true, true, true]);
    let validated = [("etag", "\"a\""), ("cache-control", "no-cache")];
    assert_eq!(
        verdict(&cookie, 200, &validated, &Rules::default()),
        Err(Reason::Credentials)
    );
}

#[test]
fn cookies_are_stored_as_the_policy_says() {
    let lines = [FRESH, ("set-cookie", "a=b")];
    let with = |set_cookie| {
        let rules = Rules {
            set_cookie,
            ..Rules::default()
        };
        verdict(&GET, 200, &lines, &rules).map(|judged| judged.without)
    };
    assert_eq!(with(SetCookie::Refuse), Err(Reason::SetCookie));
    assert_eq!(with(SetCookie::Strip), Ok(vec![SET_COOKIE]));
    assert_eq!(with(SetCookie::Store), Ok(vec![]));
    let keyed = Asked {
        is_keyed_by_user: true,
        ..GET
    };
    assert_eq!(
        verdict(&keyed, 200, &lines, &Rules::default()),
        Err(Reason::SetCookie)
    );
    let rules = Rules {
        set_cookie: SetCookie::Strip,
        ..Rules::default()
    };
    let judged = verdict(&GET, 200, &[FRESH], &rules).unwrap();
    assert!(judged.without.is_empty());
    // The response itself says to do without them.
    for directive in ["private", "no-cache"] {
        let qualified = format!("{directive}=\"Set-Cookie\"");
        let lines = [FRESH, ("cache-control", &qualified), ("set-cookie", "a=b")];
        assert_eq!(plain(200, &lines).unwrap().without, [SET_COOKIE]);
    }
}

#[test]
fn vary_must_not_be_about_the_user() {
    let keyed = Asked {
        is_keyed_by_user: true,
        ..GET
    };
    let cases: &[(&[&str], bool, bool)] = &[
        (&["accept-encoding"], true, true),
        (&["Foo, , Bar", ""], true, true),
        (&["*"], false, false),
        (&["*, *"], false, false),
        (&[", *"], false, false),
        (&["", "*"], false, false),
        (&["*, Foo"], false, false),
        (&["Foo, *"], false, false),
        (&["Foo", "*"], false, false),
        (&["Cookie"], false, true),
        (&["Foo,AUTHORIZATION"], false, true),
        (&["Foo", "bar, cookie"], false, true),
        (&["cookies"], true, true),
        (&["a b"], false, false),
        (&["\"*\""], false, false),
        (&["f\u{e4}"], false, false),
    ];
    for (values, expected, expected_if_keyed) in cases {
        let mut lines = vec![FRESH];
        lines.extend(values.iter().map(|value| ("vary", *value)));
        for (asked, expected) in [(GET, *expected), (keyed, *expected_if_keyed)] {
            let judged = verdict(&asked, 200, &lines, &Rules::default());
            let expected = if expected { Ok(()) } else { Err(Reason::Vary) };
            assert_eq!(judged.map(drop), expected, "{values:?}");
        }
    }
}
