//! Stale while revalidate.

use std::time::Instant;

use hyper::rt::Sleep;
use tower_upstash::{
    executor::{Executor, Task},
    response_cache::CachePolicy,
    time::Timer,
};

use super::*;

const STALE: &str = "max-age=1, stale-while-revalidate=600";

async fn with_stale(process: &Process) {
    process.fill(STALE, "old").await;
    process.clock.advance(Duration::from_secs(2));
    process.events();
}

#[tokio::test(start_paused = true)]
async fn what_is_never_fresh_is_refreshed_all_the_same() {
    let process = Process::new(Stepped::open());
    let lifetime = "max-age=0, stale-while-revalidate=600";
    process.fill(lifetime, "one").await;
    process.clock.advance(Duration::from_secs(1));
    assert_eq!(text(&mut process.get()).await, "one");
    settle().await;
    assert_eq!(process.origin.calls(), 2);
    process.origin.answer(1, lifetime, "two");
    settle().await;
    process.clock.advance(Duration::from_secs(1));
    assert_eq!(text(&mut process.get()).await, "two");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_in_any_way_is_not_tried_again_at_once() {
    for how in [Some(500), Some(503), None] {
        let process = Process::new(Stepped::open());
        with_stale(&process).await;
        assert_eq!(text(&mut process.get()).await, "old");
        settle().await;
        match how {
            Some(status) => process.origin.give_status(1, status),
            None => process.origin.give(1, Err("broken")),
        }
        settle().await;
        let failed = process
            .events()
            .iter()
            .filter(|event| *event == "RefreshFailed")
            .count();
        assert_eq!(failed, 1);
        assert_eq!(text(&mut process.get()).await, "old");
        settle().await;
        assert_eq!(process.origin.calls(), 2, "{how:?}");
        process.clock.advance(Duration::from_secs(6));
        assert_eq!(text(&mut process.get()).await, "old");
        settle().await;
        assert_eq!(process.origin.calls(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refresh_from_before_a_write_does_not_bring_back_what_was() {
    let store = Stepped::open();
    let process = Process::new(store);
    with_stale(&process).await;
    assert_eq!(text(&mut process.get()).await, "old");
    settle().await;
    let mut write = process.request("POST", "/");
    assert!(ready(&mut write).await.is_none());
    process.origin.answer(2, "no-store", "done");
    assert_eq!(text(&mut write).await, "done");
    process.origin.answer(1, "max-age=60", "old");
    settle().await;
    assert!(ready(&mut process.get()).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_refresh_without_an_end_is_given_up() {
    let process = Process::new(Stepped::open());
    with_stale(&process).await;
    assert_eq!(text(&mut process.get()).await, "old");
    settle().await;
    tokio::time::advance(Duration::from_secs(31)).await;
    settle().await;
    assert!(process.origin.take(1).answer.is_closed());
    process.clock.advance(Duration::from_secs(31));
    assert_eq!(text(&mut process.get()).await, "old");
    settle().await;
    assert_eq!(process.origin.calls(), 3);
    process.origin.answer(2, "max-age=60", "new");
    settle().await;
    assert_eq!(text(&mut process.get()).await, "new");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_reads_nothing_that_is_not_stored() {
    let process = Process::new(Stepped::open());
    with_stale(&process).await;
    assert_eq!(text(&mut process.get()).await, "old");
    settle().await;
    let writer = process.origin.begin(1, "no-store");
    settle().await;
    assert!(writer.is_closed());
}

#[tokio::test(start_paused = true)]
async fn at_most_64_refreshes_run_and_the_others_are_answered_all_the_same() {
    let process = Process::new(Stepped::open());
    for path in 0..66 {
        let mut client = process.request("GET", &format!("/{path}"));
        assert!(ready(&mut client).await.is_none());
        process.origin.answer(path, STALE, "old");
        assert_eq!(text(&mut client).await, "old");
    }
    process.clock.advance(Duration::from_secs(2));
    for path in 0..66 {
        assert_eq!(
            text(&mut process.request("GET", &format!("/{path}"))).await,
            "old"
        );
    }
    settle().await;
    assert_eq!(process.origin.calls(), 66 + 64);
    process.origin.answer(66, STALE, "new");
    settle().await;
    assert_eq!(text(&mut process.request("GET", "/65")).await, "old");
    settle().await;
    assert_eq!(process.origin.calls(), 66 + 65);
}

#[tokio::test(start_paused = true)]
async fn an_executor_that_drops_what_it_is_given_leaves_no_key_stuck() {
    struct Drops;
    impl hyper::rt::Executor<Task> for Drops {
        fn execute(&self, task: Task) {
            drop(task);
        }
    }
    let layer = layer(Stepped::open()).executor(Executor::new(Drops));
    let process = Process::with(layer);
    with_stale(&process).await;
    for _ in 0..3 {
        assert_eq!(text(&mut process.get()).await, "old");
    }
    assert_eq!(process.origin.calls(), 1);
    process.clock.advance(Duration::from_secs(3600));
    let mut client = process.get();
    assert!(ready(&mut client).await.is_none());
    process.origin.answer(1, "max-age=60", "new");
    assert_eq!(text(&mut client).await, "new");
}

#[tokio::test(start_paused = true)]
async fn what_is_refreshed_within_the_wait_is_told_once() {
    const POLICY: CachePolicy = CachePolicy::new("soft").wait_at_most(Duration::from_millis(100));
    let layer = layer(Stepped::open()).policy(POLICY);
    let process = Process::with(layer);
    with_stale(&process).await;
    let mut client = process.get();
    assert!(ready(&mut client).await.is_none());
    process.origin.answer(1, STALE, "new");
    assert_eq!(text(&mut client).await, "new");
    assert_eq!(process.events(), ["Miss", "Stored"]);
    process.clock.advance(Duration::from_secs(2));
    let mut client = process.get();
    assert!(ready(&mut client).await.is_none());
    tokio::time::advance(Duration::from_millis(101)).await;
    assert_eq!(text(&mut client).await, "new");
    assert_eq!(process.events(), ["Hit"]);
    process.origin.answer(2, "max-age=60", "newer");
    settle().await;
    assert_eq!(text(&mut process.get()).await, "newer");
}

/// A timer whose time has always come.
struct AtOnce;

struct Over;

impl Future for Over {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl Sleep for Over {}

impl hyper::rt::Timer for AtOnce {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Over)
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Over)
    }
}

/// Polls a client as no runtime of ours does.
fn poll(client: &mut Client) -> Option<Got> {
    for _ in 0..20 {
        if let Poll::Ready(answer) = client.task.poll() {
            return Some(answer.unwrap());
        }
    }
    None
}

fn stored_without_a_runtime(process: &Process, cache_control: &str) {
    let mut client = process.get();
    assert!(poll(&mut client).is_none());
    process.origin.answer(0, cache_control, "old");
    let body = poll(&mut client).unwrap().into_body();
    let mut body = spawn(body.collect());
    while body.poll().is_pending() {}
}

#[test]
fn without_an_executor_one_refreshes_and_the_others_are_answered() {
    let process = Process::new(Stepped::open());
    stored_without_a_runtime(&process, STALE);
    process.clock.advance(Duration::from_secs(2));
    let mut refreshing = process.get();
    assert!(poll(&mut refreshing).is_none());
    for _ in 0..3 {
        let response = poll(&mut process.get()).unwrap();
        assert!(status(&response).contains("hit"));
    }
    assert_eq!(process.origin.calls(), 2);
    process.origin.give_status(1, 503);
    assert_eq!(poll(&mut refreshing).unwrap().status(), 200);
}

#[test]
fn without_an_executor_what_a_write_has_changed_is_forgotten_before_its_answer() {
    let memory = MemoryStore::new();
    let store = Stepped::over(memory.clone());
    let layer = layer(store.clone()).timer(Timer::new(AtOnce));
    let process = Process::with(layer);
    let other = Process::new(Stepped::over(memory));
    stored_without_a_runtime(&process, "max-age=60");
    store.hold(Ask::Write);
    let mut write = process.request("POST", "/");
    assert!(poll(&mut write).is_none());
    process.origin.answer(1, "no-store", "done");
    assert!(poll(&mut write).is_none());
    store.step(Ask::Write);
    assert!(poll(&mut write).is_some());
    assert!(poll(&mut other.get()).is_none());
}
