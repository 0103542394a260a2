//! Two layers, each with a store of its own as two processes have, and requests that want more than there is.

use std::time::Duration;

use tokio::task::JoinSet;
use tower_upstash::{
    quota::{Algorithm, Quota},
    rate_limit::{By, Limit, RateLimitLayer},
    store::SharedStore,
};

use super::site::{DECADE, HOUR, Site, admitted, remaining, send, status};

const LIMIT: u32 = 1_000;
const TASKS: usize = 8;
const REQUESTS: u32 = 1_000;

/// No unit comes back within a minute.
fn quotas() -> [(&'static str, Quota); 5] {
    [
        ("gcra", Quota::new(Algorithm::Gcra, LIMIT, DECADE).unwrap()),
        ("fixed", Quota::fixed(LIMIT, HOUR)),
        ("aligned", Quota::aligned(LIMIT, HOUR)),
        ("strict", Quota::strict(LIMIT, DECADE)),
        ("bucket", Quota::token_bucket(LIMIT, DECADE)),
    ]
}

/// R1: never more than the limit, at any concurrency. And not less.
async fn admits_exactly_the_limit(layers: [RateLimitLayer; 2]) {
    for (name, quota) in quotas() {
        let layers = layers
            .clone()
            .map(|layer| layer.limit(Limit::new(name, quota)));
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let layer = layers[task % 2].clone();
            tasks.spawn(async move { admitted(&layer, "192.0.2.1", REQUESTS).await });
        }
        let all = tasks.join_all().await;
        assert_eq!(all.iter().sum::<u32>(), LIMIT, "{name}: {all:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_over_http_are_admitted_exactly_the_limit() {
    // The bill of so many is of no interest.
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    let layer = || site.layer(site.http().build().unwrap());
    admits_exactly_the_limit([layer(), layer()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_tasks_over_tcp_are_admitted_exactly_the_limit() {
    let site = Site::start().await;
    let layer = || site.layer(site.tcp().build().unwrap());
    admits_exactly_the_limit([layer(), layer()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_and_tcp_together_are_admitted_exactly_the_limit() {
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    admits_exactly_the_limit(site.stores().map(|store| site.layer(store))).await;
}

const MINE: Limit = Limit::new("mine", Quota::fixed(3, HOUR));
const SUBNET: Limit = Limit::new("all", Quota::aligned(5, HOUR)).by(By::EVERYONE);
const LONG: Limit = Limit::new("long", Quota::strict(100, HOUR));

/// All orders of the three: the outcome depends on none (R6).
fn orders() -> [[Limit; 3]; 6] {
    [
        [MINE, SUBNET, LONG],
        [MINE, LONG, SUBNET],
        [SUBNET, MINE, LONG],
        [SUBNET, LONG, MINE],
        [LONG, MINE, SUBNET],
        [LONG, SUBNET, MINE],
    ]
}

/// R3 and R4: what is refused changes nothing, times to live included, and still learns of each limit.
#[tokio::test]
async fn a_refused_request_leaves_all_three_limits_as_they_were_and_is_told_of_each() {
    let site = Site::start().await;
    for store in 0..2 {
        for order in orders() {
            site.flush().await;
            let layer = || {
                let store: SharedStore = site.stores()[store].clone();
                let layer = site.layer(store);
                order
                    .iter()
                    .fold(layer, |layer, limit| layer.limit(limit.clone()))
            };
            let names = order.each_ref().map(Limit::name);
            let left = |mine, all, long| {
                names.map(|name| match name {
                    "mine" => mine,
                    "all" => all,
                    _ => long,
                })
            };
            let first = layer();
            for used in 1..=3 {
                let answer = send(&first, "192.0.2.1").await;
                assert_eq!(answer.status(), 200);
                assert_eq!(remaining(&answer), left(3 - used, 5 - used, 100 - used));
            }
            let held = site.held().await;
            assert_eq!(held.len(), 3);
            assert!(held.iter().all(|(_, _, ends)| *ends > 0), "{held:?}");
            for _ in 0..3 {
                // A layer that remembers nothing asks the store.
                let answer = send(&layer(), "192.0.2.1").await;
                assert_eq!(answer.status(), 429);
                assert_eq!(remaining(&answer), left(0, 1, 96), "as if charged");
                let wait: u64 = answer.headers()["retry-after"]
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                assert!((3_500..=3_600).contains(&wait), "{wait}");
            }
            assert_eq!(site.held().await, held, "{names:?}");
            // So others have what is left.
            assert_eq!(admitted(&layer(), "192.0.2.2", 5).await, 2);
        }
    }
}

/// R10: what is as good as new is not kept, and nothing else ends before.
#[tokio::test]
async fn a_key_lives_until_its_limit_is_as_if_never_used() {
    let site = Site::start().await;
    let second = |seconds: u64| Duration::from_secs(seconds);
    let quotas = [
        ("gcra", Quota::per_hour(60), second(60)),
        ("fixed", Quota::fixed(60, HOUR), HOUR),
        ("aligned", Quota::aligned(60, HOUR), HOUR),
        ("sliding", Quota::sliding(60, HOUR), 2 * HOUR),
        ("strict", Quota::strict(60, HOUR), HOUR + HOUR / 10),
        ("bucket", Quota::token_bucket(60, HOUR), HOUR),
    ];
    for store in site.stores() {
        for (name, quota, lives) in quotas {
            site.flush().await;
            let layer = site.layer(store.clone()).limit(Limit::new(name, quota));
            assert_eq!(status(&layer, "192.0.2.1").await, 200);
            let [(key, ..)] = &site.held().await[..] else {
                panic!("{name}: one key");
            };
            let left = site.redis.command(&["PTTL", key]).await.unwrap();
            let left: i64 = redis::from_redis_value(left).unwrap();
            let lives = lives.as_millis() as i64;
            // Slow machines are slow, and milliseconds rounded up; an hour has just begun.
            assert!(
                left <= lives + 1 && left > lives - 59_000,
                "{name}: {left} of {lives}"
            );
        }
    }
}
