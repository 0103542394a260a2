//! Without a runtime, as in a Worker: nothing runs in the background, and nothing is timed.

use std::{
    pin::pin,
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use http::Method;
use http_body_util::BodyExt as _;
use tower_upstash::{
    executor::{Executor, Task},
    response_cache::{CachePolicy, ResponseCacheLayer},
    store::{MemoryStore, SharedStore},
    time::ManualClock,
};

use super::site::{App, MINUTE, Told, request};
use crate::support::Remote;

const STALE: CachePolicy =
    CachePolicy::new("stale").stale_while_revalidate(Duration::from_secs(600));

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, without any runtime.
fn run<F: Future>(future: F) -> F::Output {
    assert!(tokio::runtime::Handle::try_current().is_err());
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        thread::park_timeout(Duration::from_secs(10));
    }
}

fn stores() -> [(SharedStore, &'static str); 2] {
    let memory = MemoryStore::new().into();
    [(memory, "at once"), (Remote::open().shared(), "far away")]
}

#[test]
fn what_is_stale_is_waited_for_where_nobody_can_refresh_it() {
    for (store, name) in stores() {
        let clock = ManualClock::default();
        let app = App::new();
        app.header("cache-control", "max-age=60");
        let layer = ResponseCacheLayer::new(store)
            .policy(STALE)
            .clock(clock.clone());
        run(async {
            app.get(&layer, "/a").await;
            assert!(app.get(&layer, "/a").await.is_hit(), "{name}");
            clock.advance(2 * MINUTE);
            let answer = app.get(&layer, "/a").await;
            assert_eq!(answer.text(), "call 2", "{name}: {}", answer.how());
            let answer = app.get(&layer, "/a").await;
            assert!(answer.is_hit(), "{name}: {}", answer.how());
            layer.handle().drain().await;
        });
    }
}

#[test]
fn all_else_works_the_same() {
    for (store, name) in stores() {
        let app = App::new();
        app.header("cache-tag", "tag");
        app.header("vary", "x-kind");
        let layer = ResponseCacheLayer::new(store);
        let cache = layer.handle();
        run(async {
            for kind in ["a", "b"] {
                app.get_with(&layer, "/a", &[("x-kind", kind)]).await;
            }
            for kind in ["a", "b"] {
                let answer = app.get_with(&layer, "/a", &[("x-kind", kind)]).await;
                assert!(answer.is_hit(), "{name}");
            }
            app.post(&layer, "/a").await;
            assert_eq!(app.get(&layer, "/a").await.text(), "call 4", "{name}");
            cache.purge_tags(["tag"]).await.unwrap();
            assert_eq!(app.get(&layer, "/a").await.text(), "call 5", "{name}");
            cache.purge_everything().await.unwrap();
            assert_eq!(app.get(&layer, "/a").await.text(), "call 6", "{name}");
            assert!(app.get(&layer, "/a").await.is_hit(), "{name}");
        });
    }
}

#[test]
fn those_who_miss_together_on_threads_of_their_own_share_one_answer() {
    for (store, name) in stores() {
        let app = App::new();
        let layer = ResponseCacheLayer::new(store);
        app.hold();
        let (send, receive) = mpsc::channel();
        for _ in 0..8 {
            let (app, layer, send) = (app.clone(), layer.clone(), send.clone());
            thread::spawn(move || {
                let answer = run(app.get(&layer, "/a"));
                send.send(answer.text().to_owned()).unwrap();
            });
        }
        app.let_through(100);
        for _ in 0..8 {
            let text = receive.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(text, "call 1", "{name}");
        }
        assert_eq!(app.calls(), 1, "{name}");
    }
}

/// A Worker's request ends with its response: what it has not written by then, nobody does.
#[test]
fn a_write_whose_client_has_gone_is_given_up_and_holds_nobody() {
    let remote = Remote::with_turns(0);
    let told = Told::default();
    let layer = told.by(ResponseCacheLayer::new(remote.shared()));
    let app = App::new();
    let mut cx = Context::from_waker(Waker::noop());
    {
        let mut asked = Box::pin(app.get(&layer, "/a"));
        assert!(asked.as_mut().poll(&mut cx).is_pending());
        // The read and the poll, but not the write.
        remote.give_turn();
        remote.give_turn();
        for _ in 0..10 {
            assert!(asked.as_mut().poll(&mut cx).is_pending());
        }
        assert_eq!(app.calls(), 1);
    }
    for _ in 0..3 {
        remote.give_turn();
    }
    let answer = run(app.get(&layer, "/a"));
    assert_eq!(answer.text(), "call 2");
    assert_eq!(told.take().last().unwrap(), "stored");
}

/// Keeps tasks, and runs none of them.
#[derive(Clone, Default)]
struct Later(Arc<Mutex<Vec<Task>>>);

impl hyper::rt::Executor<Task> for Later {
    fn execute(&self, task: Task) {
        self.0.lock().unwrap().push(task);
    }
}

#[test]
fn a_refresh_that_the_executor_drops_holds_up_nobody() {
    for (store, name) in stores() {
        let clock = ManualClock::default();
        let later = Later::default();
        let app = App::new();
        app.header("cache-control", "max-age=60");
        let layer = ResponseCacheLayer::new(store)
            .policy(STALE)
            .executor(Executor::new(later.clone()))
            .clock(clock.clone());
        let get = || app.ask(&layer, request(Method::GET, "/a", &[]));
        run(async {
            get().await;
            clock.advance(2 * MINUTE);
            for _ in 0..3 {
                let answer = get().await;
                assert_eq!(answer.text(), "call 1", "{name}: {}", answer.how());
            }
            let tasks = std::mem::take(&mut *later.0.lock().unwrap());
            assert_eq!(tasks.len(), 1, "{name}: one refresh at a time");
            drop(tasks);
            layer.handle().drain().await;
            // The next one begins another, and that one runs.
            assert_eq!(get().await.text(), "call 1", "{name}");
            let tasks = std::mem::take(&mut *later.0.lock().unwrap());
            assert_eq!(tasks.len(), 1, "{name}");
            for task in tasks {
                task.await;
            }
            layer.handle().drain().await;
            let answer = get().await;
            assert!(answer.is_hit(), "{name}: {}", answer.how());
            assert_eq!(answer.text(), format!("call {}", app.calls()), "{name}");
            assert!(answer.how().contains("ttl=60"), "{name}: {}", answer.how());
        });
    }
}

/// Nothing is sent before it is known that it is needed: a body that nobody polls stores nothing.
#[test]
fn a_response_whose_body_is_never_read_stores_nothing() {
    use tower::{Layer as _, ServiceExt as _, service_fn};
    for (store, name) in stores() {
        let layer = ResponseCacheLayer::new(store);
        let app = App::new();
        let service = layer.layer(service_fn(|_: http::Request<_>| async {
            let response = http::Response::builder().header("cache-control", "max-age=60");
            let body = http_body_util::Full::new(bytes::Bytes::from_static(b"never read"));
            Ok::<_, std::convert::Infallible>(response.body(body).unwrap())
        }));
        run(async {
            let response = service.oneshot(request(Method::GET, "/a", &[])).await;
            drop(response.unwrap());
            let answer = app.get(&layer, "/a").await;
            assert_eq!(answer.text(), "call 1", "{name}: {}", answer.how());
            let service = layer.layer(service_fn(|_: http::Request<_>| async {
                Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Full::new(
                    bytes::Bytes::new(),
                )))
            }));
            let response = service.oneshot(request(Method::GET, "/a", &[])).await;
            let body = response.unwrap().into_body().collect().await.unwrap();
            assert_eq!(body.to_bytes(), "call 1", "{name}");
        });
    }
}
