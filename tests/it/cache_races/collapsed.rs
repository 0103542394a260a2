//! Those who wait for each other, and when they must not.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

/// Polls several once.
async fn all_wait(clients: &mut [Client]) {
    for client in clients {
        assert!(ready(client).await.is_none());
    }
}

fn gets<const N: usize>(process: &Process) -> [Client; N] {
    [(); N].map(|()| process.get())
}

#[tokio::test(start_paused = true)]
async fn what_has_to_be_validated_each_time_is_not_validated_one_by_one() {
    let process = Process::new(Stepped::open());
    process.fill("no-cache", "page").await;
    // What was remembered of it is forgotten.
    process.clock.advance(Duration::from_secs(120));
    let mut clients = gets::<4>(&process);
    all_wait(&mut clients).await;
    assert_eq!(process.origin.calls(), 2);
    process.origin.confirm(1, "no-cache");
    assert_eq!(text(&mut clients[0]).await, "page");
    for client in &mut clients[1..] {
        assert!(ready(client).await.is_none());
    }
    assert_eq!(process.origin.calls(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_failure_lets_all_go_who_wait_at_once() {
    for status in [None, Some(500), Some(503)] {
        let process = Process::new(Stepped::open());
        let mut clients = gets::<4>(&process);
        all_wait(&mut clients).await;
        assert_eq!(process.origin.calls(), 1);
        match status {
            None => process.origin.give(0, Err("broken")),
            Some(status) => process.origin.give_status(0, status),
        }
        assert!(ready(&mut clients[0]).await.is_some());
        all_wait(&mut clients[1..]).await;
        assert_eq!(process.origin.calls(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_panics_lets_all_go_who_wait_at_once() {
    let process = Process::new(Stepped::open());
    let mut clients = gets::<4>(&process);
    all_wait(&mut clients).await;
    process.origin.give(0, Err(PANIC));
    let [first, others @ ..] = &mut clients;
    let polled = catch_unwind(AssertUnwindSafe(|| first.task.poll().is_ready()));
    assert!(polled.is_err());
    all_wait(others).await;
    assert_eq!(process.origin.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_something_stale_takes_the_place_of_does_so_for_all_who_wait() {
    let process = Process::new(Stepped::open());
    process.fill("max-age=1, stale-if-error=60", "page").await;
    process.clock.advance(Duration::from_secs(2));
    let mut clients = gets::<4>(&process);
    all_wait(&mut clients).await;
    process.origin.give_status(1, 503);
    for client in &mut clients {
        assert_eq!(text(client).await, "page");
    }
    assert_eq!(process.origin.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_go_on_holds_up_only_those_who_came_soon() {
    let process = Process::new(Stepped::open());
    let (mut first, mut second) = (process.get(), process.get());
    assert!(ready(&mut first).await.is_none());
    let writer = process.origin.begin(0, "max-age=600");
    let _stuck = got(&mut first).await;
    let second = got(&mut second).await;
    assert!(status(&second).contains("collapsed"));
    // It goes on: whoever comes later still takes part.
    process.clock.advance(Duration::from_secs(20));
    writer.send(Bytes::from_static(b"a")).unwrap();
    let mut body = second.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "a"
    );
    for _ in 0..2 {
        let later = got(&mut process.get()).await;
        assert!(status(&later).contains("collapsed"));
        process.clock.advance(Duration::from_secs(9));
    }
    let mut last = process.get();
    assert!(ready(&mut last).await.is_none());
    process.origin.answer(1, "max-age=600", "whole");
    assert_eq!(text(&mut last).await, "whole");
    settle().await;
    assert_eq!(text(&mut process.get()).await, "whole");
}

#[tokio::test(start_paused = true)]
async fn one_call_that_hangs_does_not_make_all_wait_for_what_is_not_shared() {
    let process = Process::new(Stepped::open());
    let (mut hung, mut second) = (process.get(), process.get());
    assert!(ready(&mut hung).await.is_none());
    assert!(ready(&mut second).await.is_none());
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(ready(&mut second).await.is_none());
    assert_eq!(process.origin.calls(), 2);
    process.origin.answer(1, "no-store", "mine");
    assert_eq!(text(&mut second).await, "mine");
    let mut third = process.get();
    assert!(ready(&mut third).await.is_none());
    assert_eq!(process.origin.calls(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_goes_hands_over_to_one() {
    let process = Process::new(Stepped::open());
    let mut clients: Vec<_> = gets::<4>(&process).into();
    all_wait(&mut clients).await;
    for calls in 1..4 {
        assert_eq!(process.origin.calls(), calls);
        drop(clients.remove(0));
        all_wait(&mut clients).await;
    }
    assert_eq!(process.origin.calls(), 4);
    process.origin.answer(3, "max-age=60", "page");
    assert_eq!(text(&mut clients[0]).await, "page");
}

#[tokio::test(start_paused = true)]
async fn followers_go_on_where_the_leader_leaves_the_body() {
    let process = Process::new(Stepped::open());
    let mut clients = gets::<3>(&process);
    all_wait(&mut clients).await;
    let writer = process.origin.begin(0, "max-age=60");
    let mut bodies = Vec::new();
    for client in &mut clients {
        bodies.push(got(client).await);
    }
    writer.send(Bytes::from_static(b"one ")).unwrap();
    drop(bodies.remove(0));
    writer.send(Bytes::from_static(b"two")).unwrap();
    drop(bodies.remove(0));
    drop(writer);
    assert_eq!(read(bodies.remove(0)).await, "one two");
    settle().await;
    assert_eq!(text(&mut process.get()).await, "one two");
    assert_eq!(process.origin.calls(), 1);
}
