//! What varies.

use http::{Response, request::Parts};
use tower_upstash::response_cache::{CachePolicy, Reason};

use super::app::{Body, Site, answer, get, get_with};

/// Answers with what the request has in the field that the answer varies by.
fn by(field: &'static str) -> impl Fn(&Parts) -> Response<Body> + Send + Sync {
    move |parts| {
        let lines: Vec<_> = parts.headers.get_all(field).iter().collect();
        answer(
            &[("cache-control", "max-age=60"), ("vary", field)],
            format!("{lines:?}"),
        )
    }
}

/// P2
#[tokio::test]
async fn values_that_are_cut_otherwise_are_other_variants() {
    let site = Site::new(|parts| {
        let text = format!("{:?}", parts.headers);
        answer(
            &[("cache-control", "max-age=60"), ("vary", "x-a, x-b")],
            text,
        )
    });
    let asks: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-a", "")],
        &[("x-b", "")],
        &[("x-a", "1x-b2")],
        &[("x-a", "1"), ("x-b", "2")],
        &[("x-a", "12")],
        &[("x-b", "12")],
        &[("x-a", "2"), ("x-b", "1")],
    ];
    for fields in asks {
        assert!(
            !site.send(get_with("/", fields)).await.is_hit(),
            "{fields:?}"
        );
    }
    for fields in asks {
        assert!(
            site.send(get_with("/", fields)).await.is_hit(),
            "{fields:?}"
        );
    }
    assert_eq!(site.calls(), 8);
}

/// P14
#[tokio::test]
async fn a_key_has_eight_variants_at_most() {
    let site = Site::new(by("user-agent"));
    let agents: Vec<String> = (0..20).map(|at| format!("agent-{at}")).collect();
    for agent in &agents {
        site.clock.advance(std::time::Duration::from_micros(1));
        site.send(get_with("/", &[("user-agent", agent)])).await;
    }
    // The newest are there, and a hit adds nothing.
    for agent in agents.iter().skip(12) {
        assert!(
            site.send(get_with("/", &[("user-agent", agent)]))
                .await
                .is_hit(),
            "{agent}"
        );
    }
    assert_eq!(site.calls(), 20);
    for agent in agents.iter().take(12) {
        assert!(
            !site
                .send(get_with("/", &[("user-agent", agent)]))
                .await
                .is_hit(),
            "{agent}"
        );
    }
}

/// P18
#[tokio::test]
async fn each_coding_has_a_variant_of_its_own() {
    let site = Site::new(|parts| {
        let accepted = parts.headers.get("accept-encoding");
        let fields = [("cache-control", "max-age=60"), ("vary", "Accept-Encoding")];
        match accepted.is_some_and(|accepted| accepted.to_str().unwrap().contains("gzip")) {
            true => answer(
                &[fields[0], fields[1], ("content-encoding", "gzip")],
                "zipped",
            ),
            false => answer(&fields, "plain"),
        }
    });
    let ask = |accepted: &str| get_with("/", &[("accept-encoding", accepted)]);
    assert_eq!(site.send(ask("gzip, br")).await.body, "zipped");
    assert_eq!(site.get("/").await.body, "plain");
    assert_eq!(site.send(ask("identity")).await.body, "plain");
    // Order, case and space mean nothing.
    let got = site.send(ask("BR,GZIP")).await;
    assert!(got.is_hit());
    assert_eq!(
        (&got.body[..], got.field("content-encoding")),
        (&b"zipped"[..], Some("gzip"))
    );
    let got = site.get("/").await;
    assert!(got.is_hit());
    assert_eq!(
        (&got.body[..], got.field("content-encoding")),
        (&b"plain"[..], None)
    );
    assert_eq!(site.calls(), 3);

    let known = site
        .clone()
        .policy(CachePolicy::new("known").vary_codings(&["gzip"]));
    known.send(ask("gzip")).await;
    assert!(
        known
            .send(ask("deflate, br, gzip;q=0.5, zstd"))
            .await
            .is_hit()
    );
    assert!(!known.send(ask("br")).await.is_hit());
    let refused = known.send(ask("gzip;q=0, br")).await;
    assert_ne!(refused.body, "");
}

/// P18: what compresses makes tags weak.
#[tokio::test]
async fn a_weak_tag_is_good_for_304_and_not_for_parts() {
    let site = Site::new(|_| {
        answer(
            &[("cache-control", "max-age=60"), ("etag", "W/\"1\"")],
            "0123456789",
        )
    });
    site.get("/").await;
    let got = site
        .send(get_with("/", &[("if-none-match", "\"1\"")]))
        .await;
    assert_eq!(got.status, 304);
    let range = ("range", "bytes=0-1");
    let got = site
        .send(get_with("/", &[range, ("if-range", "W/\"1\"")]))
        .await;
    assert_eq!((got.status, &got.body[..]), (200, &b"0123456789"[..]));
    assert_eq!(site.calls(), 1);
}

#[tokio::test]
async fn all_lines_of_a_field_count() {
    let site = Site::new(by("x-flags"));
    let one = [("x-flags", "1")];
    let two = [("x-flags", "1"), ("x-flags", "2")];
    site.assert_stored(|| get_with("/", &one)).await;
    site.assert_stored(|| get_with("/", &two)).await;
    assert_eq!(site.send(get_with("/", &one)).await.body, "[\"1\"]");
    assert!(!site.get("/").await.is_hit());
}

#[tokio::test]
async fn the_favourite_language_is_enough_where_the_policy_says_so() {
    let site = Site::new(|parts| {
        let asked = parts.headers["accept-language"].to_str().unwrap();
        let language = if asked.starts_with("de") { "de" } else { "en" };
        let fields = [
            ("cache-control", "max-age=60"),
            ("vary", "accept-language"),
            ("content-language", language),
        ];
        answer(&fields, language)
    });
    let site = site.policy(CachePolicy::new("language").vary_by_language());
    let ask = |languages: &str| get_with("/", &[("accept-language", languages)]);
    site.send(ask("de, en;q=0.5")).await;
    let got = site.send(ask("de, fr;q=0.1")).await;
    assert!(got.is_hit(), "{}", got.cache());
    assert_eq!(got.body, "de");
    assert_eq!(site.send(ask("en, de;q=0.5")).await.body, "en");
    assert_eq!(site.calls(), 2);
}

#[tokio::test]
async fn a_response_that_varies_by_everything_is_not_stored() {
    for vary in ["*", "accept, *", ",*,", "not a name"] {
        let site =
            Site::new(move |_| answer(&[("cache-control", "max-age=60"), ("vary", vary)], ""));
        site.assert_unstored(|| get("/"), Reason::Vary).await;
    }
}
