//! What a policy, a handler and a targeted field say.

use std::{collections::HashSet, time::Duration};

use http::StatusCode;
use tower_upstash::response_cache::{CachePolicy, Caching, Reason};

use super::Fields;
use super::app::{
    HOUR, MINUTE, SECOND, Site, answer, answer_with, for_a_minute, get, get_with, request, status,
};

/// Returns for how many seconds the answer is fresh, by `Cache-Status`.
async fn ttl(site: &Site, path: &str) -> Option<i64> {
    site.get(path).await;
    let got = site.get(path).await;
    let ttl = got
        .cache()
        .split(';')
        .find_map(|part| part.strip_prefix("ttl="));
    ttl.filter(|_| got.is_hit()).map(|ttl| ttl.parse().unwrap())
}

#[tokio::test]
async fn lifetimes_are_found_in_their_order() {
    let plain = CachePolicy::new("lifetimes");
    let default = plain.clone().default_ttl(HOUR);
    let own = plain.clone().override_ttl(HOUR);
    type Case<'a> = (Fields<'static>, &'a CachePolicy, Option<i64>);
    let cases: [Case<'_>; 14] = [
        (&[], &plain, None),
        (&[], &default, Some(3600)),
        (&[("cache-control", "max-age=5")], &default, Some(5)),
        (
            &[("cache-control", "max-age=5, s-maxage=7")],
            &plain,
            Some(7),
        ),
        (
            &[("expires", "Tue, 14 Nov 2023 22:14:20 GMT")],
            &plain,
            Some(60),
        ),
        (
            &[
                ("expires", "Tue, 14 Nov 2023 22:14:20 GMT"),
                ("cache-control", "max-age=5"),
            ],
            &plain,
            Some(5),
        ),
        (
            &[("cache-control", "max-age=5"), ("age", "2")],
            &plain,
            Some(3),
        ),
        (&[("cache-control", "max-age=5")], &own, Some(3600)),
        (&[("cache-control", "no-cache")], &default, None),
        (&[("cache-control", "no-store")], &own, None),
        (&[("cache-control", "private")], &own, None),
        (&[("expires", "0")], &default, None),
        (
            &[
                ("tower-upstash-cache-control", "max-age=9"),
                ("cache-control", "no-store"),
            ],
            &plain,
            Some(9),
        ),
        (&[("cdn-cache-control", "max-age=9")], &plain, None),
    ];
    for (fields, policy, expected) in cases {
        let site = Site::new(move |_| answer(fields, "")).policy(policy.clone());
        assert_eq!(ttl(&site, "/").await, expected, "{fields:?}");
    }
}

#[tokio::test]
async fn a_targeted_field_counts_where_the_layer_names_it() {
    let site = Site::new(|_| {
        answer(
            &[
                ("cdn-cache-control", "max-age=9"),
                ("cache-control", "max-age=5"),
            ],
            "",
        )
    });
    let cdn = site
        .clone()
        .layered(|layer| layer.targeted_by(&["cdn-cache-control"]));
    let policy = cdn.clone().policy(CachePolicy::new("cdn"));
    let (own, cdn) = (ttl(&site, "/own").await, ttl(&cdn, "/cdn").await);
    assert_eq!((own, cdn), (Some(5), Some(9)));
    assert_eq!(ttl(&policy, "/").await, Some(9));
}

