//! What it costs: HTTP requests, and the commands that Upstash bills.

use tokio::task::JoinSet;
use tower_upstash::response_cache::CachePolicy;

use super::site::{App, MINUTE, Site};

#[tokio::test]
async fn a_miss_costs_a_trip_to_look_and_one_to_store_and_a_hit_one() {
    let site = Site::start().await;
    let app = App::new();
    let layer = site.layer(site.http().build().unwrap());
    // Begins the log, which later requests find.
    app.get(&layer, "/first").await;
    site.bill();
    for path in ["/a", "/b"] {
        assert!(!app.get(&layer, path).await.is_hit());
        let bill = site.bill();
        eprintln!("a miss: {bill:?}");
        assert_eq!(bill, (2, 3), "a read and a poll, then a write");
        for _ in 0..3 {
            assert!(app.get(&layer, path).await.is_hit());
            assert_eq!(site.bill(), (1, 2), "a read and a poll");
        }
    }
    // Another process, which has to learn of the log, in the same trip.
    let other = site.layer(site.http().build().unwrap());
    for commands in [3, 2] {
        assert!(app.get(&other, "/a").await.is_hit());
        assert_eq!(site.bill(), (1, commands));
    }
}

#[tokio::test]
async fn with_a_lag_a_hit_costs_one_command() {
    let site = Site::start().await;
    let app = App::new();
    let layer = site.layer(site.http().build().unwrap()).purge_lag(MINUTE);
    app.get(&layer, "/a").await;
    site.bill();
    for _ in 0..3 {
        assert!(app.get(&layer, "/a").await.is_hit());
        assert_eq!(site.bill(), (1, 1), "a read");
    }
    site.advance(MINUTE);
    assert!(app.get(&layer, "/a").await.is_hit());
    assert_eq!(site.bill(), (1, 1), "not later than the lag");
    site.advance(MINUTE);
    assert!(app.get(&layer, "/a").await.is_hit());
    assert_eq!(site.bill(), (1, 2), "a poll again");
}

#[tokio::test]
async fn a_variant_costs_a_second_trip_once_in_each_process() {
    let site = Site::start().await;
    let app = App::new();
    app.header("vary", "accept-language");
    let layer = site.layer(site.http().build().unwrap());
    // The endpoint has to learn the script of such writes.
    for language in ["en", "de"] {
        let fields = [("accept-language", language)];
        app.get_with(&layer, "/first", &fields).await;
    }
    site.bill();
    let languages = ["en", "de", "fr"];
    for language in languages {
        let answer = app
            .get_with(&layer, "/a", &[("accept-language", language)])
            .await;
        assert!(!answer.is_hit());
        let (requests, commands) = site.bill();
        eprintln!("storing {language}: {requests} requests, {commands} commands");
        assert_eq!(requests, 2, "a look and a write, the moved variant in it");
        assert!(commands <= 6, "{commands}");
    }
    let other = site.layer(site.http().build().unwrap());
    for (process, layer) in [("knows", &layer), ("is new", &other)] {
        for round in 0..2 {
            for (at, language) in languages.iter().enumerate() {
                let answer = app
                    .get_with(layer, "/a", &[("accept-language", language)])
                    .await;
                assert!(answer.is_hit(), "{}", answer.how());
                assert_eq!(answer.text(), format!("call {}", at + 3));
                let (requests, commands) = site.bill();
                let is_first = process == "is new" && round == 0;
                if is_first && at == 0 {
                    assert_eq!(requests, 2, "the base tells what it varies by");
                } else {
                    assert_eq!((requests, commands), (1, 2), "{process} {round} {language}");
                }
            }
        }
    }
}

#[tokio::test]
async fn invalidations_and_purges_cost_a_trip() {
    let site = Site::start().await;
    let app = App::new();
    let layer = site.layer(site.http().build().unwrap());
    let layer = layer.policy(CachePolicy::new("page").tags(&["page"]));
    let cache = layer.handle();
    // The endpoint has to learn the scripts.
    app.post(&layer, "/a").await;
    let url = "https://example.com/a".parse().unwrap();
    cache.purge_url(&url).await.unwrap();
    app.get(&layer, "/a").await;
    site.bill();
    assert_eq!(app.post(&layer, "/a").await.status, 200);
    let bill = site.bill();
    eprintln!("a POST: {bill:?}");
    assert_eq!(bill, (1, 1));

    app.get(&layer, "/a").await;
    site.bill();
    cache.purge_tags(["page"]).await.unwrap();
    let bill = site.bill();
    eprintln!("a tag: {bill:?}");
    assert_eq!(bill.0, 1);
    // As many tags as fit a call: still one.
    cache
        .purge_tags((0..256).map(|n| format!("{n}")))
        .await
        .unwrap();
    assert_eq!(site.bill().0, 1);

    cache.purge_everything().await.unwrap();
    let bill = site.bill();
    eprintln!("everything: {bill:?}");
    assert_eq!(bill.0, 1);

    cache.purge_url(&url).await.unwrap();
    let bill = site.bill();
    eprintln!("a URL: {bill:?}");
    assert_eq!(bill.0, 1);

    // What changed nothing costs nothing.
    app.status(404);
    app.post(&layer, "/a").await;
    assert_eq!(site.bill(), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_that_miss_together_call_the_service_once_and_store_once() {
    const CALLERS: usize = 64;
    let site = Site::start().await;
    let app = App::new();
    let layer = site.layer(site.http().build().unwrap());
    app.get(&layer, "/first").await;
    app.get(&layer, "/first").await;
    site.bill();
    app.hold();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (app, layer) = (app.clone(), layer.clone());
        callers.spawn(async move { app.get(&layer, "/a").await });
    }
    app.called(2).await;
    // All of them have looked: nobody else asks the endpoint.
    let mut before = 0;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let now = site.server.bill().commands();
        if now == before {
            break;
        }
        before = now;
    }
    app.let_through(CALLERS);
    for answer in callers.join_all().await {
        assert_eq!(answer.text(), "call 2");
    }
    assert_eq!(app.calls(), 2);
    let (requests, commands) = site.bill();
    eprintln!("{CALLERS} that miss: {requests} requests, {commands} commands");
    // Each looks; one stores. Looks that are made together share requests.
    assert_eq!(commands, 2 * CALLERS as u64 + 1);
    assert!(requests <= CALLERS as u64 / 2, "{requests}");
}

#[tokio::test]
async fn a_validation_costs_a_trip_to_look_and_one_to_write() {
    let site = Site::start().await;
    let app = App::new();
    app.header("etag", "\"1\"");
    app.header("cache-control", "max-age=60");
    let layer = site.layer(site.http().build().unwrap());
    app.get(&layer, "/a").await;
    site.advance(2 * MINUTE);
    app.status(304);
    site.bill();
    let answer = app.get(&layer, "/a").await;
    assert_eq!((answer.status, answer.text()), (200, "call 1"));
    let bill = site.bill();
    eprintln!("a validation: {bill:?}");
    assert_eq!(bill, (2, 3));
    assert!(app.get(&layer, "/a").await.is_hit());
    assert_eq!(site.bill(), (1, 2));
}
