//! What goes wrong: servers that forget, hang and go away, and what others have put under our keys.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tower_upstash::{
    quota::Quota,
    store::{
        Batch, Claim, Condition, Cursor, ErrorKind, Key, Kind, Purge, RedisStore, Refusal, Result,
        Scope, SharedStore, Store, Tag, Write, Written,
    },
};

use super::server::{Server, eventually};

const TTL: Duration = Duration::from_secs(60);

fn key(kind: Kind, name: &str) -> Key {
    Scope::new(kind, "faults").key(name)
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

async fn start() -> (Server, SharedStore) {
    let server = Server::start().await;
    let store = SharedStore::new(server.store());
    (server, store)
}

#[tokio::test]
async fn script_that_the_server_forgot_is_loaded_again() {
    let (server, store) = start().await;
    let counter = key(Kind::Counter, "a");
    for sum in 1..4 {
        assert_eq!(store.increment(&counter, 1, TTL).await.unwrap(), sum);
        let _: String = server.run(&[b"SCRIPT", b"FLUSH"]).await;
    }
}

#[tokio::test]
async fn server_that_starts_again_is_found_again() {
    let (mut server, store) = start().await;
    let counter = key(Kind::Counter, "a");
    assert_eq!(store.increment(&counter, 1, TTL).await.unwrap(), 1);
    server.restart().await;
    // The first call may find the old connection broken.
    for sum in [1, 2] {
        let call = async || store.increment(&counter, 1, TTL).await.ok();
        assert_eq!(eventually(call).await, sum);
    }
}

#[tokio::test]
async fn server_that_is_gone_is_unavailable_at_once() {
    let (mut server, store) = start().await;
    store.ping().await.unwrap();
    server.stop();
    let start = Instant::now();
    for _ in 0..5 {
        assert_eq!(kind(store.ping().await), ErrorKind::Unavailable);
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    let never = RedisStore::new(&server.url()).unwrap();
    let error = never.ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// A server that greets, says what it is, and hangs up on everything else. Counts that.
async fn hang_up(listener: TcpListener, calls: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let calls = Arc::clone(&calls);
        tokio::spawn(async move {
            let mut bytes = vec![0; 4096];
            loop {
                let many = stream.read(&mut bytes).await.unwrap();
                let text = String::from_utf8_lossy(&bytes[..many]);
                if text.contains("cluster") {
                    stream.write_all(b"+alone\r\n").await.unwrap();
                    continue;
                }
                if !text.contains("SETINFO") {
                    calls.fetch_add(usize::from(many > 0), Ordering::SeqCst);
                    return;
                }
                let greetings = text.matches("SETINFO").count();
                stream
                    .write_all("+OK\r\n".repeat(greetings).as_bytes())
                    .await
                    .unwrap();
            }
        });
    }
}

#[tokio::test]
async fn call_whose_connection_breaks_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}/", listener.local_addr().unwrap());
    let calls = Arc::new(AtomicUsize::new(0));
    tokio::spawn(hang_up(listener, Arc::clone(&calls)));
    let store = RedisStore::builder(&url)
        .time_limit(Duration::from_secs(10))
        .build()
        .unwrap();
    for sent in 1..4 {
        let error = store
            .increment(&key(Kind::Counter, "a"), 1, TTL)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(calls.load(Ordering::SeqCst), sent);
    }
}

#[tokio::test]
async fn server_that_hangs_is_a_timeout_and_its_connection_given_up() {
    let server = Server::start().await;
    let brief = RedisStore::builder(&server.url()).time_limit(Duration::from_millis(200));
    let store = SharedStore::new(brief.build().unwrap());
    store.ping().await.unwrap();
    server.signal("-STOP");
    let put = Write::put(key(Kind::Data, "a"), "late", TTL).into();
    assert_eq!(kind(store.write(&put).await), ErrorKind::Timeout);
    for _ in 0..8 {
        assert_eq!(kind(store.ping().await), ErrorKind::Timeout);
    }
    server.signal("-CONT");
    eventually(async || store.ping().await.ok()).await;
    // Its outcome was unknown: it arrived.
    assert_eq!(
        store
            .get(&key(Kind::Data, "a"))
            .await
            .unwrap()
            .unwrap()
            .value(),
        "late"
    );
    let clients: String = server.run(&[b"CLIENT", b"LIST"]).await;
    assert_eq!(
        clients.lines().count(),
        2,
        "ours, and that of the question: {clients}"
    );
}

