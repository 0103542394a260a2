//! Stores that are away in every way there is: what each limit says then is answered, within the time limit, and it is over
//! when the outage is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use local_upstash::{Fault, RedisServer};
use tokio::{net::TcpListener, process::Command, time::timeout};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Event, Limit, OnStoreError, RateLimitLayer},
    store::{BreakerStore, RedisStore, SharedStore, Store as _, UpstashStore},
    time::Timer,
};

use super::site::{HOUR, PATIENCE, Site, send, status};

const TIME_LIMIT: Duration = Duration::from_millis(100);
/// Ten times the limit; and machines are busy.
const GENEROUS: Duration = Duration::from_secs(2);
const QUOTA: Quota = Quota::aligned(2, HOUR);

use OnStoreError::{Allow, CountLocally, Refuse};

/// What two limits of a layer say, and what three requests are answered (R19: one that fails open does not cancel one that
/// fails closed).
const POLICIES: [([OnStoreError; 2], [u16; 3]); 9] = [
    ([Allow, Allow], [200, 200, 200]),
    ([Allow, Refuse], [503, 503, 503]),
    ([Allow, CountLocally], [200, 200, 429]),
    ([Refuse, Allow], [503, 503, 503]),
    ([Refuse, Refuse], [503, 503, 503]),
    ([Refuse, CountLocally], [503, 503, 503]),
    ([CountLocally, Allow], [200, 200, 429]),
    ([CountLocally, Refuse], [503, 503, 503]),
    ([CountLocally, CountLocally], [200, 200, 429]),
];

/// A layer for each combination, each with clients of its own.
struct Layers(Vec<(RateLimitLayer, [u16; 3], String, Arc<AtomicU32>)>);

impl Layers {
    fn over(store: &SharedStore) -> Self {
        let layers = POLICIES
            .iter()
            .enumerate()
            .map(|(at, (policies, expected))| {
                let failures = Arc::new(AtomicU32::new(0));
                let told = Arc::clone(&failures);
                let layer = RateLimitLayer::new(store.clone())
                    .limit(Limit::new("ip", QUOTA).on_store_error(policies[0]))
                    .limit(
                        Limit::new("peer", QUOTA)
                            .by(By::PEER_IP)
                            .on_store_error(policies[1]),
                    )
                    .on_event(move |event| {
                        if let Event::StoreError { .. } = event {
                            told.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                (layer, *expected, format!("192.0.2.{at}"), failures)
            });
        Self(layers.collect())
    }

    /// The store is away: each says what it is told to, in time.
    async fn fail(&self, what: &str) {
        let each = self
            .0
            .iter()
            .map(|(layer, expected, peer, failures)| async move {
                for (at, expected) in expected.iter().enumerate() {
                    let begun = Instant::now();
                    let answer = send(layer, peer).await;
                    let took = begun.elapsed();
                    assert_eq!(answer.status(), *expected, "{what}, {peer}, request {at}");
                    assert!(took < GENEROUS, "{what}, {peer}: {took:?}");
                    let waits = answer.headers().contains_key("retry-after");
                    assert_eq!(waits, *expected != 200, "{what}");
                }
                assert!(
                    failures.load(Ordering::SeqCst) >= 3,
                    "{what}: it was not away"
                );
            });
        futures_join(each).await;
    }

    /// The store is back: a client that it does not know is let through, and by the store.
    async fn recover(&self, what: &str) {
        let each = self
            .0
            .iter()
            .enumerate()
            .map(|(at, (layer, _, _, failures))| async move {
                let peer = format!("198.51.100.{at}");
                let asked = async {
                    loop {
                        let before = failures.load(Ordering::SeqCst);
                        let status = status(layer, &peer).await;
                        if failures.load(Ordering::SeqCst) == before {
                            return status;
                        }
                    }
                };
                timeout(PATIENCE, asked)
                    .await
                    .unwrap_or_else(|_| panic!("{what}: it is still away"))
            });
        for status in futures_join(each).await {
            // Whoever was counted here meanwhile may have used it up.
            assert!(matches!(status, 200 | 429), "{what}: {status}");
        }
    }
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<_> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(move |cx| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            let done = done.iter_mut().filter_map(Option::take);
            return std::task::Poll::Ready(done.collect());
        }
        std::task::Poll::Pending
    })
    .await
}

async fn signal(redis: &RedisServer, signal: &str) {
    let id = redis.pid().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &id])
            .status()
            .await
            .unwrap()
            .success()
    );
}

fn http(site: &Site) -> UpstashStore {
    site.http().time_limit(TIME_LIMIT).build().unwrap()
}

