//! Against a real Redis, behind an endpoint that speaks as Upstash does.

use std::time::Duration;

use local_upstash::{Fault, LocalUpstash, RedisServer};
use tower_upstash::store::{ErrorKind, Store as _, UpstashStore};

use super::{PATIENCE, key};

async fn start() -> (RedisServer, LocalUpstash) {
    let redis = RedisServer::start().await.unwrap();
    let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
    (redis, server)
}

fn open(server: &LocalUpstash, time_limit: Duration) -> UpstashStore {
    let builder = UpstashStore::builder(&server.url(), server.token());
    builder.time_limit(time_limit).build().unwrap()
}

#[tokio::test]
async fn what_redis_holds_is_read_and_billed_as_upstash_does() {
    let (redis, server) = start().await;
    let (a, b) = (key("a"), key("b"));
    redis.command(&["SET", &a.to_text(), "OK"]).await.unwrap();
    redis
        .command(&["SET", &b.to_text(), "\u{1}_wA"])
        .await
        .unwrap();
    let store = open(&server, PATIENCE);
    let keys = [a.clone(), b, key("none")];
    let lone = [a];
    let (entries, entry, ping) = tokio::join!(store.read(&keys), store.read(&lone), store.ping());
    let entries = entries.unwrap();
    assert_eq!(entries[0].as_ref().unwrap().value(), "OK");
    assert_eq!(entries[1].as_ref().unwrap().value(), &b"\xFF\x00"[..]);
    assert!(entries[2].is_none());
    assert_eq!(entry.unwrap()[0].as_ref().unwrap().value(), "OK");
    ping.unwrap();

    let (usage, bill) = (store.usage(), server.bill());
    assert_eq!((usage.trips, usage.requests), (3, 1));
    assert_eq!(
        (usage.requests, usage.commands),
        (bill.requests(), bill.commands())
    );
}

#[tokio::test]
async fn every_fault_is_an_error_of_its_kind_and_over_when_it_ends() {
    let (redis, server) = start().await;
    let store = open(&server, Duration::from_millis(500));
    let wrong_type = key("list");
    redis
        .command(&["RPUSH", &wrong_type.to_text(), "a"])
        .await
        .unwrap();
    let error = store.read(&[wrong_type]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    for (fault, kind) in [
        (Fault::BlackHole, ErrorKind::Timeout),
        (Fault::DropBefore, ErrorKind::Unavailable),
        (Fault::DropAfter, ErrorKind::Unavailable),
        (Fault::Reset, ErrorKind::Unavailable),
        (Fault::Html(502), ErrorKind::Unavailable),
        // Two share a request: neither is too large.
        (Fault::Html(413), ErrorKind::Unavailable),
        (
            Fault::ErrorWith200("ERR max key size exceeded".to_owned()),
            ErrorKind::Unavailable,
        ),
        (Fault::Truncated, ErrorKind::Unavailable),
        (Fault::CutJson, ErrorKind::Unavailable),
        (Fault::WrongToken, ErrorKind::Unauthorized),
        (Fault::QuotaExceeded, ErrorKind::QuotaExceeded),
        (Fault::Garbage, ErrorKind::Unavailable),
    ] {
        server.bill().reset();
        server.faults().inject(fault.clone().times(1));
        let (a, b) = ([key("a")], [key("b")]);
        let (a, b) = tokio::join!(store.read(&a), store.read(&b));
        assert_eq!(a.unwrap_err().kind(), kind, "{fault:?}");
        assert_eq!(b.unwrap_err().kind(), kind, "{fault:?}");
        store.ping().await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_token_is_unauthorized() {
    let (_redis, server) = start().await;
    let store = UpstashStore::builder(&server.url(), "wrong")
        .time_limit(PATIENCE)
        .build()
        .unwrap();
    assert_eq!(
        store.ping().await.unwrap_err().kind(),
        ErrorKind::Unauthorized
    );
}
