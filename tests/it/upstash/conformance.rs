//! The promises of the contract over HTTP; and that the store knows to the command what they have cost.

use std::{env, future::ready, sync::Arc, time::Duration};

use local_upstash::{Builder, LocalUpstash, RedisBuilder, RedisServer};
use tower_upstash::{
    store::{
        BreakerStore, MeteredStore, PrefixedStore, SharedStore, TimeLimitedStore, UpstashStore,
        UpstashStoreBuilder,
        conformance::{Fixture, PROMISES},
    },
    time::Timer,
};

use super::PATIENCE;

/// A store on an endpoint on a Redis whose clock is moved.
struct Ground {
    redis: Arc<RedisServer>,
    server: LocalUpstash,
    store: UpstashStore,
}

impl Ground {
    async fn with(
        redis: RedisBuilder,
        endpoint: impl FnOnce(Builder) -> Builder,
        settings: impl FnOnce(UpstashStoreBuilder) -> UpstashStoreBuilder,
    ) -> Self {
        let redis = redis.movable_clock().start().await.unwrap();
        let server = endpoint(LocalUpstash::builder().redis(&redis));
        let server = server.start().await.unwrap();
        let store = UpstashStore::builder(&server.url(), server.token()).time_limit(PATIENCE);
        Self {
            redis: Arc::new(redis),
            store: settings(store).build().unwrap(),
            server,
        }
    }

    async fn start() -> Self {
        Self::with(RedisServer::builder(), |it| it, |it| it).await
    }

    fn fixture<S: Into<SharedStore>>(&self, adapt: impl FnOnce(UpstashStore) -> S) -> Fixture {
        let redis = Arc::clone(&self.redis);
        Fixture::new(adapt(self.store.clone()), move |time| {
            redis.advance(time + Duration::from_millis(5)); // its times to live are whole milliseconds
            ready(())
        })
    }

    /// Expects all promises to be kept, and returns what each has cost.
    ///
    /// On one thread, what the suite drops it drops before anything else runs: that never leaves, and costs nothing.
    async fn conforms<S: Into<SharedStore>>(
        &self,
        adapt: impl FnOnce(UpstashStore) -> S,
    ) -> Vec<Cost> {
        let fixture = self.fixture(adapt);
        let (mut violations, mut costs) = (Vec::new(), Vec::new());
        let counts = || (self.store.usage().commands, self.server.bill().commands());
        for promise in PROMISES {
            let before = counts();
            violations.extend(promise.check(&fixture).await.err());
            let after = counts();
            costs.push(Cost {
                promise: promise.name(),
                counted: after.0 - before.0,
                billed: after.1 - before.1,
            });
        }
        assert!(violations.is_empty(), "{violations:#?}");
        assert_eq!(self.store.usage().requests, self.server.bill().requests());
        costs
    }

    async fn conforms_and_is_billed_exactly<S: Into<SharedStore>>(
        &self,
        adapt: impl FnOnce(UpstashStore) -> S,
    ) {
        let costs = self.conforms(adapt).await;
        for cost in &costs {
            assert_eq!(cost.counted, cost.billed, "{}", cost.promise);
        }
        assert!(costs.iter().map(|cost| cost.billed).sum::<u64>() > 1000);
    }
}

/// What the check of a promise has cost, as the store counts and as the endpoint does.
#[derive(Debug)]
struct Cost {
    promise: &'static str,
    counted: u64,
    billed: u64,
}

#[tokio::test]
async fn upstash_store_conforms_and_counts_what_it_costs() {
    let ground = Ground::start().await;
    ground.conforms_and_is_billed_exactly(|store| store).await;
}

#[tokio::test]
async fn upstash_store_conforms_under_a_prefix_and_a_meter() {
    let ground = Ground::start().await;
    ground
        .conforms_and_is_billed_exactly(|store| {
            PrefixedStore::new(MeteredStore::new(store), "a:b%3A\0")
        })
        .await;
}

#[tokio::test]
async fn upstash_store_conforms_behind_a_breaker_and_a_time_limit() {
    let ground = Ground::start().await;
    ground
        .conforms_and_is_billed_exactly(|store| {
            BreakerStore::new(TimeLimitedStore::new(store, PATIENCE, Timer::tokio()))
        })
        .await;
}

#[tokio::test]
async fn upstash_store_conforms_where_neither_conditional_writes_nor_key_locks_are() {
    let older = |endpoint: Builder| endpoint.without_conditional_writes().without_key_locking();
    let ground = Ground::with(RedisServer::builder(), older, |it| it).await;
    ground.conforms_and_is_billed_exactly(|store| store).await;
}

#[tokio::test]
async fn upstash_store_conforms_on_a_global_database_and_counts_writes_in_each_region() {
    let ground = Ground::with(RedisServer::builder(), |it| it, |it| it.global(2)).await;
    let costs = ground.conforms(|store| store).await;
    // The endpoint is one region: each write is one command there, and three of the store's.
    let mut written = 0;
    for cost in costs {
        let elsewhere = cost.counted.checked_sub(cost.billed).unwrap();
        let is_twice_the_writes = elsewhere.is_multiple_of(2) && elsewhere <= 2 * cost.billed;
        assert!(is_twice_the_writes, "{}: {cost:?}", cost.promise);
        written += elsewhere / 2;
    }
    assert!(written > 500, "{written}");
}

#[tokio::test]
async fn upstash_store_conforms_on_redis_8() {
    let Some(binary) = env::var_os("REDIS8_SERVER") else {
        let missing = "REDIS8_SERVER is not set to a redis-server of 8.x; tests/run installs one";
        assert!(env::var_os("CI").is_none(), "{missing}");
        eprintln!("=== SKIPPED: {missing}");
        return;
    };
    let ground = Ground::with(RedisServer::binary(binary), |it| it, |it| it).await;
    let about = ground.redis.command(&["INFO", "server"]).await.unwrap();
    let about: String = redis::from_redis_value(about).unwrap();
    assert!(about.contains("redis_version:8."), "{about}");
    ground.conforms_and_is_billed_exactly(|store| store).await;
}

/// On several threads, dropped calls do leave: Upstash bills them, and nobody is there to count them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_dropped_on_the_way_are_whole_and_billed_beyond_what_is_counted() {
    /// Each promise drops a call after one poll, and after two, three and four.
    const DROPS: u64 = 4;
    /// No such call runs more commands: a script, TIME, MGET and six SETs.
    const MOST: u64 = 9;
    let ground = Ground::start().await;
    let fixture = ground.fixture(|store| store);
    let mut dropped = 0;
    for promise in PROMISES.iter().filter(|it| it.name().contains("_dropped_")) {
        promise.check(&fixture).await.unwrap();
        dropped += DROPS;
    }
    assert!(dropped >= 5 * DROPS, "{dropped}");
    let (requests, bill) = (|| ground.store.usage().requests, ground.server.bill());
    tokio::time::timeout(PATIENCE, async {
        while bill.requests() < requests() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("what has left arrives");
    assert_eq!(requests(), bill.requests(), "nothing is sent twice");
    let counted = ground.store.usage().commands;
    let beyond = bill.commands().checked_sub(counted).unwrap();
    assert!(beyond <= dropped * MOST, "{beyond}");
}
