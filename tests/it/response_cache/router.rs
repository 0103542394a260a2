//! In a router of axum.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, RawQuery},
    http::header::CACHE_CONTROL,
    response::IntoResponse,
    routing::{get, post},
};
use http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;
use tower_upstash::{
    response_cache::{CachePolicy, Caching, Personal, Query, ResponseCacheLayer},
    store::MemoryStore,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn send(app: &Router, method: &str, path: &str) -> (u16, String, bool) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "example.com")
        .body(Body::empty())
        .unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.headers().get("cache-status");
    let is_hit = status.is_some_and(|status| status.to_str().unwrap().contains(";hit"));
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap(), is_hit)
}

#[tokio::test]
async fn extractors_routes_and_policies_work_below_and_beside_the_cache() {
    let cache = ResponseCacheLayer::new(MemoryStore::new());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let search = CachePolicy::new("search")
        .default_ttl(MINUTE)
        .query(Query::Only(&["q"]));
    let app = Router::new()
        .route(
            "/posts/{id}",
            get(async |Path(id): Path<String>| {
                (
                    Extension(Caching::ttl(MINUTE).tag("posts")),
                    format!("post {id}"),
                )
            })
            .layer(cache.with(CachePolicy::new("posts"))),
        )
        .route(
            "/search",
            get(async |RawQuery(asked): RawQuery| format!("{asked:?}")).layer(cache.with(search)),
        )
        .route(
            "/mine",
            get(async || {
                (
                    Extension(Personal::marked()),
                    ([(CACHE_CONTROL, "max-age=60")], "mine"),
                )
            })
            .layer(cache.clone()),
        )
        .route(
            "/counted",
            get(async move || {
                let count = counted.fetch_add(1, Ordering::SeqCst);
                ([(CACHE_CONTROL, "max-age=60")], count.to_string()).into_response()
            })
            .layer(cache.clone()),
        )
        .route("/counted", post(async || "changed").layer(cache.clone()));
    for id in ["1", "2"] {
        let path = format!("/posts/{id}");
        assert_eq!(
            send(&app, "GET", &path).await,
            (200, format!("post {id}"), false)
        );
        assert_eq!(
            send(&app, "GET", &path).await,
            (200, format!("post {id}"), true)
        );
    }
    cache.handle().purge_tags(["posts"]).await.unwrap();
    assert!(!send(&app, "GET", "/posts/1").await.2);
    // What does not count is not seen by who asks next: by choice.
    assert!(!send(&app, "GET", "/search?q=1&page=2").await.2);
    assert!(send(&app, "GET", "/search?q=1&page=3").await.2);
    assert!(!send(&app, "GET", "/search?q=2").await.2);
    for _ in 0..2 {
        assert!(!send(&app, "GET", "/mine").await.2);
    }
    assert_eq!(send(&app, "GET", "/counted").await.1, "0");
    assert_eq!(
        send(&app, "HEAD", "/counted").await,
        (200, String::new(), true)
    );
    assert_eq!(
        send(&app, "GET", "/counted").await,
        (200, "0".to_owned(), true)
    );
    assert_eq!(send(&app, "POST", "/counted").await.1, "changed");
    assert_eq!(
        send(&app, "GET", "/counted").await,
        (200, "1".to_owned(), false)
    );
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn around_a_whole_router_answers_that_are_no_route_are_not_stored() {
    let cache = ResponseCacheLayer::new(MemoryStore::new());
    let app = Router::new()
        .route(
            "/",
            get(async || ([(CACHE_CONTROL, "max-age=60")], "hello")),
        )
        .layer(cache);
    assert!(!send(&app, "GET", "/").await.2);
    assert!(send(&app, "GET", "/").await.2);
    for _ in 0..2 {
        assert_eq!(
            send(&app, "GET", "/nowhere").await,
            (404, String::new(), false)
        );
        assert_eq!(send(&app, "DELETE", "/").await.0, 405);
    }
    // A method that is refused has changed nothing.
    assert!(send(&app, "GET", "/").await.2);
}

/// Both saw `/users`, and answered for each other.
#[tokio::test]
async fn nested_routers_have_keys_of_their_own() {
    let cache = ResponseCacheLayer::new(MemoryStore::new());
    let of = |version: &'static str| {
        let read = move || async move { ([(CACHE_CONTROL, "max-age=60")], version) };
        let users = get(read).put(|| async {});
        Router::new().route("/users", users.layer(cache.clone()))
    };
    let app = Router::new().nest("/v1", of("one")).nest("/v2", of("two"));
    for _ in 0..2 {
        assert_eq!(send(&app, "GET", "/v1/users").await.1, "one");
        assert_eq!(send(&app, "GET", "/v2/users").await.1, "two");
    }
    assert!(send(&app, "GET", "/v1/users").await.2);
    send(&app, "PUT", "/v1/users").await;
    assert!(!send(&app, "GET", "/v1/users").await.2);
    assert!(send(&app, "GET", "/v2/users").await.2);
    let url = "http://example.com/v2/users".parse().unwrap();
    cache.handle().purge_url(&url).await.unwrap();
    assert!(!send(&app, "GET", "/v2/users").await.2);
}

#[tokio::test]
async fn an_unsafe_method_invalidates_also_where_its_own_route_caches_nothing() {
    let cache = ResponseCacheLayer::new(MemoryStore::new());
    let read = get(|| async { ([(CACHE_CONTROL, "max-age=60")], "page") });
    let write = post(|| async {}).layer(cache.with(CachePolicy::new("write").never()));
    let app: Router = Router::new().route("/page", read.layer(cache).merge(write));
    send(&app, "GET", "/page").await;
    assert!(send(&app, "GET", "/page").await.2);
    send(&app, "POST", "/page").await;
    assert!(!send(&app, "GET", "/page").await.2);
}
