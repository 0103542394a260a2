//! Servers that go away and come back: each caller has its own answer, and nothing happens twice.

use std::time::Duration;

use local_upstash::Fault;
use tokio::{task::JoinSet, time::timeout};
use tower_upstash::{
    store::{BreakerStore, Circuit, ErrorKind, Result, SharedStore, Store as _, UpstashStore},
    time::ManualClock,
};

use super::{
    PATIENCE, key,
    site::{Site, TTL},
};

const CALLERS: usize = 64;

/// Lets all callers add one, and returns their answers when the last one has its own.
async fn increments(store: &SharedStore) -> Vec<Result<i64>> {
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let store = store.clone();
        calls.spawn(async move { store.increment(&key("sum"), 1, TTL).await });
    }
    let all = timeout(2 * PATIENCE, calls.join_all()).await;
    all.expect("nobody hangs")
}

async fn sum(site: &Site) -> i64 {
    let sum = site.held(&key("sum").to_text()).await;
    sum.map_or(0, |sum| sum.parse().unwrap())
}

/// Returns the sums that were answered, and how many callers were not.
fn answered(answers: Vec<Result<i64>>) -> (Vec<i64>, usize) {
    let (sums, errors): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    for error in &errors {
        let error = error.as_ref().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    let mut sums: Vec<_> = sums.into_iter().map(Result::unwrap).collect();
    sums.sort_unstable();
    sums.dedup();
    (sums, errors.len())
}

#[tokio::test]
async fn no_increment_is_made_twice_whatever_becomes_of_its_answer() {
    for (fault, runs) in [
        (Fault::DropBefore, false),
        (Fault::Reset, false),
        (Fault::Html(502), false),
        (Fault::Garbage, false),
        (Fault::DropAfter, true),
        (Fault::Truncated, true),
        (Fault::CutJson, true),
    ] {
        let site = Site::start().await;
        let store = site.builder().lanes(2).build().unwrap();
        let shared = SharedStore::from(store.clone());
        // The script is known: each increment is one command of a request.
        assert_eq!(shared.increment(&key("sum"), 1, TTL).await.unwrap(), 1);
        site.server.faults().inject(fault.clone().times(1));
        let (sums, lost) = answered(increments(&shared).await);
        assert_eq!(sums.len() + lost, CALLERS, "{fault:?}: a sum came twice");
        assert!(lost > 0, "{fault:?}");
        let made = if runs { CALLERS } else { sums.len() };
        assert_eq!(sum(&site).await, 1 + made as i64, "{fault:?}");
        let next = shared.increment(&key("sum"), 1, TTL).await.unwrap();
        assert_eq!(next, 2 + made as i64, "{fault:?}");
        assert_eq!(store.usage().requests, site.server.bill().requests());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_ends_among_requests_answers_each_caller_or_none() {
    let Site { redis, server } = Site::start().await;
    let store = UpstashStore::builder(&server.url(), server.token())
        .time_limit(PATIENCE)
        .lanes(1)
        .build()
        .unwrap();
    let shared = SharedStore::from(store);
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let store = shared.clone();
        calls.spawn(async move {
            let mut sums = Vec::new();
            // Until the end: it is no test of the beginning only.
            loop {
                match store.increment(&key("sum"), 1, TTL).await {
                    Ok(sum) => sums.push(sum),
                    Err(error) => return (sums, error.kind()),
                }
            }
        });
    }
    let text = key("sum").to_text();
    let sum = async || -> i64 {
        let sum = redis.command(&["GET", &text]).await.unwrap();
        redis::from_redis_value::<Option<i64>>(sum)
            .unwrap()
            .unwrap_or(0)
    };
    while sum().await < 3 * CALLERS as i64 {
        tokio::task::yield_now().await;
    }
    drop(server);
    let callers = timeout(2 * PATIENCE, calls.join_all()).await;
    let mut sums = Vec::new();
    for (each, kind) in callers.expect("nobody hangs") {
        assert_eq!(kind, ErrorKind::Unavailable);
        sums.extend(each);
    }
    let many = sums.len();
    sums.sort_unstable();
    sums.dedup();
    assert_eq!(sums.len(), many, "no sum came twice");
    // Each caller had one increment on the way at most, whose outcome it does not know.
    let unknown = sum().await - many as i64;
    assert!((0..=CALLERS as i64).contains(&unknown), "{unknown}");
}

#[tokio::test]
async fn a_redis_that_starts_again_empty_is_found_again_by_both_stores() {
    let site = Site::start().await;
    let stores: [SharedStore; 2] = [site.over_http().into(), site.over_tcp().into()];
    for store in &stores {
        store.increment(&key("sum"), 1, TTL).await.unwrap();
    }
    site.redis.kill();
    for store in &stores {
        let (sums, lost) = answered(increments(store).await);
        assert_eq!((sums, lost), (Vec::new(), CALLERS));
    }
    site.redis.restart().await.unwrap();
    assert_eq!(sum(&site).await, 0, "nothing was sent again");
    timeout(PATIENCE, async {
        for store in &stores {
            // The first calls may find old connections broken.
            while store.ping().await.is_err() {}
        }
    })
    .await
    .expect("they recover");
    // The scripts are gone as well.
    let mut sums = Vec::new();
    for store in &stores {
        let (each, lost) = answered(increments(store).await);
        assert_eq!(lost, 0);
        sums.extend(each);
    }
    assert_eq!(sums, (1..=2 * CALLERS as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_breaker_opens_on_a_black_hole_and_closes_after_it() {
    let site = Site::start().await;
    let clock = ManualClock::default();
    let cool_down = Duration::from_secs(10);
    let store = site.builder().time_limit(Duration::from_secs(1));
    let store = BreakerStore::builder(store.build().unwrap())
        .failures(3)
        .cool_down(cool_down)
        .longest_cool_down(cool_down)
        .clock(clock.clone())
        .build();
    store.ping().await.unwrap();
    site.server.faults().inject(Fault::BlackHole);
    // Those that fail together are one failure.
    for _ in 0..3 {
        let calls = tokio::join!(store.ping(), store.ping());
        for call in [calls.0, calls.1] {
            assert_eq!(call.unwrap_err().kind(), ErrorKind::Timeout);
        }
    }
    assert!(matches!(store.circuit(), Circuit::Open { .. }));
    let before = site.server.bill().requests();
    let refused = store.increment(&key("sum"), 1, TTL).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    site.server.faults().clear();
    assert!(store.ping().await.is_err(), "not before it has cooled down");
    assert_eq!(site.server.bill().requests(), before, "nothing is sent");
    timeout(PATIENCE, async {
        while store.circuit() != Circuit::Closed {
            clock.advance(cool_down);
            // A busy machine may be late again.
            let _ = store.ping().await;
        }
    })
    .await
    .expect("it closes");
    assert_eq!(store.increment(&key("sum"), 1, TTL).await.unwrap(), 1);
}
