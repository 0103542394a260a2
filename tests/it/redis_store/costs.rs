//! What each call costs: as the server tells it, and as the store bills it.

use std::time::Duration;

use tower_upstash::store::{
    Batch, Condition, Cursor, Key, Kind, Purge, RedisStore, Scope, SharedStore, Store, Tag,
    Version, Write,
};

use super::server::{Monitor, Server};

const TTL: Duration = Duration::from_secs(60);

struct Costs {
    server: Server,
    monitor: Monitor,
    redis: RedisStore,
    store: SharedStore,
    billed: u64,
}

impl Costs {
    async fn new() -> Self {
        let server = Server::start().await;
        let monitor = server.monitor().await;
        let redis = server.store();
        let store = SharedStore::new(redis.clone());
        Self {
            server,
            monitor,
            redis,
            store,
            billed: 0,
        }
    }

    /// Expects these commands since the last call, and a bill of as many.
    async fn are(&mut self, expected: &str) {
        let seen = self.monitor.commands(&self.server).await.join(" ");
        assert_eq!(seen, expected);
        let billed = self.redis.billed();
        assert_eq!(
            billed - self.billed,
            seen.split_whitespace().count() as u64,
            "{seen}"
        );
        self.billed = billed;
    }

    /// Forgets what was run so far: scripts are loaded by then.
    async fn skip(&mut self) {
        self.monitor.commands(&self.server).await;
        self.billed = self.redis.billed();
    }

    async fn writes(&mut self, batch: impl Into<Batch>, expected: &str) -> Option<Version> {
        let written = self.store.write(&batch.into()).await.unwrap();
        assert_eq!(written.is_done(), !expected.ends_with('!'));
        self.are(expected.trim_end_matches('!')).await;
        written.version(0).cloned()
    }
}

fn key(name: &str) -> Key {
    Scope::new(Kind::Session, "costs").key(name)
}

fn index(name: &str) -> Key {
    Scope::new(Kind::Index, "costs").key(name)
}

fn put(name: &str, condition: Condition) -> Write {
    Write::put(key(name), "value", TTL).when(condition)
}

fn unchanged(version: &Option<Version>) -> Condition {
    Condition::Unchanged(version.clone().unwrap())
}

#[tokio::test]
async fn reads_and_single_writes_are_one_command() {
    let mut costs = Costs::new().await;
    costs.store.read(&[]).await.unwrap();
    costs.writes(Batch::new(), "").await;
    costs.store.get(&key("a")).await.unwrap();
    costs.are("GET").await;
    costs.store.read(&[key("a"), key("b")]).await.unwrap();
    costs.are("MGET").await;
    costs.store.ping().await.unwrap();
    costs.are("PING").await;

    costs.writes(put("a", Condition::Always), "SET").await;
    costs.writes(put("a", Condition::Absent), "SET!").await;
    costs.writes(put("b", Condition::Present), "SET!").await;
    let delete = |condition| Write::delete(key("b")).when(condition);
    costs.writes(delete(Condition::Always), "DEL").await;
    costs.writes(delete(Condition::Present), "DEL!").await;
    costs.writes(delete(Condition::Absent), "EXISTS").await;
}

#[tokio::test]
async fn versions_are_compared_in_a_script_where_the_server_cannot() {
    let mut costs = Costs::new().await;
    let first = costs.writes(put("a", Condition::Always), "SET").await;
    // Each is asked for its own command once.
    for write in [
        Write::delete(key("a")).when(unchanged(&first)),
        put("a", Condition::Always),
        put("a", unchanged(&first)),
    ] {
        assert!(costs.store.write(&write.into()).await.unwrap().is_done());
    }
    costs.skip().await;

    let value = Write::put(key("a"), "other", TTL).when(unchanged(&first));
    costs.writes(value, "EVALSHA MGET SET").await;
    costs
        .writes(put("a", unchanged(&first)), "EVALSHA MGET!")
        .await;
    let second = costs.writes(put("a", Condition::Always), "SET").await;
    let rotation = [
        put("b", Condition::Absent),
        Write::delete(key("a")).when(unchanged(&second)),
    ];
    costs.writes(rotation.clone(), "EVALSHA MGET SET DEL").await;
    costs.writes(rotation, "EVALSHA MGET!").await;
    let delete = Write::delete(key("b")).when(unchanged(&second));
    costs.writes(delete, "EVALSHA MGET DEL").await;
    let three = ["a", "b", "c"].map(|name| put(name, Condition::Always));
    costs.writes(three, "EVALSHA SET SET SET").await;
    let three = ["a", "b", "c"].map(|name| Write::delete(key(name)));
    costs.writes(three, "EVALSHA DEL").await;
}

