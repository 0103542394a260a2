//! Our own layout by the server's clock, among other clients, and over foreign values.

use std::time::Duration;

use tower_upstash::{
    quota::Quota,
    store::{Claim, Kind, RedisStore, Scope, Spend, Store, Verdict},
    time::ManualClock,
};

use super::by_client;
use local_upstash::RedisServer;

const HOUR: Duration = Duration::from_secs(3600);

fn open(server: &RedisServer) -> RedisStore {
    let store = RedisStore::builder(&server.url());
    let patient = store.time_limit(Duration::from_secs(10)); // for a busy machine
    patient.build().unwrap()
}

fn quotas() -> [Quota; 6] {
    [
        Quota::per_hour(5),
        Quota::fixed(5, HOUR),
        Quota::aligned(5, HOUR * 87_600),
        Quota::sliding(5, HOUR),
        Quota::strict(5, HOUR),
        Quota::token_bucket(5, HOUR),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_than_the_limit_among_many() {
    let server = RedisServer::start().await.unwrap();
    let store = open(&server);
    for (at, quota) in quotas().into_iter().enumerate() {
        let key = Scope::new(Kind::Limit, "x").key(format!("{at}"));
        let calls: Vec<_> = (0..20)
            .map(|_| {
                let (store, claim) = (store.clone(), Claim::new(key.clone(), quota));
                tokio::spawn(async move { store.acquire(&[claim]).await.unwrap().allowed() })
            })
            .collect();
        let mut allowed = 0;
        for call in calls {
            allowed += u32::from(call.await.unwrap());
        }
        assert_eq!(allowed, 5, "{quota:?}");
    }
}

#[tokio::test]
async fn time_is_the_servers() {
    let server = RedisServer::start().await.unwrap();
    let store = open(&server);
    for (at, quota) in quotas().into_iter().enumerate() {
        let key = Scope::new(Kind::Limit, "x").key(format!("{at}"));
        let claim = Claim::new(key, quota).spend(Spend::Take(5));
        assert!(
            store
                .acquire(std::slice::from_ref(&claim))
                .await
                .unwrap()
                .allowed()
        );
        let refused = store.acquire(&[claim]).await.unwrap()[0];
        let Verdict::Refused { retry_micros } = refused.verdict() else {
            panic!("{refused:?}");
        };
        // Nothing is longer than two windows, the longest of which is ten years.
        assert!(
            retry_micros > 1000 && retry_micros < 2 * 3650 * 24 * 3_600_000_000,
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_unit_comes_back_by_the_servers_clock_and_the_key_ends_with_it() {
    let server = RedisServer::with_clock().await.unwrap();
    let store = open(&server);
    let key = Scope::new(Kind::Limit, "x").key("y");
    let claim = [Claim::new(key, Quota::every(HOUR))];
    assert!(store.acquire(&claim).await.unwrap().allowed());
    let refused = store.acquire(&claim).await.unwrap();
    let wait = refused.retry_after().unwrap();
    assert!(wait <= HOUR, "{wait:?}");
    server.advance(wait);
    assert!(store.acquire(&claim).await.unwrap().allowed());
    // Whole milliseconds, and one more for servers that end a key at its last one.
    server.advance(HOUR + Duration::from_millis(5));
    let mut connection = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let left: bool = redis::cmd("EXISTS")
        .arg("l:x:y")
        .query(&mut connection)
        .unwrap();
    assert!(!left);
}

#[tokio::test]
async fn what_is_not_a_state_counts_as_none_and_is_overwritten() {
    let server = RedisServer::start().await.unwrap();
    let store = by_client(&server.url(), ManualClock::default(), &[]);
    let mut connection = redis::Client::open(server.url())
        .unwrap()
        .get_connection()
        .unwrap();
    let long = "9".repeat(200);
    for letter in ["g", "f", "s", "w", "b"] {
        let foreign = [
            String::new(),
            "1".into(),
            "9".into(),
            format!("1{letter}"),
            format!("2{letter}1700000000000001"),
            format!("1{letter}nonsense"),
            format!("1{letter}             nan"),
            format!("1{letter}             inf"),
            format!("1{letter}{long}"),
            "\0\u{1}\u{7f}é".into(),
        ];
        for value in foreign {
            for quota in quotas() {
                let key = Scope::new(Kind::Limit, "x").key("y");
                let set = redis::cmd("SET").arg("l:x:y").arg(&value).clone();
                set.query::<()>(&mut connection).unwrap();
                let take = |cost| [Claim::new(key.clone(), quota).spend(Spend::Take(cost))];
                let first = store.acquire(&take(3)).await.unwrap();
                assert!(first.allowed() && first[0].remaining() == 2, "{value}");
                let second = store.acquire(&take(3)).await.unwrap();
                assert!(!second.allowed() && second[0].remaining() == 2, "{value}");
            }
        }
    }
    // Not even a string.
    redis::cmd("DEL")
        .arg("l:x:y")
        .query::<()>(&mut connection)
        .unwrap();
    redis::cmd("SADD")
        .arg("l:x:y")
        .arg("z")
        .query::<()>(&mut connection)
        .unwrap();
    let key = Scope::new(Kind::Limit, "x").key("y");
    let claims = [Claim::new(key, Quota::per_hour(5))];
    assert_eq!(store.acquire(&claims).await.unwrap()[0].remaining(), 4);
    assert_eq!(store.acquire(&claims).await.unwrap()[0].remaining(), 3);
}
