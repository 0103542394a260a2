//! Stores that come and go among many requests.

use std::{process::Command, time::Duration};

use local_upstash::Fault;
use tokio::{task::JoinSet, time::timeout};
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, OnStoreError, RateLimitLayer},
    store::SharedStore,
};

use super::site::{HOUR, PATIENCE, Site, status};

const TASKS: u32 = 8;
const REQUESTS: u32 = 100;
const LIMIT: u32 = 50;
const TIME_LIMIT: Duration = Duration::from_millis(100);

/// How many of all requests were let through, refused, and not answered by the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    passed: u32,
    refused: u32,
    unavailable: u32,
}

async fn one_task(layer: RateLimitLayer) -> Sums {
    let mut sums = Sums::default();
    for _ in 0..REQUESTS {
        match status(&layer, "192.0.2.1").await {
            200 => sums.passed += 1,
            429 => sums.refused += 1,
            503 => sums.unavailable += 1,
            other => panic!("{other}"),
        }
    }
    sums
}

/// Sends all requests while something happens over and over.
async fn under_load(layer: &RateLimitLayer, mut happens: impl AsyncFnMut()) -> Sums {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(one_task(layer.clone()));
    }
    let happening = async {
        loop {
            happens().await;
        }
    };
    let done = async {
        let mut all = Sums::default();
        while let Some(task) = tasks.join_next().await {
            let task = task.unwrap();
            all.passed += task.passed;
            all.refused += task.refused;
            all.unavailable += task.unavailable;
        }
        all
    };
    let all = tokio::select! {
        () = happening => unreachable!("it has no end"),
        all = timeout(6 * PATIENCE, done) => all.expect("nobody hangs"),
    };
    assert_eq!(all.passed + all.refused + all.unavailable, TASKS * REQUESTS);
    all
}

async fn recovers(layer: &RateLimitLayer) {
    let limit = layer.handle().limit("load").unwrap();
    let asked = async { while limit.peek("x").await.is_err() {} };
    timeout(PATIENCE, asked)
        .await
        .expect("it recovers by itself");
}

fn layer(store: &SharedStore, on_error: OnStoreError) -> RateLimitLayer {
    let limit = Limit::new("load", Quota::aligned(LIMIT, HOUR)).on_store_error(on_error);
    RateLimitLayer::new(store.clone()).limit(limit)
}

fn stores(site: &Site) -> [SharedStore; 2] {
    [
        site.http().time_limit(TIME_LIMIT).build().unwrap().into(),
        site.tcp().time_limit(TIME_LIMIT).build().unwrap().into(),
    ]
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

const ALL: [OnStoreError; 3] = [
    OnStoreError::Allow,
    OnStoreError::Refuse,
    OnStoreError::CountLocally,
];

/// One store and one local allowance admit a window twice at most, each time the store is empty again once more. What may
/// have been counted in both admits half of it at least.
fn check(policy: OnStoreError, sums: Sums, emptied: u32, least: u32) {
    let what = format!("{policy:?}, emptied {emptied} times: {sums:?}");
    match policy {
        OnStoreError::Refuse => assert!(sums.passed <= LIMIT * (1 + emptied), "{what}"),
        OnStoreError::CountLocally => {
            assert!(sums.passed <= LIMIT * (2 + emptied), "{what}");
            assert!(sums.passed >= least, "{what}");
            assert_eq!(sums.unavailable, 0, "{what}");
        }
        _ => assert_eq!(sums.unavailable, 0, "{what}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_stops_now_and_then_holds_nobody_up() {
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    for store in stores(&site) {
        for policy in ALL {
            site.flush().await;
            let layer = layer(&store, policy);
            let id = site.redis.pid().to_string();
            // At once: what is dropped half way could stop it after the end.
            let signal = |signal: &str| {
                let kill = Command::new("kill").args([signal, &id]).status();
                assert!(kill.unwrap().success());
            };
            let sums = under_load(&layer, async || {
                pause().await;
                signal("-STOP");
                tokio::time::sleep(2 * TIME_LIMIT).await;
                signal("-CONT");
            })
            .await;
            signal("-CONT");
            recovers(&layer).await;
            check(policy, sums, 0, LIMIT);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_starts_again_now_and_then_holds_nobody_up() {
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    for store in stores(&site) {
        for policy in ALL {
            site.flush().await;
            let layer = layer(&store, policy);
            let mut emptied = 0;
            let sums = under_load(&layer, async || {
                if emptied < 3 {
                    emptied += 1;
                    site.redis.kill();
                    pause().await;
                    site.redis.restart().await.unwrap();
                }
                pause().await;
            })
            .await;
            site.redis.restart().await.unwrap();
            recovers(&layer).await;
            check(policy, sums, 3, LIMIT / 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_fails_now_and_then_holds_nobody_up() {
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    let [store, _] = stores(&site);
    for (fault, least) in [
        (Fault::BlackHole, LIMIT),
        (Fault::DropAfter, LIMIT / 2),
        (Fault::DropBefore, LIMIT),
        (Fault::Html(503), LIMIT),
        (Fault::CutJson, LIMIT / 2),
    ] {
        for policy in ALL {
            site.flush().await;
            let layer = layer(&store, policy);
            let sums = under_load(&layer, async || {
                site.server.faults().inject(fault.clone().times(3));
                pause().await;
                site.server.faults().clear();
                pause().await;
            })
            .await;
            site.server.faults().clear();
            recovers(&layer).await;
            check(policy, sums, 0, least);
        }
    }
}