#[tokio::test]
async fn indexes_cost_what_their_writes_need() {
    let mut costs = Costs::new().await;
    let join = |name: &str| put(name, Condition::Always).member_of(index("i"));
    let at_most =
        |name: &str, most| put(name, Condition::Absent).member_of_at_most(index("i"), most);
    let leave = |name: &str| Write::delete(key(name)).member_of(index("i"));
    assert!(
        costs
            .store
            .write(&leave("x").into())
            .await
            .unwrap()
            .is_done()
    );
    costs.skip().await;

    let fresh = "EVALSHA TIME ZADD ZREMRANGEBYSCORE SET PEXPIREAT PEXPIREAT";
    costs.writes(join("a"), fresh).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    costs
        .writes(
            join("a"),
            "EVALSHA TIME ZADD ZREMRANGEBYSCORE SET PEXPIREAT",
        )
        .await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let bounded = "EVALSHA MGET TIME ZCOUNT ZADD ZREMRANGEBYSCORE SET PEXPIREAT";
    costs.writes(at_most("b", 2), bounded).await;
    costs
        .writes(at_most("c", 2), "EVALSHA MGET TIME ZCOUNT ZMSCORE!")
        .await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    let rotation = "EVALSHA MGET TIME ZCOUNT ZMSCORE ZADD ZREMRANGEBYSCORE SET PEXPIREAT ZREM DEL";
    costs.writes([at_most("c", 2), leave("a")], rotation).await;
    costs.writes(leave("b"), "EVALSHA ZREM DEL").await;
    let two = [join("d"), put("e", Condition::Always).member_of(index("j"))];
    let joins = "ZADD ZREMRANGEBYSCORE ZADD ZREMRANGEBYSCORE SET SET PEXPIREAT PEXPIREAT PEXPIREAT";
    tokio::time::sleep(Duration::from_millis(2)).await;
    costs
        .writes(two, &format!("EVALSHA TIME ZCARD ZCARD {joins}"))
        .await;
    costs
        .store
        .members(&index("i"), Cursor::START)
        .await
        .unwrap();
    costs.are("ZRANGE").await;
}

#[tokio::test]
async fn counters_cost_three_and_then_two() {
    let mut costs = Costs::new().await;
    let counter = Scope::new(Kind::Counter, "costs").key("a");
    costs.store.increment(&counter, 1, TTL).await.unwrap();
    costs.skip().await;
    let large = Scope::new(Kind::Counter, "costs").key("b");
    costs.store.increment(&large, 5, TTL).await.unwrap();
    costs.are("EVALSHA INCRBY PEXPIRE").await;
    costs.store.increment(&large, 5, TTL).await.unwrap();
    costs.are("EVALSHA INCRBY").await;
    let exact = (1 << 53) + 1;
    assert_eq!(
        costs
            .store
            .increment(&large, exact - 10, TTL)
            .await
            .unwrap(),
        exact
    );
    costs.are("EVALSHA INCRBY GET").await;
    assert_eq!(costs.store.increment(&large, -exact, TTL).await.unwrap(), 0);
    costs.are("EVALSHA INCRBY").await;
    assert_eq!(
        costs.store.increment(&large, exact, TTL).await.unwrap(),
        exact
    );
    costs.are("EVALSHA INCRBY GET PEXPIRE").await;
}

#[tokio::test]
async fn polls_of_a_log_cost_one_command() {
    let mut costs = Costs::new().await;
    let (log, other) = (
        Scope::new(Kind::Purge, "costs"),
        Scope::new(Kind::Purge, "other"),
    );
    let [a, b] = ["a", "b"].map(Tag::new);
    costs.store.purges(&other, None).await.unwrap();
    costs.store.purge(&other, Purge::Everything).await.unwrap();
    costs.skip().await;

    let start = costs.store.purges(&log, None).await.unwrap().position;
    costs.are("EVALSHA ZRANGE ZADD PEXPIRE").await;
    costs.store.purges(&log, Some(start)).await.unwrap();
    costs.are("ZRANGE").await;
    let end = costs
        .store
        .purge(&log, Purge::Tags(&[a.clone(), b]))
        .await
        .unwrap();
    costs.are("EVALSHA ZRANGE TIME ZADD ZCARD PEXPIRE").await;
    for since in [start, end] {
        let purges = costs.store.purges(&log, Some(since)).await.unwrap();
        assert!(!purges.complete);
        assert_eq!(purges.marks.len(), if since == start { 2 } else { 0 });
        costs.are("ZRANGE").await;
    }
    costs.store.purge(&log, Purge::Everything).await.unwrap();
    costs.are("EVALSHA DEL ZADD PEXPIRE").await;
    assert!(costs.store.purges(&log, Some(end)).await.unwrap().complete);
    costs.are("ZRANGE EVALSHA ZRANGE").await;
    costs.store.purge(&log, Purge::Tags(&[])).await.unwrap();
    costs.are("EVALSHA ZRANGE").await;
}

#[tokio::test]
async fn an_increment_that_redis_refuses_is_billed_too() {
    let mut costs = Costs::new().await;
    let counter = Scope::new(Kind::Counter, "costs").key("x");
    costs
        .store
        .increment(&counter, i64::MAX, TTL)
        .await
        .unwrap();
    costs.skip().await;
    costs.store.increment(&counter, 1, TTL).await.unwrap_err();
    costs.are("EVALSHA INCRBY").await;
    costs.store.put(&counter, "text", TTL).await.unwrap();
    costs.skip().await;
    costs.store.increment(&counter, 1, TTL).await.unwrap_err();
    costs.are("EVALSHA INCRBY").await;
}
