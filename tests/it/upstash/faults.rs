//! What callers learn of a failure: each its own error, of the kind that says what to do.

use std::error::Error as _;

use tokio::{net::TcpListener, task::JoinSet};
use tower_upstash::store::{ErrorKind, Result, SharedStore, Store as _, UpstashStore};

use super::{
    PATIENCE, key, open,
    server::{Answer, Server},
    text, value_of,
};

/// Asks so many at once, and returns the answers.
async fn ask(store: &SharedStore, callers: usize) -> Vec<Result<String>> {
    let mut calls = JoinSet::new();
    for id in 0..callers {
        let store = store.clone();
        calls.spawn(async move {
            let entry = store.get(&key(&id.to_string())).await?;
            Ok(text(Ok(entry)))
        });
    }
    calls.join_all().await
}

async fn kinds(answer: Answer, callers: usize) -> Vec<ErrorKind> {
    let server = Server::open();
    server.answer(answer.clone());
    let store = open(&server);
    let answers = ask(&store, callers).await;
    assert_eq!(
        server.requests().len(),
        1,
        "nothing is sent twice: {answer:?}"
    );
    // And the next call is none the worse.
    assert_eq!(text(store.get(&key("next")).await), value_of("next"));
    answers
        .into_iter()
        .map(|answer| answer.unwrap_err().kind())
        .collect()
}

#[tokio::test]
async fn every_caller_of_a_request_that_fails_gets_its_own_error() {
    let page = Answer::page;
    let cases = [
        (Answer::Nothing, ErrorKind::Unavailable),
        (Answer::Half, ErrorKind::Unavailable),
        (page(200, ""), ErrorKind::Unavailable),
        (page(200, "<html>captive portal"), ErrorKind::Unavailable),
        (
            page(200, "[{\"result\":null},{\"resu"),
            ErrorKind::Unavailable,
        ),
        (page(200, "[]"), ErrorKind::Unavailable),
        (page(200, "[{\"result\":null}]"), ErrorKind::Unavailable),
        (
            page(
                200,
                "[{\"result\":null},{\"result\":null},{\"result\":null}]",
            ),
            ErrorKind::Unavailable,
        ),
        (page(200, "{\"result\":null}"), ErrorKind::Unavailable),
        (page(302, ""), ErrorKind::Unavailable),
        (
            page(400, "{\"error\":\"ERR something new\"}"),
            ErrorKind::Unavailable,
        ),
        (
            page(
                400,
                "{\"error\":\"ERR max daily request limit exceeded. Limit: 1\"}",
            ),
            ErrorKind::QuotaExceeded,
        ),
        (
            page(200, "{\"error\":\"ERR max request size exceeded\"}"),
            ErrorKind::Unavailable,
        ),
        (
            page(
                401,
                "{\"error\":\"WRONGPASS invalid or missing auth token\"}",
            ),
            ErrorKind::Unauthorized,
        ),
        (
            page(401, "{\"error\":\"Unauthorized\"}"),
            ErrorKind::Unauthorized,
        ),
        (page(403, "<html>"), ErrorKind::Unauthorized),
        (page(413, "<html>"), ErrorKind::Unavailable),
        (page(429, "slow down"), ErrorKind::QuotaExceeded),
        (
            page(500, "[{\"result\":null},{\"result\":null}]"),
            ErrorKind::Unavailable,
        ),
        (page(502, "<html>"), ErrorKind::Unavailable),
    ];
    for (answer, kind) in cases {
        assert_eq!(kinds(answer.clone(), 2).await, [kind; 2], "{answer:?}");
    }
    assert_eq!(
        kinds(Answer::Nothing, 64).await,
        [ErrorKind::Unavailable; 64]
    );
}

#[tokio::test]
async fn a_lone_command_is_told_the_same() {
    let page = Answer::page;
    for (answer, kind) in [
        (Answer::Nothing, ErrorKind::Unavailable),
        (page(413, "<html>"), ErrorKind::TooLarge),
        (
            page(400, "{\"error\":\"ERR max request size exceeded\"}"),
            ErrorKind::TooLarge,
        ),
        // A result of null stood for it.
        (
            page(
                200,
                "{\"error\":{\"message\":\"shard is down\"},\"result\":null}",
            ),
            ErrorKind::Unavailable,
        ),
        (
            page(400, "{\"error\":\"WRONGTYPE Operation against a key\"}"),
            ErrorKind::Corrupt,
        ),
        (
            page(200, "{\"error\":\"NOPERM this user has no permissions\"}"),
            ErrorKind::Unauthorized,
        ),
        (
            page(503, "{\"error\":\"upstream\"}"),
            ErrorKind::Unavailable,
        ),
        (
            page(429, "{\"error\":\"upstream\"}"),
            ErrorKind::QuotaExceeded,
        ),
        (page(200, "[{\"result\":null}]"), ErrorKind::Unavailable),
    ] {
        assert_eq!(kinds(answer.clone(), 1).await, [kind], "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_command_fails_only_its_own_caller() {
    let server = Server::open();
    server.answer(Answer::page(
        200,
        r#"[{"result":"YQ=="},{"error":"WRONGTYPE no"},{"result":7.5}]"#,
    ));
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let store = open(&server);
    let (a, b, c) = tokio::join!(store.get(&a), store.get(&b), store.get(&c));
    assert_eq!(text(a), "a");
    assert_eq!(b.unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(c.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let store = UpstashStore::builder(&url, "t")
        .time_limit(PATIENCE)
        .build()
        .unwrap();
    let error = store.ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.source().is_some());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::open();
    let server = Server::open();
    let location = vec![("location", elsewhere.url())];
    server.answer(Answer::Page(307, location, String::new()));
    let error = open(&server).ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(elsewhere.requests().is_empty(), "the token stays here");
}