fn tcp(site: &Site) -> RedisStore {
    site.tcp().time_limit(TIME_LIMIT).build().unwrap()
}

#[tokio::test]
async fn every_fault_of_the_endpoint_is_answered_as_each_limit_says_and_is_over_with_it() {
    let site = Site::start().await;
    let store: SharedStore = http(&site).into();
    for fault in [
        Fault::Delay(10 * TIME_LIMIT),
        Fault::BlackHole,
        Fault::DropBefore,
        Fault::Reset,
        Fault::Html(502),
        Fault::ErrorWith200("ERR something".to_owned()),
        Fault::Truncated,
        Fault::CutJson,
        Fault::WrongToken,
        Fault::QuotaExceeded,
        Fault::Garbage,
    ] {
        site.flush().await;
        let layers = Layers::over(&store);
        let what = format!("{fault:?}");
        site.server.faults().inject(fault);
        layers.fail(&what).await;
        site.server.faults().clear();
        layers.recover(&what).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_stopped_is_answered_for_in_time_and_found_again() {
    let site = Site::start().await;
    let stores: [SharedStore; 2] = [http(&site).into(), tcp(&site).into()];
    for (store, what) in stores.iter().zip(["stopped, HTTP", "stopped, TCP"]) {
        let layers = Layers::over(store);
        // Connected before, as a running program is.
        layers.recover("at the beginning").await;
        signal(&site.redis, "-STOP").await;
        layers.fail(what).await;
        signal(&site.redis, "-CONT").await;
        layers.recover(what).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_killed_is_answered_for_in_time_and_found_again() {
    let site = Site::start().await;
    let stores: [SharedStore; 2] = [http(&site).into(), tcp(&site).into()];
    for (store, what) in stores.iter().zip(["killed, HTTP", "killed, TCP"]) {
        let layers = Layers::over(store);
        layers.recover("at the beginning").await;
        site.redis.kill();
        layers.fail(what).await;
        site.redis.restart().await.unwrap();
        layers.recover(what).await;
    }
}

/// From the start on: no connection was ever made.
#[tokio::test]
async fn nobody_who_listens_and_nobody_who_answers_are_outages_too() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = free.local_addr().unwrap();
    drop(free);
    // Accepts, and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (address, what) in [(refused, "refused"), (mute.local_addr().unwrap(), "mute")] {
        let http = UpstashStore::builder(&format!("http://{address}"), "token");
        let tcp = RedisStore::builder(&format!("redis://{address}/"));
        let stores: [SharedStore; 2] = [
            http.time_limit(TIME_LIMIT).build().unwrap().into(),
            tcp.time_limit(TIME_LIMIT).build().unwrap().into(),
        ];
        for store in &stores {
            Layers::over(store).fail(what).await;
        }
    }
}

/// An open breaker answers at once, and lets nobody wait.
#[tokio::test]
async fn behind_an_open_breaker_each_limit_says_the_same_without_a_trip() {
    let site = Site::start().await;
    let cool_down = Duration::from_secs(10);
    for store in site.stores() {
        let store: SharedStore = BreakerStore::builder(store)
            .failures(3)
            .cool_down(cool_down)
            .longest_cool_down(cool_down)
            .clock(site.clock.clone())
            .build()
            .into();
        let layers = Layers::over(&store);
        layers.recover("at the beginning").await;
        site.redis.kill();
        let opening =
            RateLimitLayer::new(store.clone()).limit(Limit::new("ip", QUOTA).on_store_error(Allow));
        for _ in 0..5 {
            assert_eq!(status(&opening, "203.0.113.1").await, 200);
        }
        site.server.bill().reset();
        layers.fail("open").await;
        assert_eq!(site.server.bill().requests(), 0);
        site.redis.restart().await.unwrap();
        let closing = async {
            while store.ping().await.is_err() {
                site.advance(cool_down);
            }
        };
        timeout(PATIENCE, closing).await.expect("it closes");
        layers.recover("open").await;
    }
}

/// The store itself would wait for much longer.
#[tokio::test]
async fn a_layer_has_a_time_limit_of_its_own() {
    let site = Site::start().await;
    for (on_error, expected) in [(Allow, 200), (Refuse, 503), (CountLocally, 200)] {
        let layer = site
            .layer(site.http().build().unwrap())
            .limit(Limit::new("ip", QUOTA).on_store_error(on_error))
            .time_limit(TIME_LIMIT, Timer::tokio());
        assert_eq!(status(&layer, "192.0.2.1").await, 200);
        site.server.faults().inject(Fault::BlackHole.times(1));
        let begun = Instant::now();
        assert_eq!(status(&layer, "192.0.2.1").await, expected);
        assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
        site.flush().await;
    }
}
