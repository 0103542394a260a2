//! What it has cost, and the sync token.

use std::time::Duration;

use tower_upstash::store::{ErrorKind, Limits, Store as _};

use super::{
    builder, key,
    server::{Answer, Server},
};

#[tokio::test]
async fn usage_counts_trips_requests_commands_and_bytes() {
    let server = Server::open();
    let store = builder(&server).price_per_100k(100_000.0).build().unwrap();
    let (a, b) = ([key("a")], [key("b")]);
    let (a, b) = tokio::join!(store.read(&a), store.read(&b));
    a.and(b).unwrap();
    store.ping().await.unwrap();
    server.answer(Answer::page(503, "down"));
    store.ping().await.unwrap_err();

    let usage = store.usage();
    let sent: usize = server.requests().iter().map(|each| each.body.len()).sum();
    assert_eq!((usage.trips, usage.requests, usage.commands), (4, 3, 4));
    assert_eq!(usage.bytes_sent, sent as u64);
    assert!(usage.bytes_received > 4);
    assert_eq!(usage.errors(ErrorKind::Unavailable), 1);
    assert_eq!(usage.errors(ErrorKind::Timeout), 0);
    assert!((usage.dollars() - 4.0).abs() < 1e-9);
    assert!(usage.mean_latency() > Duration::ZERO && usage.mean_latency() <= usage.max_latency);
}

#[tokio::test]
async fn clones_share_their_figures() {
    let server = Server::open();
    let store = builder(&server).max_value(123).build().unwrap();
    store.clone().ping().await.unwrap();
    assert_eq!(store.usage().trips, 1);
    assert_eq!(store.limits(), Limits::new(123));
}

#[tokio::test]
async fn on_a_global_database_each_request_carries_the_last_token() {
    let server = Server::open();
    for token in ["one", "two"] {
        server.answer(Answer::With("upstash-sync-token", token));
    }
    let store = builder(&server).global(1).build().unwrap();
    for _ in 0..4 {
        store.ping().await.unwrap();
    }
    let tokens: Vec<_> = server
        .requests()
        .iter()
        .map(|each| each.headers.get("upstash-sync-token").cloned())
        .collect();
    assert_eq!(
        tokens,
        [None, Some("one"), Some("two"), Some("two")]
            .map(|token| token.map(|token| token.parse().unwrap()))
    );
}

#[tokio::test]
async fn on_one_region_there_is_no_sync_token() {
    let server = Server::open();
    server.answer(Answer::With("upstash-sync-token", "one"));
    let store = builder(&server).build().unwrap();
    store.ping().await.unwrap();
    store.ping().await.unwrap();
    assert!(
        !server.requests()[1]
            .headers
            .contains_key("upstash-sync-token")
    );
}
