//! Purges through one process, as another one sees them.

use std::time::Duration;

use tower_upstash::response_cache::{CachePolicy, ResponseCacheLayer};

use super::site::{App, MINUTE, Place, Site};

const PAGES: CachePolicy = CachePolicy::new("page").tags(&["pages"]);
const LAG: Duration = Duration::from_secs(10);

fn two(place: &Place<'_>) -> [ResponseCacheLayer; 2] {
    place.two().map(|layer| layer.policy(PAGES))
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Tag,
    Group,
    Everything,
    Url,
}

const WAYS: [Way; 4] = [Way::Tag, Way::Group, Way::Everything, Way::Url];

async fn purge(way: Way, layer: &ResponseCacheLayer) {
    let cache = layer.handle();
    let url = "http://example.com/a".parse().unwrap();
    match way {
        Way::Tag => cache.purge_tags(["pages"]).await,
        Way::Group => cache.purge_tags(["of the answer"]).await,
        Way::Everything => cache.purge_everything().await,
        Way::Url => cache.purge_url(&url).await,
    }
    .unwrap();
}

fn tagged() -> App {
    let app = App::new();
    app.header("surrogate-key", "other");
    app.header("cache-tag", "of the answer, another");
    app
}

#[tokio::test]
async fn a_purge_is_seen_by_the_next_lookup_of_every_process() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        for way in WAYS {
            let what = format!("{} {way:?}", place.name);
            site.advance(Duration::from_secs(1));
            let app = tagged();
            let [one, other] = two(&place);
            // What an earlier way has left is of an earlier second.
            purge(Way::Everything, &one).await;
            app.get(&one, "/a").await;
            assert!(app.get(&other, "/a").await.is_hit(), "{what}");
            purge(way, &other).await;
            let answer = app.get(&one, "/a").await;
            assert_eq!(answer.text(), "call 2", "{what}: {}", answer.how());
            for layer in [&other, &one, &place.layer().policy(PAGES)] {
                let answer = app.get(layer, "/a").await;
                assert!(answer.is_hit(), "{what}: {}", answer.how());
                assert_eq!(answer.text(), "call 2", "{what}");
            }
            // What carries other tags stays.
            one.handle().purge_tags(["else"]).await.unwrap();
            assert!(app.get(&other, "/a").await.is_hit(), "{what}");
        }
    }
}

#[tokio::test]
async fn with_a_lag_a_purge_is_seen_when_the_lag_is_over_and_by_its_own_process_at_once() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        for way in [Way::Tag, Way::Everything] {
            let what = format!("{} {way:?}", place.name);
            let app = tagged();
            let [one, other] = two(&place).map(|layer| layer.purge_lag(LAG));
            purge(Way::Everything, &one).await;
            app.get(&one, "/a").await;
            assert!(app.get(&other, "/a").await.is_hit(), "{what}");
            purge(way, &one).await;
            site.advance(LAG / 2);
            let answer = app.get(&other, "/a").await;
            assert!(answer.is_hit(), "{what}: it has not asked yet");
            assert_eq!(answer.text(), "call 1", "{what}");
            assert_eq!(app.get(&one, "/a").await.text(), "call 2", "{what}");
            // Has a newer stamp than what this process knows of.
            assert_eq!(app.get(&other, "/a").await.text(), "call 2", "{what}");
            purge(way, &one).await;
            site.advance(LAG + Duration::from_micros(1));
            assert_eq!(app.get(&other, "/a").await.text(), "call 3", "{what}");
            assert!(app.get(&one, "/a").await.is_hit(), "{what}");
        }
    }
}

