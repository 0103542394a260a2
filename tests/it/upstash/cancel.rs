//! Callers that go away, and drivers that are dropped: commands run whole or never leave, and nobody hangs.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Handle};
use tower_upstash::{
    executor::{Executor, Task},
    store::{ErrorKind, SharedStore, Store as _, UpstashStore},
    time::Timer,
};

use super::{
    PATIENCE, TOKEN, builder, key, open, poll_once,
    server::{Answer, Server},
    text, value_of,
};

#[tokio::test]
async fn a_call_that_is_dropped_in_the_queue_never_leaves() {
    let server = Server::with_turns(0);
    let store: SharedStore = builder(&server).lanes(1).build().unwrap().into();
    let (first, gone, stays) = (key("first"), key("gone"), key("stays"));
    let mut first = Box::pin(store.get(&first));
    assert!(poll_once(first.as_mut()).is_pending());
    server.wait_for(1).await;
    let mut gone = Box::pin(store.get(&gone));
    assert!(poll_once(gone.as_mut()).is_pending());
    let mut stays = Box::pin(store.get(&stays));
    assert!(poll_once(stays.as_mut()).is_pending());
    drop(gone);
    server.give_turns(2);
    assert_eq!(text(stays.await), value_of("stays"));
    assert_eq!(text(first.await), value_of("first"));
    let words = server.requests()[1].commands();
    assert_eq!(words, [["GET".to_owned(), key("stays").to_text()]]);
}

