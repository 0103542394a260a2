//! What is larger than usual: values, answers, requests.

use std::time::Duration;

use tokio::task::JoinSet;
use tower_upstash::{
    executor::{Executor, Task},
    store::{BreakerStore, Circuit, ErrorKind, SharedStore, Store as _},
};

use super::{
    builder, key, open,
    server::{Answer, Server},
    site::{Site, TTL},
    text, value_of,
};

// 64 reads of 1 MiB were one request, whose answer was beyond all bounds: each time again, and the circuit opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_large_values_at_once_are_all_answered() {
    let site = Site::start().await;
    let breaker = BreakerStore::new(site.over_http());
    let store = SharedStore::from(breaker.clone());
    let value = "x".repeat(1 << 20);
    store.put(&key("large"), value.clone(), TTL).await.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        let breaker = breaker.clone();
        calls.spawn(async move { breaker.read(&vec![key("large"); 16]).await });
    }
    let small = store.get(&key("small")).await;
    assert_eq!(small.unwrap(), None);
    for entries in calls.join_all().await {
        let entries = entries.unwrap();
        assert_eq!(entries.len(), 16);
        assert!(entries.iter().flatten().all(|each| each.value() == &value));
    }
    assert_eq!(breaker.circuit(), Circuit::Closed);
}

#[tokio::test]
async fn an_answer_beyond_what_was_asked_for_is_too_large() {
    let server = Server::open();
    let store = open(&server);
    for length in [17 << 20, 16 << 20] {
        server.answer(Answer::page(
            200,
            format!("{{\"result\":\"{}\"}}", "A".repeat(length)),
        ));
        let error = store.get(&key("a")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
    }
    assert_eq!(text(store.get(&key("a")).await), value_of("a"));
}

// A list of ten million numbers took two gigabytes.
#[tokio::test]
async fn a_list_of_more_elements_than_any_has_is_no_answer() {
    let server = Server::open();
    let list = "0,".repeat(1 << 20);
    server.answer(Answer::page(200, format!("{{\"result\":[{list}0]}}")));
    let error = open(&server).get(&key("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

// A value of more bytes than the queue holds was as if the store were down, for good.
#[tokio::test]
async fn a_value_of_more_bytes_than_the_queue_holds_can_be_sent() {
    let server = Server::open();
    let store = builder(&server).max_value(100 << 20).build().unwrap();
    server.answer(Answer::page(200, r#"{"result":"OK"}"#));
    let value = vec![b'x'; 65 << 20];
    let store = SharedStore::from(store);
    store.put(&key("a"), value, TTL).await.unwrap();
    assert_eq!(server.requests()[0].body.len(), 65 << 20);
}

// Whoever shared a request with a large value was told that its own is too large.
#[tokio::test]
async fn a_request_too_large_for_a_proxy_makes_later_ones_smaller() {
    let server = Server::open();
    let store = open(&server);
    let ask = async || {
        let mut calls = JoinSet::new();
        for id in 0..64 {
            let store = store.clone();
            calls.spawn(async move {
                let value = vec![b'x'; 15 << 10];
                store
                    .put(&key(&id.to_string()), value, Duration::from_secs(9))
                    .await
            });
        }
        calls.join_all().await
    };
    server.answer(Answer::page(413, "<html>"));
    for error in ask().await.into_iter().filter_map(Result::err) {
        assert_ne!(error.kind(), ErrorKind::TooLarge);
    }
    let first = server.requests();
    assert_eq!((first.len(), first[0].commands().len()), (1, 64));
    ask().await;
    assert!(server.requests()[1].body.len() <= 512 << 10);
}

// The caller panicked: tokio's timer was looked for on a thread without it.
#[test]
fn an_executor_needs_a_timer_beside_it() {
    struct Threads;

    impl hyper::rt::Executor<Task> for Threads {
        fn execute(&self, task: Task) {
            std::thread::spawn(|| tokio_test::block_on(task));
        }
    }

    let server = Server::open();
    let error = builder(&server).executor(Executor::new(Threads)).build();
    assert!(error.unwrap_err().to_string().contains("the timer"));
}
