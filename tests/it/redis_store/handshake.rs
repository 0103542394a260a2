//! Servers that refuse to begin, and runtimes that do not go on.

use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    runtime::{Builder, Runtime},
};
use tower_upstash::store::{Error, ErrorKind, RedisStore, Store};

use super::server::{PATIENCE, Server, eventually};

/// A server that says one thing to whatever it is asked. Counts connections.
struct Refusing {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Refusing {
    async fn with(reply: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut bytes = vec![0; 4096];
                    while let Ok(many @ 1..) = stream.read(&mut bytes).await {
                        let commands = bytes[..many].iter().filter(|byte| **byte == b'*').count();
                        let replies = format!("-{reply}\r\n").repeat(commands);
                        stream.write_all(replies.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        Self {
            address,
            connections,
        }
    }

    fn store(&self, user: &str, query: &str) -> RedisStore {
        RedisStore::builder(&format!("redis://{user}{}/{query}", self.address))
            .connect_time_limit(PATIENCE)
            .time_limit(PATIENCE)
            .build()
            .unwrap()
    }
}

/// A password in the URL made every refusal one of the password, so that a full server looked like a wrong secret.
#[tokio::test]
async fn only_a_refused_password_is_unauthorized() {
    let loading = "LOADING Redis is loading the dataset in memory";
    for (reply, expected) in [
        (loading, ErrorKind::Unavailable),
        ("ERR max number of clients reached", ErrorKind::Unavailable),
        (
            "WRONGPASS invalid username-password pair",
            ErrorKind::Unauthorized,
        ),
        ("ERR invalid password", ErrorKind::Unauthorized),
        (
            "ERR AUTH <password> called without any password configured for the default user",
            ErrorKind::Unauthorized,
        ),
    ] {
        let server = Refusing::with(reply).await;
        let store = server.store(":hunter2@", "");
        for _ in 0..2 {
            let error = store.ping().await.unwrap_err();
            assert_eq!(error.kind(), expected, "{reply}: {error:?}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }
}

/// Each call opened a connection, and was refused again.
#[tokio::test]
async fn a_server_that_refuses_is_left_alone_for_a_while() {
    let server = Refusing::with("WRONGPASS no").await;
    for (user, query) in [(":x@", ""), (":x@", "?protocol=resp3"), ("", "")] {
        let store = server.store(user, query);
        server.connections.store(0, Ordering::SeqCst);
        for _ in 0..200 {
            let error: Error = store.ping().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unauthorized);
        }
        // One, and one to ask why; more where the machine is busy for longer than the first pauses.
        let connections = server.connections.load(Ordering::SeqCst);
        assert!((1..20).contains(&connections), "{connections}");
    }
}

/// A loading server was remembered as one for good, with RESP3.
#[tokio::test]
async fn a_refusal_is_not_kept_for_ever() {
    let server = Refusing::with("LOADING soon").await;
    let store = server.store("", "?protocol=resp3");
    eventually(async || {
        let error = store.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        (server.connections.load(Ordering::SeqCst) > 2).then_some(())
    })
    .await;
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Everybody waited for a socket and a timer of a runtime that nobody drove, and had no time limit of their own.
#[test]
fn a_runtime_that_rests_while_it_connects_stops_no_other() {
    let awake = runtime();
    let server = awake.block_on(Server::start());
    let limit = Duration::from_millis(500);
    let store = RedisStore::builder(&server.url())
        .connect_time_limit(limit)
        .time_limit(limit);
    let store = store.build().unwrap();
    let began = store.clone();
    let resting = thread::spawn(move || {
        let runtime = runtime();
        runtime.block_on(async {
            let mut call = Box::pin(began.ping());
            let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        });
        runtime
    });
    let resting = resting.join().unwrap();
    awake.block_on(async {
        let first = tokio::time::timeout(PATIENCE, store.ping()).await;
        assert_eq!(
            first.expect("a time limit").unwrap_err().kind(),
            ErrorKind::Timeout
        );
        eventually(async || store.ping().await.ok()).await;
    });
    drop(resting);
    awake.block_on(eventually(async || store.ping().await.ok()));
}

#[test]
fn a_runtime_without_a_timer_is_told() {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let store = RedisStore::new("redis://127.0.0.1/").unwrap();
    let error = runtime.block_on(store.ping()).unwrap_err();
    assert!(error.to_string().contains("without a timer"), "{error}");
}