#[tokio::test]
async fn what_others_have_put_is_corrupt() {
    let (server, store) = start().await;
    let (value, list) = (key(Kind::Data, "value"), key(Kind::Data, "list"));
    let text = value.to_text();
    let _: () = server
        .run(&[b"SET", text.as_bytes(), b"\x01not base64"])
        .await;
    let _: u64 = server
        .run(&[b"RPUSH", list.to_text().as_bytes(), b"x"])
        .await;
    assert_eq!(kind(store.get(&value).await), ErrorKind::Corrupt);
    assert_eq!(kind(store.get(&list).await), ErrorKind::Corrupt);
    assert_eq!(
        kind(store.increment(&value, 1, TTL).await),
        ErrorKind::Corrupt
    );
    assert_eq!(
        kind(store.increment(&list, 1, TTL).await),
        ErrorKind::Corrupt
    );
    // A conflict cannot tell an entry that is none.
    let other = key(Kind::Data, "a");
    let stale = store.put(&other, "a", TTL).await.unwrap().unwrap();
    let put = Write::put(value.clone(), "", TTL).when(Condition::Unchanged(stale));
    for _ in 0..2 {
        assert_eq!(
            kind(store.write(&put.clone().into()).await),
            ErrorKind::Corrupt
        );
    }
    // Writes replace both, alone and together.
    for key in [&value, &list] {
        store.put(key, "ours", TTL).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap().value(), "ours");
    }
    let _: u64 = server.run(&[b"DEL", list.to_text().as_bytes()]).await;
    let _: u64 = server
        .run(&[b"RPUSH", list.to_text().as_bytes(), b"x"])
        .await;
    let both = [&value, &list].map(|key| Write::put(key.clone(), "both", TTL));
    assert!(store.write(&both.into()).await.unwrap().is_done());
    assert_eq!(store.get(&list).await.unwrap().unwrap().value(), "both");
}

#[tokio::test]
async fn values_of_other_wires_are_read_and_compared() {
    let (server, store) = start().await;
    let key = key(Kind::Data, "a");
    let text = key.to_text();
    for stored in [&b"\x01_w"[..], b"\x02\xff"] {
        let _: () = server.run(&[b"SET", text.as_bytes(), stored]).await;
        let entry = store.get(&key).await.unwrap().unwrap();
        assert_eq!(&entry.value()[..], b"\xff");
        let put = Write::put(key.clone(), "new", TTL).when(Condition::Unchanged(entry.version()));
        assert!(store.write(&put.into()).await.unwrap().is_done());
    }
    for value in [&b"\x01"[..], b"\x02\x01", b"\x01\xff"] {
        let version = store.put(&key, value, TTL).await.unwrap().unwrap();
        let entry = store.get(&key).await.unwrap().unwrap();
        assert_eq!((&entry.value()[..], entry.version()), (value, version));
    }
}

#[tokio::test]
async fn what_is_no_index_fails_before_anything_is_written() {
    let (server, store) = start().await;
    let [good, bad] = ["good", "bad"].map(|name| key(Kind::Index, name));
    let [a, b] = ["a", "b"].map(|name| key(Kind::Session, name));
    let _: () = server.run(&[b"SET", bad.to_text().as_bytes(), b"x"]).await;
    let batch = Batch::from([
        Write::put(a.clone(), "", TTL).member_of(good.clone()),
        Write::put(b.clone(), "", TTL).member_of(bad.clone()),
    ]);
    assert_eq!(kind(store.write(&batch).await), ErrorKind::Corrupt);
    assert!(
        store
            .read(&[a.clone(), b])
            .await
            .unwrap()
            .iter()
            .all(Option::is_none)
    );
    assert!(
        store
            .members(&good, Cursor::START)
            .await
            .unwrap()
            .identifiers
            .is_empty()
    );
    assert_eq!(
        kind(store.members(&bad, Cursor::START).await),
        ErrorKind::Corrupt
    );
    // A logout goes through all the same.
    store.put(&a, "", TTL).await.unwrap();
    let leave = Write::delete(a.clone()).member_of(bad);
    assert!(store.write(&leave.into()).await.unwrap().is_done());
    assert!(store.get(&a).await.unwrap().is_none());
}

#[tokio::test]
async fn members_that_others_have_put_are_skipped() {
    let (server, store) = start().await;
    let index = key(Kind::Index, "a");
    let join = Write::put(key(Kind::Session, "a"), "", TTL).member_of(index.clone());
    assert!(store.write(&join.into()).await.unwrap().is_done());
    let text = index.to_text();
    let _: u64 = server
        .run(&[b"ZADD", text.as_bytes(), b"1", b"a:b", b"2", b"\xff"])
        .await;
    let members = store.members(&index, Cursor::START).await.unwrap();
    assert_eq!(
        members.identifiers,
        [key(Kind::Session, "a").identifier().clone()]
    );
    let far = store
        .members(&index, Cursor::from_u64(u64::MAX))
        .await
        .unwrap();
    assert!(far.identifiers.is_empty() && far.next.is_none());
}

#[tokio::test]
async fn index_ends_with_its_last_member() {
    let (server, store) = start().await;
    let index = key(Kind::Index, "a");
    let text = index.to_text();
    for (name, seconds, ends) in [("a", 50, 50), ("b", 10, 50), ("c", 90, 90)] {
        let ttl = Duration::from_secs(seconds);
        let join = Write::put(key(Kind::Session, name), "", ttl).member_of(index.clone());
        assert!(store.write(&join.into()).await.unwrap().is_done());
        let left: i64 = server.run(&[b"PTTL", text.as_bytes()]).await;
        assert!(
            (ends * 1000 - 5000..=ends * 1000).contains(&left),
            "{name}: {left}"
        );
    }
}