#[tokio::test]
async fn a_fill_that_races_a_purge_of_either_process_is_not_stored() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        for way in WAYS {
            for (by, is_other) in [("own", false), ("other", true)] {
                // Over nothing, and over what has ended.
                for is_refill in [false, true] {
                    let what = format!("{} {way:?} {by} {is_refill}", place.name);
                    let app = tagged();
                    let [one, other] = two(&place);
                    purge(Way::Everything, &one).await;
                    purge(Way::Url, &one).await;
                    if is_refill {
                        app.get(&one, "/a").await;
                        site.advance(11 * MINUTE);
                    }
                    let calls = app.calls();
                    app.hold();
                    let filling = app.get(&one, "/a");
                    let purging = async {
                        app.called(calls + 1).await;
                        purge(way, if is_other { &other } else { &one }).await;
                        app.let_through(100);
                    };
                    let (answer, ()) = tokio::join!(filling, purging);
                    // It has its answer all the same.
                    assert_eq!(answer.text(), format!("call {}", calls + 1), "{what}");
                    let answer = app.get(&other, "/a").await;
                    assert_eq!(answer.text(), format!("call {}", calls + 2), "{what}");
                    let answer = app.get(&one, "/a").await;
                    assert!(answer.is_hit(), "{what}: {}", answer.how());
                    assert_eq!(answer.text(), format!("call {}", calls + 2), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_fill_that_races_an_unsafe_request_of_the_other_process_is_not_stored() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        let [one, other] = two(&place);
        app.hold();
        let filling = app.get(&one, "/race");
        let posting = async {
            app.called(1).await;
            // Answers itself, while the fill is held.
            let posts = App::new();
            posts.post(&other, "/race").await;
            app.let_through(100);
        };
        tokio::join!(filling, posting);
        assert_eq!(app.get(&one, "/race").await.text(), "call 2", "{name}");
        assert!(app.get(&other, "/race").await.is_hit(), "{name}");
    }
}

#[tokio::test]
async fn after_a_soft_purge_every_process_validates_and_nobody_serves_it_as_fresh() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        app.header("etag", "\"1\"");
        app.header("vary", "x-kind");
        let [one, other] = two(&place);
        for kind in ["a", "b"] {
            app.get_with(&one, "/a", &[("x-kind", kind)]).await;
        }
        let url = "https://example.com/a".parse().unwrap();
        one.handle().soft_purge_url(&url).await.unwrap();
        app.status(304);
        for (calls, kind) in [(3, "a"), (4, "b")] {
            let fields = [("x-kind", kind)];
            let answer = app.get_with(&other, "/a", &fields).await;
            assert_eq!(answer.status, 200, "{name} {kind}");
            assert_eq!(app.calls(), calls, "{name} {kind}: it was asked");
            assert_eq!(answer.text(), format!("call {}", calls - 2), "{name}");
            let answer = app.get_with(&one, "/a", &fields).await;
            assert!(answer.is_hit(), "{name} {kind}: {}", answer.how());
        }
    }
}

#[tokio::test]
async fn a_fill_that_races_a_soft_purge_is_not_stored() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        for is_other in [false, true] {
            let what = format!("{} {is_other}", place.name);
            let app = App::new();
            let [one, other] = two(&place);
            let path = format!("/soft/{is_other}");
            let url = format!("http://example.com{path}").parse().unwrap();
            app.hold();
            let filling = app.get(&one, &path);
            let purging = async {
                app.called(1).await;
                let by = if is_other { &other } else { &one };
                by.handle().soft_purge_url(&url).await.unwrap();
                app.let_through(100);
            };
            tokio::join!(filling, purging);
            assert_eq!(app.get(&one, &path).await.text(), "call 2", "{what}");
            assert!(app.get(&other, &path).await.is_hit(), "{what}");
        }
    }
}

/// As long as the policy allows, it is served while it is validated; and not instead of errors unless it allows that.
#[tokio::test]
async fn after_a_soft_purge_it_is_served_stale_only_where_the_policy_allows_that() {
    const SERVED: CachePolicy = PAGES
        .stale_while_revalidate(Duration::from_secs(60))
        .stale_if_error(Duration::from_secs(60));
    let site = Site::start().await;
    for place in site.places() {
        for (policy, is_served) in [(PAGES, false), (SERVED, true)] {
            site.flush().await;
            let what = format!("{} {is_served}", place.name);
            let app = App::new();
            let layer = place.layer().policy(policy);
            let path = format!("/soft/{is_served}");
            let url = format!("http://example.com{path}").parse().unwrap();
            app.get(&layer, &path).await;
            layer.handle().soft_purge_url(&url).await.unwrap();
            // Waits for the refresh.
            let answer = app.get(&layer, &path).await;
            let expected = if is_served { "call 1" } else { "call 2" };
            assert_eq!(answer.text(), expected, "{what}: {}", answer.how());
            let answer = app.get(&layer, &path).await;
            assert!(answer.is_hit(), "{what}: {}", answer.how());
            assert_eq!(answer.text(), "call 2", "{what}");
            app.status(503);
            layer.handle().soft_purge_url(&url).await.unwrap();
            let answer = app.get(&layer, &path).await;
            let expected = if is_served { 200 } else { 503 };
            assert_eq!(answer.status, expected, "{what}: {}", answer.how());
        }
    }
}

/// The log of another program, or of an earlier life of the store, says nothing about entries of this one.
#[tokio::test]
async fn a_store_that_was_emptied_serves_nothing_of_before() {
    let site = Site::start().await;
    for place in site.places().into_iter().skip(1) {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        let [one, other] = two(&place);
        app.get(&one, "/a").await;
        app.get(&other, "/a").await;
        let entries = site.entries().await;
        site.flush().await;
        assert_eq!(app.get(&one, "/a").await.text(), "call 2", "{name}");
        site.flush().await;
        // Only the log is lost: what was purged in it nobody knows.
        for (key, value) in entries {
            let value = String::from_utf8(value).unwrap();
            site.redis.command(&["SET", &key, &value]).await.unwrap();
        }
        assert_eq!(app.get(&other, "/a").await.text(), "call 3", "{name}");
        assert!(app.get(&one, "/a").await.is_hit(), "{name}");
        site.flush().await;
    }
}
