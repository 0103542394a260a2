//! Server-sent events.

use reqwest::Response;
use serde_json::json;

use crate::support::Site;

/// Reads on until the text has come.
async fn wait_for(response: &mut Response, text: &str) {
    let mut seen = String::new();
    while !seen.contains(text) {
        let chunk = response.chunk().await.unwrap().expect("the stream goes on");
        seen.push_str(str::from_utf8(&chunk).unwrap());
    }
}

async fn open(site: &Site, path: &str) -> Response {
    let request = site.post(path, "").header("accept", "text/event-stream");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response
}

#[tokio::test]
async fn messages_of_a_channel_are_events() {
    let site = Site::start().await;
    let mut events = open(&site, "/subscribe/a%20b").await;
    wait_for(&mut events, "data: subscribe,a b,1\n\n").await;
    assert_eq!(site.result(json!(["PUBLISH", "a b", "hi, there"])).await, 1);
    wait_for(&mut events, "data: message,a b,hi, there\n\n").await;
}

#[tokio::test]
async fn messages_of_a_pattern_are_events_until_the_client_goes() {
    let site = Site::start().await;
    let mut events = open(&site, "/psubscribe/a*").await;
    wait_for(&mut events, "data: psubscribe,a*,1\n\n").await;
    site.result(json!(["PUBLISH", "abc", "hi"])).await;
    wait_for(&mut events, "data: pmessage,a*,abc,hi\n\n").await;
    drop(events);
    while site.result(json!(["PUBLISH", "abc", "hi"])).await != 0 {}
}

#[tokio::test]
async fn the_monitor_shows_commands_and_not_our_marks() {
    let site = Site::start().await;
    let mut events = open(&site, "/monitor").await;
    wait_for(&mut events, "data: \"OK\"\n\n").await;
    site.result(json!(["EVAL", "return redis.call('GET', 'k')", 0]))
        .await;
    let mut seen = String::new();
    while !seen.contains("lua] \"GET\" \"k\"") {
        seen.push_str(str::from_utf8(&events.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert!(!seen.contains("ECHO"), "{seen}");
}
