//! What was admitted while the store was away is charged to it when it is back: each unit once.

use std::time::Duration;

use local_upstash::Fault;
use tokio::{task::JoinSet, time::timeout};
use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::{BreakerStore, SharedStore, Store},
};

use super::site::{HOUR, PATIENCE, Site, admitted, status};

const PEER: &str = "192.0.2.1";
const MANY: Limit = Limit::new("many", Quota::aligned(10_000, HOUR));
const COOL_DOWN: Duration = Duration::from_secs(10);

/// How a store goes away, and comes back with what it held.
#[derive(Clone, Copy, Debug)]
enum Outage {
    /// The endpoint hangs up before it does anything.
    HangUp,
    /// Redis refuses to write, and goes on to read.
    NoMemory,
}

impl Outage {
    async fn begin(self, site: &Site) {
        match self {
            Self::HangUp => site.server.faults().inject(Fault::DropBefore),
            Self::NoMemory => memory(site, "1").await,
        }
    }

    async fn end(self, site: &Site) {
        match self {
            Self::HangUp => site.server.faults().clear(),
            Self::NoMemory => memory(site, "0").await,
        }
    }
}

async fn memory(site: &Site, bytes: &str) {
    let set = ["CONFIG", "SET", "maxmemory", bytes];
    let answer = site.redis.command(&set).await.unwrap();
    assert_eq!(answer, redis::Value::Okay);
}

async fn used(layer: &RateLimitLayer) -> u32 {
    let handle = layer.handle();
    let key = handle.client(PEER.parse().unwrap());
    10_000
        - handle
            .limit("many")
            .unwrap()
            .peek(key)
            .await
            .unwrap()
            .remaining()
}

fn breaker(site: &Site, store: impl Store) -> SharedStore {
    BreakerStore::builder(store)
        .failures(3)
        .cool_down(COOL_DOWN)
        .longest_cool_down(COOL_DOWN)
        .clock(site.clock.clone())
        .build()
        .into()
}

/// Asks until the store has answered again.
async fn recovered(site: &Site, layer: &RateLimitLayer) -> u32 {
    let asked = async {
        let mut asked = 0;
        let handle = layer.handle();
        let key = handle.client(PEER.parse().unwrap());
        while handle
            .limit("many")
            .unwrap()
            .peek(key.clone())
            .await
            .is_err()
        {
            site.advance(COOL_DOWN);
            assert_eq!(status(layer, PEER).await, 200);
            asked += 1;
        }
        asked
    };
    timeout(PATIENCE, asked)
        .await
        .expect("it recovers by itself")
}

