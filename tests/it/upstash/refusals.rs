//! What a server with Redis behind it refuses: who learns it, and that nothing was written.

use local_upstash::Fault;
use tower_upstash::{
    quota::Quota,
    store::{
        Batch, Claim, Condition, Cursor, ErrorKind, Key, Kind, Purge, Result, Scope, SharedStore,
        Store, UpstashStore, Write,
    },
};

use super::{
    PATIENCE, key,
    site::{Site, TTL},
};

fn limit() -> Claim {
    Claim::new(
        Scope::new(Kind::Limit, "refusals").key("x"),
        Quota::per_hour(5),
    )
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Makes each call that writes, and returns how they fail.
async fn writes(store: &SharedStore, key: &Key) -> [ErrorKind; 6] {
    let log = Scope::new(Kind::Purge, "refusals");
    let pair = ["a", "b"].map(|name| Write::put(super::key(name), "x", TTL));
    [
        kind(store.put(key, "new", TTL).await),
        kind(store.write(&Batch::from(pair)).await),
        kind(store.delete(key).await),
        kind(store.increment(key, 1, TTL).await),
        kind(store.acquire(&[limit()]).await),
        kind(store.purge(&log, Purge::Everything).await),
    ]
}

async fn keys(site: &Site) -> Vec<String> {
    let keys = site.redis.command(&["KEYS", "*"]).await.unwrap();
    redis::from_redis_value(keys).unwrap()
}

#[tokio::test]
async fn a_wrong_token_writes_nothing() {
    let site = Site::start().await;
    let store = UpstashStore::builder(&site.server.url(), "wrong").time_limit(PATIENCE);
    let store = SharedStore::from(store.build().unwrap());
    let key = key("k");
    assert_eq!(kind(store.get(&key).await), ErrorKind::Unauthorized);
    assert_eq!(writes(&store, &key).await, [ErrorKind::Unauthorized; 6]);
    assert_eq!(keys(&site).await, [""; 0]);
}

#[tokio::test]
async fn a_read_only_token_reads_and_does_not_write() {
    let site = Site::start().await;
    let full = SharedStore::from(site.over_http());
    let key = key("k");
    full.put(&key, "kept", TTL).await.unwrap();
    let token = site.server.read_only_token();
    let store = UpstashStore::builder(&site.server.url(), token).time_limit(PATIENCE);
    let store = SharedStore::from(store.build().unwrap());
    assert_eq!(writes(&store, &key).await, [ErrorKind::Unauthorized; 6]);
    assert_eq!(store.get(&key).await.unwrap().unwrap().value(), "kept");
    // Also in one request, each has its own answer.
    let (read, write) = tokio::join!(store.get(&key), store.put(&key, "new", TTL));
    assert_eq!(read.unwrap().unwrap().value(), "kept");
    assert_eq!(kind(write), ErrorKind::Unauthorized);
    assert_eq!(keys(&site).await, [key.to_text()]);
}

#[tokio::test]
async fn a_quota_that_is_used_up_writes_nothing_and_is_over_when_it_is() {
    let site = Site::start().await;
    let store = SharedStore::from(site.over_http());
    let key = key("k");
    site.server.faults().inject(Fault::QuotaExceeded);
    assert_eq!(writes(&store, &key).await, [ErrorKind::QuotaExceeded; 6]);
    assert_eq!(kind(store.get(&key).await), ErrorKind::QuotaExceeded);
    assert_eq!(keys(&site).await, [""; 0]);
    site.server.faults().clear();
    assert_eq!(store.increment(&key, 1, TTL).await.unwrap(), 1);
}

#[tokio::test]
async fn a_value_beyond_the_limit_of_the_store_is_not_sent() {
    let site = Site::start().await;
    let store = site.builder().max_value(100).build().unwrap();
    let shared = SharedStore::from(store.clone());
    let (small, large) = (vec![b'x'; 100], vec![b'x'; 101]);
    shared.put(&key("small"), small, TTL).await.unwrap();
    let before = store.usage();
    let error = shared.put(&key("large"), large.clone(), TTL).await;
    assert_eq!(kind(error), ErrorKind::TooLarge);
    let pair = [
        Write::put(key("fits"), "x", TTL),
        Write::put(key("large"), large, TTL),
    ];
    let error = store.write(&pair.into()).await;
    assert_eq!(kind(error), ErrorKind::TooLarge);
    assert_eq!(store.usage().requests, before.requests);
    assert_eq!(keys(&site).await, [key("small").to_text()]);
}

#[tokio::test]
async fn a_request_beyond_the_limit_of_the_server_writes_nothing() {
    let site = Site::with(|endpoint| endpoint.largest_request(40_000)).await;
    let store = SharedStore::from(site.over_http());
    // As it is, in the body; as JSON, among others and alone.
    for size in [30_000, 50_000] {
        let value = vec![0xff; size];
        let put = store.put(&key("raw"), value.clone(), TTL).await;
        let absent = Write::put(key("absent"), "x".repeat(size), TTL).when(Condition::Absent);
        let absent = store.write(&absent.into()).await;
        let pair = ["a", "b"].map(|name| Write::put(key(name), "x".repeat(size / 2), TTL));
        let pair = store.write(&pair.into()).await;
        if size == 30_000 {
            put.unwrap();
            assert!(absent.unwrap().is_done() && pair.unwrap().is_done());
            assert_eq!(keys(&site).await.len(), 4);
            site.redis.command(&["FLUSHALL"]).await.unwrap();
        } else {
            assert_eq!(kind(put), ErrorKind::TooLarge);
            assert_eq!(kind(absent), ErrorKind::TooLarge);
            assert_eq!(kind(pair), ErrorKind::TooLarge);
            assert_eq!(keys(&site).await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_key_beyond_the_limit_of_the_server_fails_only_its_own_caller() {
    let (short, long) = (key("k"), key(&"k".repeat(60)));
    let limit = short.to_text().len() + 10;
    let site = Site::with(|endpoint| endpoint.largest_key(limit)).await;
    let store = SharedStore::from(site.over_http());
    for _ in 0..2 {
        let (put, refused, read, sum) = tokio::join!(
            store.put(&short, "7", TTL),
            store.put(&long, "7", TTL),
            store.get(&long),
            store.increment(&long, 1, TTL),
        );
        assert!(put.unwrap().is_some());
        assert_eq!(kind(refused), ErrorKind::TooLarge);
        assert_eq!(kind(read), ErrorKind::TooLarge);
        assert_eq!(kind(sum), ErrorKind::TooLarge);
    }
    assert_eq!(keys(&site).await, [short.to_text()]);
}

#[tokio::test]
async fn what_others_have_put_is_corrupt_and_fails_only_its_own_caller() {
    let site = Site::start().await;
    let store = SharedStore::from(site.over_http());
    let [value, list, fine] = ["value", "list", "fine"].map(key);
    let index = Scope::new(Kind::Index, "refusals").key("x");
    let log = Scope::new(Kind::Purge, "refusals");
    let foreign = [
        (value.to_text(), "\u{1}not base64"),
        (index.to_text(), "no index"),
        (log.key("").to_text(), "no log"),
    ];
    for (key, text) in foreign {
        site.redis.command(&["SET", &key, text]).await.unwrap();
    }
    let text = list.to_text();
    site.redis.command(&["RPUSH", &text, "x"]).await.unwrap();
    store.put(&fine, "fine", TTL).await.unwrap();
    let member = Scope::new(Kind::Session, "refusals").key("s");
    let join = Batch::from(Write::put(member.clone(), "", TTL).member_of(index.clone()));
    let (a, b, c, d, e, f, g, ok) = tokio::join!(
        store.get(&value),
        store.get(&list),
        store.increment(&value, 1, TTL),
        store.increment(&list, 1, TTL),
        store.members(&index, Cursor::START),
        store.write(&join),
        store.purges(&log, None),
        store.get(&fine),
    );
    let kinds = [
        kind(a),
        kind(b),
        kind(c),
        kind(d),
        kind(e),
        kind(f),
        kind(g),
    ];
    assert_eq!(kinds, [ErrorKind::Corrupt; 7]);
    assert_eq!(ok.unwrap().unwrap().value(), "fine");
    assert!(store.get(&member).await.unwrap().is_none());
    // A write replaces what it finds.
    for key in [&value, &list] {
        store.put(key, "ours", TTL).await.unwrap();
        assert_eq!(store.get(key).await.unwrap().unwrap().value(), "ours");
    }
}
