//! What leaves together.

use tokio::{
    runtime::{Builder, Handle},
    task::{JoinSet, block_in_place},
    time::timeout,
};
use tower_upstash::store::{Entry, ErrorKind, Result, SharedStore, Store as _, together};

use super::{
    PATIENCE, builder, key, open, poll_once,
    server::{Answer, Server},
    text, value_of,
};

const ROUNDS: usize = 50;

async fn three_reads(store: &SharedStore) {
    let (a, b, c) = (key("a"), key("b"), key("c"));
    let (a, b, c) = tokio::join!(store.get(&a), store.get(&b), store.get(&c));
    assert_eq!(text(a), value_of("a"));
    assert_eq!(text(b), value_of("b"));
    assert_eq!(text(c), value_of("c"));
}

async fn rounds(store: SharedStore, declared: bool) {
    for _ in 0..ROUNDS {
        if declared {
            together(three_reads(&store)).await;
        } else {
            three_reads(&store).await;
        }
    }
}

#[test]
fn reads_joined_on_a_current_thread_runtime_leave_as_one_request() {
    for declared in [false, true] {
        let server = Server::open();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(rounds(open(&server), declared));
        assert_eq!(server.requests().len(), ROUNDS);
        assert_eq!(server.requests()[0].path, "/pipeline");
    }
}

#[test]
fn reads_joined_on_a_worker_leave_as_one_request() {
    for declared in [false, true] {
        let server = Server::open();
        let runtime = Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .unwrap();
        let task = runtime.spawn(rounds(open(&server), declared));
        runtime.block_on(task).unwrap();
        // Undeclared, another worker may steal the driver while this one is held up.
        let most = if declared { ROUNDS } else { 2 * ROUNDS };
        let requests = server.requests().len();
        assert!((ROUNDS..=most).contains(&requests), "{requests}");
    }
}

#[test]
fn reads_joined_outside_of_the_workers_leave_as_one_request_when_declared() {
    let server = Server::open();
    let runtime = Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(rounds(open(&server), true));
    assert_eq!(server.requests().len(), ROUNDS);

    // Without, a worker may be faster than this thread; all get their own answers all the same.
    runtime.block_on(rounds(open(&server), false));
    assert!(server.requests().len() <= 4 * ROUNDS);
}

#[tokio::test]
async fn nothing_leaves_before_the_poll_that_asks_for_it_ends() {
    let server = Server::open();
    let store = open(&server);
    let mut outer = Box::pin(together(async {
        let inner = together(three_reads(&store));
        tokio::join!(inner, three_reads(&store));
    }));
    assert!(poll_once(outer.as_mut()).is_pending());
    outer.await;
    assert_eq!(server.requests().len(), 1);
    assert_eq!(server.requests()[0].commands().len(), 6);
}

#[tokio::test]
async fn a_poll_that_panics_leaves_nothing_behind() {
    let server = Server::open();
    let store = open(&server);
    let panics = tokio::spawn(together({
        let store = store.clone();
        async move {
            let asked = key("never awaited");
            let mut read = Box::pin(store.get(&asked));
            assert!(poll_once(read.as_mut()).is_pending());
            panic!("told to");
        }
    }));
    assert!(panics.await.unwrap_err().is_panic());
    assert_eq!(text(store.get(&key("next")).await), value_of("next"));
    let words: Vec<_> = server
        .requests()
        .iter()
        .flat_map(|request| request.commands())
        .collect();
    assert_eq!(words, [["GET".to_owned(), key("next").to_text()]]);
}

#[tokio::test]
async fn a_lone_call_is_one_plain_request() {
    let server = Server::open();
    let store = open(&server);
    assert_eq!(text(store.get(&key("alone")).await), value_of("alone"));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].path, "/");
    assert_eq!(
        requests[0].commands(),
        [["GET".to_owned(), key("alone").to_text()]]
    );
    let headers = &requests[0].headers;
    assert_eq!(headers["authorization"], "Bearer CANARY-token");
    assert_eq!(headers["upstash-encoding"], "base64");
    assert_eq!(headers["content-type"], "application/json");
    assert!(!headers.contains_key("upstash-sync-token"));
}

#[tokio::test]
async fn several_keys_are_one_command() {
    let server = Server::open();
    let entries = open(&server).read(&[key("a"), key("b")]).await.unwrap();
    assert_eq!(
        entries[1].as_ref().unwrap().value(),
        value_of("b").as_bytes()
    );
    assert_eq!(server.requests()[0].commands()[0][0], "MGET");
}