#[tokio::test]
async fn a_call_that_is_dropped_on_the_way_runs_and_frees_its_lane() {
    let server = Server::with_turns(0);
    let store: SharedStore = builder(&server).lanes(1).build().unwrap().into();
    let gone = key("gone");
    let mut gone = Box::pin(store.get(&gone));
    assert!(poll_once(gone.as_mut()).is_pending());
    server.wait_for(1).await;
    drop(gone);
    server.give_turns(2);
    assert_eq!(text(store.get(&key("next")).await), value_of("next"));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_call_that_is_never_polled_again_holds_up_nobody() {
    let server = Server::open();
    let store = open(&server);
    let asked = key("alive, but not polled");
    let mut unpolled = Box::pin(store.get(&asked));
    assert!(poll_once(unpolled.as_mut()).is_pending());
    assert_eq!(text(store.get(&key("other")).await), value_of("other"));
    assert_eq!(text(unpolled.await), value_of("alive, but not polled"));
}

#[tokio::test]
async fn silence_is_a_timeout_and_does_not_keep_the_lane() {
    let server = Server::open();
    let store = UpstashStore::builder(&server.url(), TOKEN)
        .time_limit(Duration::from_millis(50))
        .lanes(1)
        .build()
        .unwrap();
    // The connection is open, so that the limit is not spent on it.
    store.ping().await.unwrap();
    server.answer(Answer::Silence);
    let error = store.read(&[key("silence")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // The lane ends its request a little later than the caller its call.
    store.ping().await.unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_runtime_that_stands_still_holds_up_nobody_else() {
    let server = Server::open();
    let store = open(&server);
    let still = Builder::new_current_thread().enable_all().build().unwrap();
    still.block_on(async {
        let asked = key("given up");
        let mut call = Box::pin(store.get(&asked));
        assert!(poll_once(call.as_mut()).is_pending());
    });
    let running = Builder::new_current_thread().enable_all().build().unwrap();
    let answer = running.block_on(store.get(&key("next")));
    assert_eq!(text(answer), value_of("next"));
    drop(still);
    let answer = running.block_on(store.get(&key("after")));
    assert_eq!(text(answer), value_of("after"));
}

#[tokio::test]
async fn a_connection_that_opens_slower_than_calls_may_wait_is_opened_all_the_same() {
    let server = Server::with_turns(0);
    let store = UpstashStore::builder(&server.url(), TOKEN)
        .time_limit(Duration::ZERO)
        .connect_time_limit(PATIENCE)
        .build()
        .unwrap();
    let error = store.read(&[key("late")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // Sooner, an answer could be there at the first look.
    server.give_turns(2);
    store.ping().await.unwrap();
}

/// Keeps tasks until it is told to run them.
#[derive(Clone, Default)]
struct Shelf {
    tasks: Arc<Mutex<Vec<Task>>>,
    is_open: Arc<AtomicBool>,
}

impl hyper::rt::Executor<Task> for Shelf {
    fn execute(&self, task: Task) {
        if self.is_open.load(Ordering::SeqCst) {
            tokio::spawn(task);
        } else {
            self.tasks.lock().unwrap().push(task);
        }
    }
}

#[tokio::test]
async fn a_driver_that_is_dropped_at_any_point_leaves_nobody_waiting() {
    // The first poll yields, the second sends, and then it waits for the answer.
    for polls in 0..4 {
        let server = Server::with_turns(0);
        let shelf = Shelf::default();
        let executor = Executor::new(shelf.clone());
        let store = builder(&server)
            .lanes(1)
            .executor(executor)
            .timer(Timer::tokio());
        let store: SharedStore = store.build().unwrap().into();
        let (a, b, late) = (key("a"), key("b"), key("late"));
        let mut calls = vec![Box::pin(store.get(&a)), Box::pin(store.get(&b))];
        for call in &mut calls {
            assert!(poll_once(call.as_mut()).is_pending());
        }
        let mut driver = shelf.tasks.lock().unwrap().pop().unwrap();
        assert!(shelf.tasks.lock().unwrap().is_empty(), "one driver");
        for _ in 0..polls.min(2) {
            assert!(poll_once(driver.as_mut()).is_pending());
        }
        if polls == 3 {
            tokio::select! {
                () = server.wait_for(1) => {}
                () = driver.as_mut() => panic!("there is no answer"),
            }
        }
        calls.push(Box::pin(store.get(&late)));
        assert!(poll_once(calls[2].as_mut()).is_pending());
        drop(driver);
        for call in calls {
            let error = call.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
        shelf.is_open.store(true, Ordering::SeqCst);
        server.give_turns(10);
        assert_eq!(text(store.get(&key("next")).await), value_of("next"));
    }
}

/// Runs tasks on a runtime of its own.
struct Elsewhere(Handle);

impl hyper::rt::Executor<Task> for Elsewhere {
    fn execute(&self, task: Task) {
        self.0.spawn(task);
    }
}

#[test]
fn a_runtime_that_shuts_down_leaves_nobody_waiting() {
    let server = Server::with_turns(0);
    let elsewhere = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let executor = Executor::new(Elsewhere(elsewhere.handle().clone()));
    let store: SharedStore = builder(&server)
        .lanes(1)
        .executor(executor)
        .timer(Timer::tokio())
        .build()
        .unwrap()
        .into();
    let here = Builder::new_current_thread().enable_all().build().unwrap();
    here.block_on(async {
        let (sent, queued) = (key("sent"), key("queued"));
        let mut sent = Box::pin(store.get(&sent));
        assert!(poll_once(sent.as_mut()).is_pending());
        server.wait_for(1).await;
        let mut queued = Box::pin(store.get(&queued));
        assert!(poll_once(queued.as_mut()).is_pending());
        elsewhere.shutdown_background();
        assert_eq!(sent.await.unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(queued.await.unwrap_err().kind(), ErrorKind::Unavailable);
        // It drops what it is given now.
        let after = store.get(&key("after")).await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::Unavailable);
    });
}

/// Polls a task, and then panics under it.
struct Panics;

impl hyper::rt::Executor<Task> for Panics {
    fn execute(&self, mut task: Task) {
        tokio::spawn(async move {
            let _ = poll_once(task.as_mut());
            let _running = task;
            panic!("told to");
        });
    }
}

#[tokio::test]
async fn a_driver_that_panics_leaves_nobody_waiting() {
    let server = Server::open();
    let store: SharedStore = builder(&server)
        .executor(Executor::new(Panics))
        .timer(Timer::tokio())
        .build()
        .unwrap()
        .into();
    for _ in 0..8 {
        let error = store.get(&key("k")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}

#[test]
fn a_call_outside_of_a_runtime_is_an_error() {
    let server = Server::open();
    let store = open(&server);
    let asked = key("k");
    let mut call = Box::pin(store.get(&asked));
    let std::task::Poll::Ready(Err(error)) = poll_once(call.as_mut()) else {
        panic!("it must not wait");
    };
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("tokio runtime"));
    assert!(server.requests().is_empty());
}

// Four of them, each with a lane on its way, kept all lanes for good.
#[test]
fn runtimes_that_are_driven_no_more_keep_no_lanes() {
    let server = Server::open();
    let short = Duration::from_millis(100);
    let store = builder(&server).time_limit(short).connect_time_limit(short);
    let store = SharedStore::from(store.build().unwrap());
    let new = || Builder::new_current_thread().enable_all().build().unwrap();
    let resting: Vec<_> = (0..4)
        .map(|id| {
            server.answer(Answer::Silence);
            let runtime = new();
            let id = key(&id.to_string());
            let mut call = Box::pin(store.get(&id));
            runtime.block_on(async {
                assert!(poll_once(call.as_mut()).is_pending());
                server.wait_for(server.requests().len() + 1).await;
            });
            drop(call);
            runtime
        })
        .collect();
    let runtime = new();
    let end = Instant::now() + PATIENCE;
    while runtime.block_on(store.get(&key("x"))).is_err() {
        assert!(Instant::now() < end, "no lane is free any more");
    }
    drop(resting);
    let after = runtime.block_on(store.get(&key("after")));
    assert_eq!(text(after), value_of("after"));
}