#[tokio::test]
async fn what_is_no_log_is_corrupt_until_everything_is_purged() {
    let (server, store) = start().await;
    let log = Scope::new(Kind::Purge, "faults");
    let text = log.key("").to_text();
    let start = store.purges(&log, None).await.unwrap().position;
    let _: () = server.run(&[b"SET", text.as_bytes(), b"x"]).await;
    let tags = [Tag::new("a")];
    assert_eq!(kind(store.purges(&log, None).await), ErrorKind::Corrupt);
    assert_eq!(
        kind(store.purges(&log, Some(start)).await),
        ErrorKind::Corrupt
    );
    assert_eq!(
        kind(store.purge(&log, Purge::Tags(&tags)).await),
        ErrorKind::Corrupt
    );
    let end = store.purge(&log, Purge::Everything).await.unwrap();
    assert_eq!(store.purges(&log, Some(end)).await.unwrap().position, end);
    // A sorted set of somebody else's begins anew, read or purged.
    for purge in [false, true] {
        let _: u64 = server.run(&[b"DEL", text.as_bytes()]).await;
        let _: u64 = server.run(&[b"ZADD", text.as_bytes(), b"7", b"~~x"]).await;
        let end = match purge {
            true => store.purge(&log, Purge::Tags(&tags)).await.unwrap(),
            false => store.purges(&log, None).await.unwrap().position,
        };
        let seen = store.purges(&log, Some(end)).await.unwrap();
        assert_eq!((seen.position, seen.complete), (end, false));
    }
}

#[tokio::test]
async fn of_ten_that_change_one_version_one_wins() {
    let (server, store) = start().await;
    let key = key(Kind::Session, "a");
    let version = store.put(&key, "first", TTL).await.unwrap().unwrap();
    let writers = (0..10).map(|number| {
        let put = Write::put(key.clone(), number.to_string(), TTL);
        let put = put.when(Condition::Unchanged(version.clone()));
        let store = SharedStore::new(server.store());
        tokio::spawn(async move { store.write(&put.into()).await.unwrap() })
    });
    let mut won = 0;
    for writer in writers.collect::<Vec<_>>() {
        match writer.await.unwrap() {
            Written::Done(_) => won += 1,
            Written::Refused { at, why } => {
                assert_eq!(at, 0);
                let current = store.get(&key).await.unwrap().unwrap();
                assert_eq!(why, Refusal::Conflict(current));
            }
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn server_without_memory_leaves_a_batch_undone() {
    let (server, store) = start().await;
    let [old, new] = ["old", "new"].map(|name| key(Kind::Session, name));
    let index = key(Kind::Index, "a");
    store.put(&old, "x", TTL).await.unwrap();
    let _: () = server.run(&[b"CONFIG", b"SET", b"maxmemory", b"1"]).await;
    let batch = Batch::from([
        Write::delete(old.clone()).member_of(index.clone()),
        Write::put(new, "x", TTL).member_of(index.clone()),
    ]);
    assert_eq!(kind(store.write(&batch).await), ErrorKind::QuotaExceeded);
    assert!(store.get(&old).await.unwrap().is_some());
    // Logging out frees memory, and is not refused.
    let leave = Write::delete(old.clone()).member_of(index);
    assert!(store.write(&leave.into()).await.unwrap().is_done());
    assert!(store.get(&old).await.unwrap().is_none());
}

#[tokio::test]
async fn errors_show_neither_key_nor_value() {
    let (server, store) = start().await;
    let key = key(Kind::Counter, "hunter2");
    store.put(&key, "hunter2", TTL).await.unwrap();
    let corrupt = store.increment(&key, 1, TTL).await.unwrap_err();
    let _: () = server.run(&[b"CONFIG", b"SET", b"maxmemory", b"1"]).await;
    let full = store.put(&key, "hunter2", TTL).await.unwrap_err();
    for error in [corrupt, full] {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(!format!("{error} {error:?} {source:?}").contains("hunter2"));
    }
}

/// What a script may not do was unavailable, as if it were worth another try.
#[tokio::test]
async fn user_who_lacks_a_command_is_unauthorized_also_in_scripts() {
    let server = Server::start().await;
    let user: [&[u8]; 9] = [
        b"ACL", b"SETUSER", b"limited", b"on", b">secret", b"~*", b"+@all", b"-set", b"-zadd",
    ];
    let _: () = server.run(&user).await;
    let url = server.url().replace("127", "limited:secret@127");
    let store = RedisStore::builder(&url).time_limit(Duration::from_secs(10));
    let store = SharedStore::new(store.build().unwrap());
    let limit = Claim::new(key(Kind::Limit, "a"), Quota::per_hour(5));
    let put = store.put(&key(Kind::Data, "a"), "x", TTL).await;
    assert_eq!(kind(put), ErrorKind::Unauthorized);
    assert_eq!(kind(store.acquire(&[limit]).await), ErrorKind::Unauthorized);
    let log = Scope::new(Kind::Purge, "faults");
    assert_eq!(
        kind(store.purges(&log, None).await),
        ErrorKind::Unauthorized
    );
}
