//! What is forgotten: by unsafe requests, by URL, by tag, all of it.

use std::sync::Mutex;

use http::{Method, Response, Uri, request::Parts};
use http_body_util::BodyExt;
use tower_upstash::{
    response_cache::{CachePolicy, Caching, Query, Reason},
    store::Identifier,
};

use super::app::{
    Body, HOUR, MINUTE, SECOND, Site, answer, answer_with, channel, for_a_minute, get, get_with,
    next, request, stream,
};

/// A page for GET; for all else what the path of the request tells: `/201?location=/a`.
fn changing(parts: &Parts) -> Response<Body> {
    if parts.method == Method::GET {
        return for_a_minute(parts);
    }
    let status = parts
        .headers
        .get("x-status")
        .map_or("200", |status| status.to_str().unwrap());
    let mut response = answer_with(status.parse().unwrap(), &[], "");
    for name in ["location", "content-location"] {
        if let Some(value) = parts.headers.get(name) {
            response
                .headers_mut()
                .insert(http::HeaderName::from_static(name), value.clone());
        }
    }
    response
}

async fn is_stored(site: &Site, path: &str) -> bool {
    let calls = site.calls();
    site.get(path).await;
    site.calls() == calls
}

#[tokio::test]
async fn an_unsafe_request_that_succeeds_invalidates_its_target() {
    for (method, status, is_gone) in [
        ("POST", "200", true),
        ("PUT", "204", true),
        ("DELETE", "200", true),
        ("PATCH", "303", true),
        ("M-SEARCH", "200", true),
        ("POST", "400", false),
        ("DELETE", "404", false),
        ("PUT", "500", false),
        ("OPTIONS", "200", false),
        ("TRACE", "200", false),
    ] {
        let site = Site::new(changing);
        site.get("/a").await;
        site.get("/b").await;
        let got = site
            .send(request(method, "/a", &[("x-status", status)]))
            .await;
        assert!(got.cache().contains("fwd=method"), "{}", got.cache());
        assert_eq!(is_stored(&site, "/a").await, !is_gone, "{method} {status}");
        assert!(is_stored(&site, "/b").await);
    }
}

#[tokio::test]
async fn location_and_content_location_are_invalidated_of_the_same_origin() {
    for name in ["location", "content-location"] {
        for (value, is_gone) in [
            ("/b", true),
            ("b", true),
            ("http://example.com/b", true),
            ("http://example.com:80/b", true),
            ("http://example.org/b", false),
            ("https://example.com/b", false),
            ("/c", false),
        ] {
            let site = Site::new(changing);
            site.get("/b").await;
            let put = request("PUT", "/a", &[("x-status", "201"), (name, value)]);
            site.send(put).await;
            assert_eq!(is_stored(&site, "/b").await, !is_gone, "{name}: {value}");
        }
        let site = Site::new(changing);
        site.get("/b").await;
        site.send(request("PUT", "/a", &[("x-status", "409"), (name, "/b")]))
            .await;
        assert!(is_stored(&site, "/b").await, "{name}");
    }
}

#[tokio::test]
async fn all_policies_of_a_family_forget_and_none_where_the_layer_says_so() {
    let site = Site::new(changing);
    let keyed = CachePolicy::new("keyed").key_headers(&["x-tenant"]);
    let routes = [
        site.clone().policy(CachePolicy::new("other")),
        site.clone().policy(keyed),
    ];
    for route in &routes {
        route.send(get_with("/a", &[("x-tenant", "blue")])).await;
    }
    site.send(request("POST", "/a", &[])).await;
    for route in &routes {
        let got = route.send(get_with("/a", &[("x-tenant", "blue")])).await;
        assert!(!got.is_hit());
    }
    let site = Site::new(changing).layered(|layer| layer.without_invalidation());
    site.get("/a").await;
    site.send(request("POST", "/a", &[])).await;
    assert!(is_stored(&site, "/a").await);
}