#[tokio::test]
async fn nothing_is_cached_where_the_policy_is_never() {
    let site = Site::new(for_a_minute).policy(CachePolicy::new("never").never());
    for _ in 0..2 {
        let got = site.get("/").await;
        assert_eq!(got.cache(), "tower-upstash;fwd=bypass");
    }
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn heuristics_are_off_until_asked_for() {
    let old = [("last-modified", "Tue, 14 Nov 2023 12:13:20 GMT")];
    let site = Site::new(move |_| answer(&old, ""));
    assert_eq!(ttl(&site, "/").await, None);
    let site = site.policy(CachePolicy::new("heuristic").heuristic());
    // A tenth of ten hours.
    assert_eq!(ttl(&site, "/").await, Some(3600));
    let ancient = Site::new(|_| answer(&[("last-modified", "Tue, 14 Nov 2000 12:13:20 GMT")], ""));
    let ancient = ancient.policy(CachePolicy::new("heuristic").heuristic());
    assert_eq!(ttl(&ancient, "/").await, Some(24 * 3600));
}

#[tokio::test]
async fn jitter_shortens_lifetimes_within_its_bounds() {
    let site = Site::new(|_| answer(&[("cache-control", "max-age=1000")], ""));
    let site = site.policy(CachePolicy::new("jitter").jitter(20));
    let mut seen = HashSet::new();
    for at in 0..100 {
        let ttl = ttl(&site, &format!("/{at}")).await.unwrap();
        assert!((800..=1000).contains(&ttl), "{ttl}");
        seen.insert(ttl);
    }
    assert!(seen.len() > 20, "{seen:?}");
}

#[tokio::test]
async fn requests_and_responses_can_be_left_alone() {
    let site = Site::new(for_a_minute);
    let bypass = CachePolicy::new("p").bypass(|parts| parts.headers.contains_key("x-preview"));
    let bypassed = site.clone().policy(bypass);
    bypassed.assert_stored(|| get("/")).await;
    for _ in 0..2 {
        let got = bypassed.send(get_with("/", &[("x-preview", "1")])).await;
        assert!(got.cache().contains("fwd=bypass"));
    }
    let captured = "x-secret".to_owned();
    let policy =
        CachePolicy::new("q").no_store_with(move |parts| parts.headers.contains_key(&captured));
    let site = Site::new(|parts| match parts.uri.path() {
        "/" => for_a_minute(parts),
        _ => answer(&[("cache-control", "max-age=60"), ("x-secret", "1")], ""),
    });
    let site = site.policy(policy);
    site.assert_stored(|| get("/")).await;
    site.assert_unstored(|| get("/secret"), Reason::Policy)
        .await;
}

#[tokio::test]
async fn a_handler_says_how_long_and_clients_are_told_what_it_tells_them() {
    let site = Site::new(|parts| {
        let control = [("cache-control", "no-cache")];
        let mut response = match parts.uri.path() {
            "/error" => answer_with(503, &control, ""),
            _ => answer(&control, ""),
        };
        response.extensions_mut().insert(match parts.uri.path() {
            "/never" => Caching::never(),
            "/zero" => Caching::ttl(Duration::ZERO),
            _ => Caching::ttl(MINUTE),
        });
        response
    });
    assert_eq!(ttl(&site, "/").await, Some(60));
    assert_eq!(site.get("/").await.field("cache-control"), Some("no-cache"));
    // It counts as said by the response itself: for errors, and for requests with credentials.
    assert_eq!(ttl(&site, "/error").await, Some(60));
    site.assert_stored(|| get_with("/cookie", &[("cookie", "theme=dark")]))
        .await;
    // And goes before the policy.
    let own = site
        .clone()
        .policy(CachePolicy::new("own").override_ttl(HOUR));
    assert_eq!(ttl(&own, "/").await, Some(60));
    site.unstored();
    site.assert_unstored(|| get("/never"), Reason::Policy).await;
    assert!(!site.get("/zero").await.is_hit());
}

#[tokio::test]
async fn the_fields_of_a_hit_are_those_of_the_answer() {
    let site = Site::new(|_| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("date", "Tue, 14 Nov 2023 22:13:18 GMT"),
            ("link", "</a>"),
            ("link", "</b>"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("content-type", "text/plain"),
        ];
        answer_with(203, &fields, "hello")
    });
    site.get("/").await;
    site.clock.advance(3 * SECOND);
    let got = site.get("/").await;
    assert_eq!((got.status, &got.body[..]), (203, &b"hello"[..]));
    assert_eq!(got.field("age"), Some("5"));
    assert_eq!(got.field("date"), Some("Tue, 14 Nov 2023 22:13:18 GMT"));
    assert_eq!(got.headers.get_all("link").iter().count(), 2);
    assert_eq!(got.field("content-type"), Some("text/plain"));
    for name in ["connection", "x-hop", "keep-alive"] {
        assert_eq!(got.field(name), None, "{name}");
    }
}

#[tokio::test]
async fn statuses_without_a_body_are_stored_as_well() {
    for code in [
        StatusCode::NO_CONTENT,
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::GONE,
    ] {
        let site = Site::new(move |_| {
            status(
                code,
                &[("cache-control", "max-age=60"), ("location", "/elsewhere")],
            )
        });
        for is_hit in [false, true] {
            let got = site.get("/").await;
            assert_eq!((got.status, got.is_hit()), (code.as_u16(), is_hit));
            assert_eq!(got.field("location"), Some("/elsewhere"));
        }
    }
}

#[tokio::test]
async fn a_post_is_never_answered_from_the_cache() {
    let site = Site::new(for_a_minute);
    site.get("/").await;
    for _ in 0..2 {
        assert!(!site.send(request("POST", "/", &[])).await.is_hit());
    }
    assert_eq!(site.calls(), 3);
}