#[tokio::test]
async fn what_was_counted_here_is_charged_there_with_the_next_request() {
    let site = Site::start().await;
    let [http, tcp] = site.stores();
    for (store, outage) in [
        (http.clone(), Outage::HangUp),
        (http.clone(), Outage::NoMemory),
        (tcp.clone(), Outage::NoMemory),
        (breaker(&site, http.clone()), Outage::HangUp),
        (breaker(&site, http), Outage::NoMemory),
        (breaker(&site, tcp), Outage::NoMemory),
    ] {
        site.flush().await;
        let layer = site.layer(store).limit(MANY);
        assert_eq!(admitted(&layer, PEER, 3).await, 3);
        outage.begin(&site).await;
        assert_eq!(admitted(&layer, PEER, 40).await, 40);
        outage.end(&site).await;
        let meanwhile = recovered(&site, &layer).await;
        assert_eq!(status(&layer, PEER).await, 200);
        assert_eq!(used(&layer).await, 44 + meanwhile, "{outage:?}");
        assert_eq!(status(&layer, PEER).await, 200);
        assert_eq!(used(&layer).await, 45 + meanwhile, "{outage:?}: once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outages_among_many_requests_lose_no_unit_and_count_none_twice() {
    const TASKS: u32 = 8;
    const REQUESTS: u32 = 100;
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    let [http, tcp] = site.stores();
    for (store, outage) in [
        (http.clone(), Outage::HangUp),
        (http.clone(), Outage::NoMemory),
        (tcp, Outage::NoMemory),
        (breaker(&site, http), Outage::HangUp),
    ] {
        site.flush().await;
        let layer = site.layer(store).limit(MANY);
        assert_eq!(status(&layer, PEER).await, 200);
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let layer = layer.clone();
            tasks.spawn(async move { admitted(&layer, PEER, REQUESTS).await });
        }
        let mut all = 1;
        let switch = async {
            // Ends with the requests, wherever they are by then.
            for _ in 0..1_000 {
                outage.begin(&site).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
                outage.end(&site).await;
                site.advance(COOL_DOWN);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = switch => panic!("nobody hangs"),
            () = async { while let Some(task) = tasks.join_next().await { all += task.unwrap(); } } => {}
        }
        outage.end(&site).await;
        all += recovered(&site, &layer).await;
        all += admitted(&layer, PEER, 1).await;
        assert_eq!(used(&layer).await, all, "{outage:?}");
    }
}

/// Redis forgets everything, and learns what was admitted meanwhile.
#[tokio::test]
async fn a_redis_that_starts_again_empty_is_told_what_was_admitted_since() {
    let site = Site::start().await;
    let [http, tcp] = site.stores();
    for store in [
        http.clone(),
        tcp.clone(),
        breaker(&site, http),
        breaker(&site, tcp),
    ] {
        let layer = site.layer(store).limit(MANY);
        assert_eq!(admitted(&layer, PEER, 3).await, 3);
        site.redis.kill();
        assert_eq!(admitted(&layer, PEER, 40).await, 40);
        site.redis.restart().await.unwrap();
        let meanwhile = recovered(&site, &layer).await;
        assert_eq!(status(&layer, PEER).await, 200);
        assert_eq!(used(&layer).await, 41 + meanwhile);
    }
}

/// A debt of the window before is void.
#[tokio::test]
async fn nothing_is_charged_to_another_window() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(MANY);
    Outage::HangUp.begin(&site).await;
    assert_eq!(admitted(&layer, PEER, 40).await, 40);
    Outage::HangUp.end(&site).await;
    site.advance(HOUR);
    assert_eq!(status(&layer, PEER).await, 200);
    assert_eq!(used(&layer).await, 1);
}

/// What was owed was charged to a key that had just been reset.
#[tokio::test]
async fn a_reset_forgets_what_is_owed_and_what_was_counted_here() {
    let site = Site::start().await;
    let two = Limit::new("two", Quota::aligned(2, HOUR));
    let layer = site.layer(site.http().build().unwrap()).limit(two);
    let handle = layer.handle();
    let reset = async || {
        let key = handle.client(PEER.parse().unwrap());
        handle.limit("two").unwrap().reset(key).await.unwrap();
    };
    Outage::HangUp.begin(&site).await;
    assert_eq!(admitted(&layer, PEER, 4).await, 2);
    Outage::HangUp.end(&site).await;
    reset().await;
    assert_eq!(admitted(&layer, PEER, 3).await, 2, "nothing is owed");
    reset().await;
    Outage::HangUp.begin(&site).await;
    assert_eq!(admitted(&layer, PEER, 4).await, 2, "nothing is counted");
}

/// It was asked once to be told what is owed, and once more for the request: twice the time limit.
#[tokio::test]
async fn a_store_that_fails_again_is_asked_once_for_a_request() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(MANY);
    assert_eq!(status(&layer, PEER).await, 200);
    site.server.faults().inject(Fault::DropBefore);
    for asked in 1..=5 {
        site.server.bill().reset();
        assert_eq!(status(&layer, PEER).await, 200);
        assert_eq!(site.server.bill().requests(), 1, "request {asked}");
    }
    site.server.faults().clear();
    site.server.bill().reset();
    assert_eq!(status(&layer, PEER).await, 200);
    assert_eq!(site.server.bill().requests(), 2, "one to hand back");
    assert_eq!(used(&layer).await, 7);
}
