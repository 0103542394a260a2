//! Two processes of the operating system over one store, and the purges of one seen by the other.

use std::io;

use local_upstash::{LocalUpstash, RedisServer};
use tower_upstash::response_cache::ResponseCacheLayer;

use super::site::App;
use crate::support::process::{Process, say, store};

#[tokio::test]
#[ignore = "what a process does that the tests below start"]
async fn one_of_the_processes() {
    let Some(store) = store() else {
        return;
    };
    let layer = ResponseCacheLayer::new(store);
    let cache = layer.handle();
    let app = App::new();
    app.header("cache-tag", "tag");
    app.body(format!("by {}", std::process::id()));
    say("ready");
    for line in io::stdin().lines() {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("get", path)) => {
                let answer = app.get(&layer, path).await;
                say(&format!("got {}, {}", answer.text(), answer.how()));
            }
            Some(("post", path)) => {
                app.post(&layer, path).await;
                say("got it");
            }
            Some(("tag", tag)) => {
                cache.purge_tags([tag]).await.unwrap();
                say("got it");
            }
            _ => {
                cache.purge_everything().await.unwrap();
                say("got it");
            }
        }
    }
}

async fn tell(process: &mut Process, line: &str) -> String {
    process.tell(line).await;
    process.says("got ").await
}

/// Returns by whom the answer was made, and whether it was stored.
async fn get(process: &mut Process, path: &str) -> (u32, bool) {
    let said = tell(process, &format!("get {path}")).await;
    let (by, how) = said.split_once(", ").unwrap();
    let by = by.strip_prefix("by ").unwrap().parse().unwrap();
    (by, how.contains(";hit"))
}

async fn know_of_each_other(place: &str) {
    let start = || Process::start(module_path!(), place);
    let (mut one, mut other) = (start(), start());
    one.says("ready").await;
    other.says("ready").await;
    let (first, second) = (one.id(), other.id());
    assert_eq!(get(&mut one, "/a").await, (first, false));
    assert_eq!(get(&mut other, "/a").await, (first, true));
    for purge in ["post /a", "tag tag", "all"] {
        tell(&mut other, purge).await;
        assert_eq!(get(&mut one, "/a").await, (first, false), "{purge}");
        assert_eq!(get(&mut other, "/a").await, (first, true), "{purge}");
        tell(&mut one, purge).await;
        assert_eq!(get(&mut other, "/a").await, (second, false), "{purge}");
        assert_eq!(get(&mut one, "/a").await, (second, true), "{purge}");
    }
    // A third one, later.
    let mut third = start();
    third.says("ready").await;
    assert_eq!(get(&mut third, "/a").await, (second, true));
    for process in [one, other, third] {
        process.ends().await;
    }
}

#[tokio::test]
async fn processes_over_tcp_share_what_they_store_and_purge() {
    let redis = RedisServer::start().await.unwrap();
    know_of_each_other(&redis.url()).await;
}

#[tokio::test]
async fn processes_over_http_share_what_they_store_and_purge() {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    know_of_each_other(&format!("{} {}", server.url(), server.token())).await;
}
