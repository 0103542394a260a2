//! Two processes over one store: what one stores or invalidates, the other finds.

use http::Method;
use tower_upstash::response_cache::CachePolicy;

use super::site::{App, MINUTE, Site, request};

#[tokio::test]
async fn a_fill_in_one_process_is_a_hit_in_the_other() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        app.header("etag", "\"1\"");
        app.header("x-own", "a");
        let [one, other] = place.two();
        assert_eq!(app.get(&one, "/a?b=c").await.text(), "call 1", "{name}");
        site.advance(MINUTE);
        for layer in [&one, &other] {
            let answer = app.get(layer, "/a?b=c").await;
            assert!(answer.is_hit(), "{name}: {}", answer.how());
            assert_eq!(answer.text(), "call 1", "{name}");
            assert_eq!(answer.headers["x-own"], "a", "{name}");
            assert_eq!(answer.headers["age"], "60", "{name}");
        }
        let head = request(Method::HEAD, "/a?b=c", &[]);
        let answer = app.send(&other, head).await;
        assert!(answer.is_hit(), "{name}");
        assert_eq!(answer.headers["content-length"], "6", "{name}");
        let fields = [("if-none-match", "\"1\"")];
        let answer = app.get_with(&other, "/a?b=c", &fields).await;
        assert_eq!((answer.status, answer.text()), (304, ""), "{name}");
        let answer = app
            .get_with(&other, "/a?b=c", &[("range", "bytes=1-2")])
            .await;
        assert_eq!((answer.status, answer.text()), (206, "al"), "{name}");
        assert_eq!(app.calls(), 1, "{name}");
        // It ends for both.
        site.advance(10 * MINUTE);
        assert_eq!(app.get(&other, "/a?b=c").await.text(), "call 2", "{name}");
        assert_eq!(app.get(&one, "/a?b=c").await.text(), "call 2", "{name}");
    }
}

#[tokio::test]
async fn variants_of_one_process_are_hits_in_the_other() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        app.header("vary", "x-kind");
        let [one, other] = place.two();
        // Nine and the cap are not the same: eight are kept, the newest.
        for kind in 0..9 {
            let layer = if kind % 2 == 0 { &one } else { &other };
            let fields = [("x-kind", &*kind.to_string())];
            let answer = app.get_with(layer, "/a", &fields).await;
            assert_eq!(answer.text(), format!("call {}", kind + 1), "{name}");
            site.advance(MINUTE / 60);
        }
        for layer in [&one, &other, &place.layer()] {
            for kind in 1..9 {
                let fields = [("x-kind", &*kind.to_string())];
                let answer = app.get_with(layer, "/a", &fields).await;
                assert!(answer.is_hit(), "{name} {kind}: {}", answer.how());
                assert_eq!(answer.text(), format!("call {}", kind + 1), "{name}");
            }
        }
        let answer = app.get_with(&one, "/a", &[("x-kind", "0")]).await;
        assert_eq!(answer.text(), "call 10", "{name}: the oldest was dropped");
        // An unsafe request takes all of them.
        app.post(&other, "/a").await;
        for kind in 1..9 {
            let fields = [("x-kind", &*kind.to_string())];
            assert!(!app.get_with(&one, "/a", &fields).await.is_hit(), "{name}");
        }
    }
}

#[tokio::test]
async fn an_unsafe_request_through_one_process_invalidates_in_the_other() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        let [one, other] = place.two();
        // A lag is for tags.
        let other = other.purge_lag(MINUTE);
        for (method, path) in [
            (Method::POST, "/post"),
            (Method::PUT, "/put?a=b"),
            (Method::DELETE, "/delete"),
            (Method::PATCH, "/patch"),
        ] {
            let first = app.get(&other, path).await;
            assert!(app.get(&one, path).await.is_hit(), "{name} {method}");
            app.send(&one, request(method.clone(), path, &[])).await;
            for layer in [&other, &one] {
                let answer = app.get(layer, path).await;
                assert_ne!(answer.text(), first.text(), "{name} {method}");
            }
            assert!(app.get(&one, path).await.is_hit(), "{name} {method}");
        }
        // One that fails, and one that changes nothing, do not.
        app.get(&other, "/failed").await;
        app.status(500);
        app.post(&one, "/failed").await;
        app.status(200);
        app.send(&one, request(Method::OPTIONS, "/failed", &[]))
            .await;
        assert!(app.get(&other, "/failed").await.is_hit(), "{name}");
    }
}

#[tokio::test]
async fn policies_of_one_layer_are_invalidated_together_in_every_process() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        let two = place.two().map(|layer| {
            let page = layer.with(CachePolicy::new("page"));
            let part = layer.with(CachePolicy::new("part"));
            [page, part]
        });
        let [[one_page, one_part], [other_page, other_part]] = &two;
        app.get(one_page, "/a").await;
        app.get(one_part, "/a").await;
        assert!(app.get(other_page, "/a").await.is_hit(), "{name}");
        assert!(app.get(other_part, "/a").await.is_hit(), "{name}");
        app.post(other_part, "/a").await;
        assert!(!app.get(one_page, "/a").await.is_hit(), "{name}");
        assert!(!app.get(one_part, "/a").await.is_hit(), "{name}");
    }
}

#[tokio::test]
async fn a_validation_in_one_process_is_a_hit_in_the_other() {
    let site = Site::start().await;
    for place in site.places() {
        site.flush().await;
        let (app, name) = (App::new(), place.name);
        app.header("etag", "\"1\"");
        let [one, other] = place.two();
        app.get(&one, "/a").await;
        site.advance(11 * MINUTE);
        app.status(304);
        let answer = app.get(&other, "/a").await;
        assert_eq!((answer.status, answer.text()), (200, "call 1"), "{name}");
        let answer = app.get(&one, "/a").await;
        assert!(answer.is_hit(), "{name}: {}", answer.how());
        assert_eq!(app.calls(), 2, "{name}");
    }
}