fn url(text: &str) -> Uri {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_url_is_purged_with_all_its_variants_and_nothing_else() {
    let site = Site::new(|parts| {
        let fields = [("cache-control", "max-age=60"), ("vary", "accept-language")];
        answer(&fields, parts.uri.to_string())
    });
    let languages = ["en", "de", "fr"];
    let all = [
        "/a",
        "/a?b",
        "https://example.com/a",
        "http://example.org/a",
    ];
    for path in all {
        for language in languages {
            site.send(get_with(path, &[("accept-language", language)]))
                .await;
        }
    }
    site.layer
        .handle()
        .purge_url(&url("https://example.com/a"))
        .await
        .unwrap();
    for (path, is_gone) in all.into_iter().zip([true, false, true, false]) {
        for language in languages {
            let got = site
                .send(get_with(path, &[("accept-language", language)]))
                .await;
            assert_eq!(got.is_hit(), !is_gone, "{path} {language}");
        }
    }
    assert!(site.layer.handle().purge_url(&url("/a")).await.is_err());
}

#[tokio::test]
async fn a_soft_purge_leaves_what_may_be_served_meanwhile() {
    let count = Mutex::new(0);
    let site = Site::new(move |parts| {
        let fields = [("cache-control", "max-age=60"), ("etag", "\"1\"")];
        *count.lock().unwrap() += 1;
        match parts.headers.contains_key("if-none-match") {
            true => answer_with(304, &fields, ""),
            false => answer(&fields, count.lock().unwrap().to_string()),
        }
    });
    let stale = site
        .clone()
        .policy(CachePolicy::new("stale").stale_while_revalidate(HOUR));
    site.get("/a").await;
    stale.get("/a").await;
    site.layer
        .handle()
        .soft_purge_url(&url("http://example.com/a"))
        .await
        .unwrap();
    let got = site.get("/a").await;
    assert!(got.cache().contains("fwd-status=304"), "{}", got.cache());
    assert_eq!(got.body, "1");
    assert!(site.get("/a").await.is_hit());
    let got = stale.get("/a").await;
    assert!(
        got.cache().contains("hit") && got.cache().contains("refreshing"),
        "{}",
        got.cache()
    );
    stale.layer.handle().drain().await;
    let got = stale.get("/a").await;
    assert!(
        got.is_hit() && !got.cache().contains("refreshing"),
        "{}",
        got.cache()
    );
}

#[tokio::test]
async fn tags_are_purged_wherever_they_come_from() {
    let tagged = |parts: &Parts| {
        let fields = match parts.uri.path() {
            "/groups" => [("cache-groups", "\"red\", \"blue\"")],
            "/key" => [("surrogate-key", "green red")],
            "/tag" => [("cache-tag", "green,red")],
            _ => [("x", "y")],
        };
        let mut response = answer(&[fields[0], ("cache-control", "max-age=60")], "");
        if parts.uri.path() == "/handler" {
            response
                .extensions_mut()
                .insert(Caching::tagged("red").tag("other"));
        }
        response
    };
    let paths = ["/groups", "/key", "/tag", "/handler", "/none"];
    let site = Site::new(tagged);
    let policy = site.clone().policy(CachePolicy::new("red").tags(&["red"]));
    for (tag, gone) in [
        ("red", [true, true, true, true, false, true]),
        ("blue", [true, false, false, false, false, false]),
        ("green", [false, true, true, false, false, false]),
        ("Red", [false; 6]),
        ("re", [false; 6]),
    ] {
        for path in paths {
            let got = site.get(path).await;
            assert_eq!(got.field("surrogate-key").or(got.field("cache-tag")), None);
            assert_eq!(got.field("cache-groups").is_some(), path == "/groups");
        }
        policy.get("/none").await;
        site.layer.handle().purge_tags([tag]).await.unwrap();
        for (path, is_gone) in paths.into_iter().zip(gone) {
            assert_eq!(is_stored(&site, path).await, !is_gone, "{tag} {path}");
        }
        let calls = site.calls();
        policy.get("/none").await;
        assert_eq!(site.calls() > calls, gone[5], "{tag}");
    }
    site.layer.handle().purge_everything().await.unwrap();
    for path in paths {
        assert!(!is_stored(&site, path).await, "{path}");
        assert!(is_stored(&site, path).await, "{path}");
    }
}

#[tokio::test]
async fn an_unsafe_request_invalidates_groups_of_its_own_origin() {
    let site = Site::new(|parts| {
        let groups = "\"red\"";
        match parts.method == Method::POST || parts.uri.path() == "/cheat" {
            true => {
                let status = if parts.uri.path() == "/bad" { 400 } else { 200 };
                answer_with(status, &[("cache-group-invalidation", groups)], "")
            }
            false => answer(
                &[("cache-control", "max-age=60"), ("cache-groups", groups)],
                "",
            ),
        }
    });
    let pages = ["/1", "/2", "http://example.org/1"];
    for page in pages {
        site.get(page).await;
    }
    // Neither a safe request, nor one that fails, nor one to another origin.
    site.get("/cheat").await;
    site.send(request("POST", "/bad", &[])).await;
    for page in pages {
        assert!(is_stored(&site, page).await, "{page}");
    }
    site.send(request("POST", "/3", &[])).await;
    for (page, is_kept) in pages.into_iter().zip([false, false, true]) {
        assert_eq!(is_stored(&site, page).await, is_kept, "{page}");
    }
}

/// A site whose first answer is under way.
async fn filling() -> (Site, super::app::Frames, super::app::Answer) {
    let (frames, body) = channel();
    let body = Mutex::new(Some(body));
    let site = Site::new(move |parts| {
        let fields = [("cache-control", "max-age=60"), ("cache-tag", "red")];
        match body.lock().unwrap().take() {
            _ if parts.method != Method::GET => answer(&[], ""),
            Some(body) => stream(200, &fields, body),
            None => answer(&fields, "new"),
        }
    });
    let mut answer = site.open(get("/a")).await.unwrap();
    frames.data("old ");
    assert_eq!(next(answer.body_mut()).await.unwrap().unwrap(), "old ");
    (site, frames, answer)
}

async fn assert_lost(site: &Site, frames: super::app::Frames, answer: super::app::Answer) {
    frames.data("content");
    drop(frames);
    // Whoever reads it reads on.
    assert_eq!(
        answer.into_body().collect().await.unwrap().to_bytes(),
        "content"
    );
    assert_eq!(site.unstored(), [Reason::Purged]);
    let got = site.get("/a").await;
    assert_eq!((got.is_hit(), &got.body[..]), (false, &b"new"[..]));
    assert!(site.get("/a").await.is_hit());
}

/// P12
#[tokio::test]
async fn every_purge_wins_over_a_fill_that_is_under_way() {
    for purge in 0..4 {
        let (site, frames, answer) = filling().await;
        let handle = site.layer.handle();
        let a = url("http://example.com/a");
        let purged = match purge {
            0 => handle.purge_url(&a).await,
            1 => handle.soft_purge_url(&a).await,
            2 => handle.purge_tags(["red"]).await,
            _ => handle.purge_everything().await,
        };
        purged.unwrap();
        assert_lost(&site, frames, answer).await;
    }
}

/// P12
#[tokio::test]
async fn an_unsafe_request_wins_over_a_fill_that_is_under_way() {
    let (site, frames, answer) = filling().await;
    site.send(request("POST", "/a", &[])).await;
    assert_lost(&site, frames, answer).await;
}

/// P12: who asks after a purge does not read along what was asked for before it.
#[tokio::test]
async fn who_comes_after_a_purge_does_not_join_what_was_before() {
    let (site, frames, old) = filling().await;
    site.layer.handle().purge_tags(["red"]).await.unwrap();
    assert_eq!(site.get("/a").await.body, "new");
    frames.data("content");
    drop(frames);
    old.into_body().collect().await.unwrap();
    assert_eq!(site.get("/a").await.body, "new");
    assert_eq!(site.calls(), 2);
}

/// P12: the other way round, a validation that began before a purge brings nothing back.
#[tokio::test]
async fn a_purge_wins_over_a_validation_that_is_under_way() {
    let site = Site::new(|parts| {
        let fields = [
            ("cache-control", "max-age=60"),
            ("etag", "\"1\""),
            ("cache-tag", "red"),
        ];
        match parts.headers.contains_key("if-none-match") {
            true => answer_with(304, &fields, ""),
            false => answer(&fields, "old"),
        }
    });
    for purge in 0..2 {
        site.get("/a").await;
        site.clock.advance(MINUTE + SECOND);
        let held = site.clone().held_up();
        let validating = held.spawn(get("/a"));
        super::app::settle().await;
        let handle = site.layer.handle();
        match purge {
            0 => handle
                .purge_url(&url("http://example.com/a"))
                .await
                .unwrap(),
            _ => handle.purge_tags(["red"]).await.unwrap(),
        }
        held.origin.give_turns(1);
        validating.await.unwrap().unwrap();
        assert!(!site.get("/a").await.is_hit(), "{purge}");
        site.clock.advance(HOUR * 2);
    }
}

/// The tag of a URL had all of the query, and the key what counts of it.
#[tokio::test]
async fn a_user_who_changes_a_page_reads_the_change_whatever_else_the_link_carried() {
    let policy = CachePolicy::new("mine")
        .per(|parts| {
            parts
                .headers
                .get("x-user")
                .map(|user| Identifier::new(user.as_bytes()))
        })
        .query(Query::Only(&["q"]));
    let site = Site::new(for_a_minute).policy(policy);
    let user = [("x-user", "alice")];
    site.send(get_with("/me?q=1&utm=x", &user)).await;
    assert!(site.send(get_with("/me?q=1", &user)).await.is_hit());
    site.send(request("PUT", "/me?q=1", &user)).await;
    assert!(!site.send(get_with("/me?q=1", &user)).await.is_hit());
}