#[tokio::test]
async fn many_callers_at_once_share_one_request() {
    let server = Server::open();
    call_many(&server, 64).await;
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_request_carries_256_commands_at_most() {
    let server = Server::open();
    let store = builder(&server).max_value(1 << 10).build().unwrap();
    call_many_of(store.into(), 600).await;
    let mut sizes: Vec<_> = server
        .requests()
        .iter()
        .map(|each| each.commands().len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [88, 256, 256]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_on_many_threads_share_few_requests() {
    let server = Server::open();
    call_many(&server, 640).await;
    let requests = server.requests().len();
    assert!(requests < 320, "{requests}");
}

async fn call_many(server: &Server, callers: usize) {
    call_many_of(open(server), callers).await;
}

async fn call_many_of(store: SharedStore, callers: usize) {
    let mut calls = JoinSet::new();
    for id in 0..callers {
        let store = store.clone();
        let id = id.to_string();
        calls.spawn(async move { assert_eq!(text(store.get(&key(&id)).await), value_of(&id)) });
    }
    timeout(PATIENCE, calls.join_all()).await.expect("answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_that_come_and_go_among_failures_get_their_own_answers_or_an_error() {
    const CALLERS: usize = 16;
    const CALLS: usize = 100;
    let server = Server::open();
    let store = open(&server);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let store = store.clone();
        callers.spawn(async move {
            let mut answered = 0;
            for call in 0..CALLS {
                let id = format!("{caller}-{call}");
                let asked = key(&id);
                let mut read = Box::pin(store.get(&asked));
                match call % 4 {
                    0 => drop(read),
                    1 => {
                        let _ = poll_once(read.as_mut());
                        tokio::task::yield_now().await;
                    }
                    2 => answered += usize::from(expect(together(read).await, &id)),
                    _ => answered += usize::from(expect(read.await, &id)),
                }
            }
            answered
        });
    }
    for requests in 1..=10 {
        server.wait_for(requests).await;
        server.answer(Answer::Nothing);
    }
    let answers = timeout(2 * PATIENCE, callers.join_all()).await;
    let answered: usize = answers.expect("nobody hangs").into_iter().sum();
    assert!(answered > 0);
    // What is left over fails a few more.
    for _ in 0..10 {
        let _ = store.get(&key("last failures")).await;
    }
    assert_eq!(text(store.get(&key("after")).await), value_of("after"));
}

/// Returns whether there is an answer: then the right one.
fn expect(answer: Result<Option<Entry>>, id: &str) -> bool {
    match answer {
        Ok(entry) => {
            assert_eq!(text(Ok(entry)), value_of(id));
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            false
        }
    }
}

#[tokio::test]
async fn a_slow_answer_does_not_hold_up_other_calls() {
    let server = Server::open();
    server.answer(Answer::Silence);
    let store = open(&server);
    let slow = tokio::spawn({
        let store = store.clone();
        async move { store.get(&key("slow")).await }
    });
    server.wait_for(1).await;
    for _ in 0..10 {
        assert_eq!(text(store.get(&key("fast")).await), value_of("fast"));
    }
    assert!(!slow.is_finished());
    slow.abort();
}

#[tokio::test]
async fn what_is_asked_while_all_lanes_are_busy_leaves_together() {
    let server = Server::with_turns(0);
    let store: SharedStore = builder(&server).lanes(1).build().unwrap().into();
    let first = tokio::spawn({
        let store = store.clone();
        async move { text(store.get(&key("first")).await) }
    });
    server.wait_for(1).await;
    let mut others = JoinSet::new();
    for id in 0..10 {
        let store = store.clone();
        others.spawn(async move { text(store.get(&key(&id.to_string())).await) });
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests().len(), 1);
    server.give_turns(2);
    assert_eq!(first.await.unwrap(), value_of("first"));
    assert_eq!(others.join_all().await.len(), 10);
    assert_eq!(server.requests()[1].commands().len(), 10);
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_at_once() {
    const MAX_WAITING: usize = 1 << 16;
    let server = Server::with_turns(0);
    let store: SharedStore = builder(&server).lanes(1).build().unwrap().into();
    let asked = key("k");
    let mut first = Box::pin(store.get(&asked));
    assert!(poll_once(first.as_mut()).is_pending());
    server.wait_for(1).await;
    let mut waiting: Vec<_> = (0..MAX_WAITING)
        .map(|_| Box::pin(store.get(&asked)))
        .collect();
    for call in &mut waiting {
        assert!(poll_once(call.as_mut()).is_pending());
    }
    let error = store.get(&asked).await.unwrap_err();
    assert!(error.to_string().contains("too many commands"), "{error}");
    drop(waiting);
    server.give_turns(2);
    assert_eq!(text(first.await), value_of("k"));
    assert_eq!(text(store.get(&asked).await), value_of("k"));
}

// Its command never left: the group waited for the end of a poll that waited for the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_blocks_its_poll_is_answered() {
    let server = Server::open();
    let store = open(&server);
    let blocking = tokio::spawn(together(async move {
        block_in_place(|| Handle::current().block_on(store.get(&key("a"))))
    }));
    assert_eq!(text(blocking.await.unwrap()), value_of("a"));
    assert_eq!(server.requests().len(), 1);
}
