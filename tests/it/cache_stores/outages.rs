//! Stores that are away in every way there is: requests pass, in time, and it is over when the outage is.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use http::Method;
use local_upstash::{Fault, RedisServer};
use tokio::{net::TcpListener, time::timeout};
use tower_upstash::{
    response_cache::ResponseCacheLayer,
    store::{BreakerStore, RedisStore, SharedStore, Store as _, UpstashStore},
};

use super::site::{App, PATIENCE, Site, Told, request};

const TIME_LIMIT: Duration = Duration::from_millis(100);
/// Many times the limit; and machines are busy.
const GENEROUS: Duration = Duration::from_secs(2);

/// A layer, its service, and what was told.
struct Cached {
    layer: ResponseCacheLayer,
    app: App,
    told: Told,
}

impl Cached {
    fn over(store: &SharedStore) -> Self {
        let told = Told::default();
        let app = App::new();
        app.header("cache-tag", "tag");
        Self {
            layer: told.by(ResponseCacheLayer::new(store.clone())),
            app,
            told,
        }
    }

    /// The store is away: everything is answered by the service, in time, and told of.
    async fn fail(&self, what: &str) {
        self.told.take();
        let requests = [
            (Method::GET, "/known", &[][..]),
            (Method::GET, "/new", &[]),
            (Method::HEAD, "/known", &[]),
            (Method::POST, "/other", &[]),
            (Method::GET, "/known", &[("range", "bytes=0-1")]),
            (Method::GET, "/known", &[("if-none-match", "*")]),
        ];
        for (method, path, fields) in requests {
            let calls = self.app.calls();
            let begun = Instant::now();
            let errors = self.told.errors();
            let sent = request(method.clone(), path, fields);
            let answer = self.app.ask(&self.layer, sent).await;
            let took = begun.elapsed();
            let what = format!("{what}: {method} {path} {fields:?}");
            assert_eq!(answer.status, 200, "{what}");
            assert_eq!(answer.text(), format!("call {}", calls + 1), "{what}");
            assert_eq!(self.app.calls(), calls + 1, "{what}");
            assert!(took < GENEROUS, "{what}: {took:?}");
            assert_eq!(self.told.errors(), errors + 1, "{what}");
            if method != Method::POST {
                assert!(
                    answer.how().contains("fwd=bypass;") && answer.how().ends_with(";detail=store"),
                    "{what}: {}",
                    answer.how()
                );
            }
        }
        let told = self.told.take();
        assert!(
            !told.iter().any(|word| word == "stored"),
            "{what}: {told:?}"
        );
        let begun = Instant::now();
        let purged = self.layer.handle().purge_tags(["tag"]).await;
        assert!(purged.is_err(), "{what}");
        assert!(begun.elapsed() < GENEROUS, "{what}");
    }

    /// The store is back: what is fetched is a hit the next time.
    async fn recover(&self, what: &str) {
        let path = format!("/again{}", self.app.calls());
        let fetched = async { while !self.app.get(&self.layer, &path).await.is_hit() {} };
        timeout(PATIENCE, fetched)
            .await
            .unwrap_or_else(|_| panic!("{what}: it is still away: {:?}", self.told.take()));
    }

    /// What was purged in the outage stays purged, as soon as there is a store.
    async fn begin(&self) {
        self.recover("at the beginning").await;
        let fetched = async { while !self.app.get(&self.layer, "/known").await.is_hit() {} };
        timeout(PATIENCE, fetched).await.expect("the store is here");
    }
}

fn http(site: &Site) -> UpstashStore {
    site.http().time_limit(TIME_LIMIT).build().unwrap()
}

fn tcp(site: &Site) -> RedisStore {
    site.tcp()
        .time_limit(TIME_LIMIT)
        .connect_time_limit(TIME_LIMIT)
        .build()
        .unwrap()
}

fn signal(redis: &RedisServer, signal: &str) {
    let id = redis.pid().to_string();
    let kill = Command::new("kill").args([signal, &id]).status();
    assert!(kill.unwrap().success());
}

#[tokio::test]
async fn every_fault_of_the_endpoint_lets_requests_pass_and_is_over_with_it() {
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
        let what = format!("{fault:?}");
        let cached = Cached::over(&store);
        cached.begin().await;
        site.server.faults().inject(fault);
        cached.fail(&what).await;
        site.server.faults().clear();
        // The purge that has failed is made before anything is served.
        let known = cached.app.get(&cached.layer, "/known").await;
        assert!(!known.is_hit(), "{what}: {}", known.how());
        cached.recover(&what).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_stopped_lets_requests_pass_and_is_found_again() {
    let site = Site::start().await;
    let stores: [SharedStore; 2] = [http(&site).into(), tcp(&site).into()];
    for (store, what) in stores.iter().zip(["stopped, HTTP", "stopped, TCP"]) {
        let cached = Cached::over(store);
        cached.begin().await;
        signal(&site.redis, "-STOP");
        cached.fail(what).await;
        signal(&site.redis, "-CONT");
        cached.recover(what).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_killed_lets_requests_pass_and_is_found_again() {
    let site = Site::start().await;
    let stores: [SharedStore; 2] = [http(&site).into(), tcp(&site).into()];
    for (store, what) in stores.iter().zip(["killed, HTTP", "killed, TCP"]) {
        let cached = Cached::over(store);
        cached.begin().await;
        site.redis.kill();
        cached.fail(what).await;
        site.redis.restart().await.unwrap();
        cached.recover(what).await;
    }
}

/// From the start on: no connection was ever made.
#[tokio::test]
async fn nobody_who_listens_and_nobody_who_answers_let_requests_pass() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refused = free.local_addr().unwrap();
    drop(free);
    // Accepts, and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for (address, what) in [(refused, "refused"), (mute.local_addr().unwrap(), "mute")] {
        let http = UpstashStore::builder(&format!("http://{address}"), "token");
        let tcp = RedisStore::builder(&format!("redis://{address}/"));
        let tcp = tcp.connect_time_limit(TIME_LIMIT);
        let stores: [SharedStore; 2] = [
            http.time_limit(TIME_LIMIT).build().unwrap().into(),
            tcp.time_limit(TIME_LIMIT).build().unwrap().into(),
        ];
        for store in &stores {
            Cached::over(store).fail(what).await;
        }
    }
}

/// An open breaker answers at once, and lets nobody wait.
#[tokio::test]
async fn behind_an_open_breaker_requests_pass_without_a_trip() {
    let site = Site::start().await;
    let cool_down = Duration::from_secs(10);
    let http: SharedStore = http(&site).into();
    let tcp: SharedStore = tcp(&site).into();
    for store in [http, tcp] {
        let store: SharedStore = BreakerStore::builder(store)
            .failures(3)
            .cool_down(cool_down)
            .longest_cool_down(cool_down)
            .clock(site.clock.clone())
            .build()
            .into();
        let cached = Cached::over(&store);
        cached.begin().await;
        site.redis.kill();
        for _ in 0..5 {
            assert_eq!(cached.app.get(&cached.layer, "/new").await.status, 200);
        }
        site.bill();
        let begun = Instant::now();
        cached.fail("open").await;
        assert!(begun.elapsed() < GENEROUS, "{:?}", begun.elapsed());
        assert_eq!(site.bill().0, 0);
        site.redis.restart().await.unwrap();
        let closing = async {
            while store.ping().await.is_err() {
                site.advance(2 * cool_down);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, closing).await.expect("it closes");
        cached.recover("closed").await;
    }
}

/// The answer is there before the store is: nobody waits for longer than for the hold.
#[tokio::test]
async fn a_write_that_takes_long_holds_nobody_and_happens_all_the_same() {
    const LONG: Duration = Duration::from_secs(1);
    let site = Site::start().await;
    let told = Told::default();
    let layer = told
        .by(site.layer(site.http().build().unwrap()))
        .purge_lag(PATIENCE);
    let app = App::new();
    app.get(&layer, "/first").await;
    told.take();
    // The look is fast, the write is not.
    app.hold();
    let filling = app.ask(&layer, request(Method::GET, "/a", &[]));
    let slowing = async {
        app.called(2).await;
        site.server.faults().inject(Fault::Delay(LONG).times(1));
        app.let_through(100);
        Instant::now()
    };
    let (answer, begun) = tokio::join!(filling, slowing);
    assert_eq!(answer.text(), "call 2");
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    let stored = async {
        while !told.take().iter().any(|word| word == "stored") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, stored).await.expect("it is stored");
    assert!(app.get(&layer, "/a").await.is_hit());
}

/// However slow the store is: who has written reads it, and nobody's answer is older.
#[tokio::test]
async fn an_unsafe_request_is_answered_when_what_it_has_changed_is_gone() {
    const SLOW: Duration = Duration::from_millis(200);
    let site = Site::start().await;
    let [layer, other] = [(); 2].map(|()| site.layer(site.http().build().unwrap()));
    let app = App::new();
    app.get(&layer, "/a").await;
    site.server.faults().inject(Fault::Delay(SLOW).times(1));
    let posted = app.ask(&layer, request(Method::POST, "/a", &[])).await;
    assert_eq!(posted.text(), "call 2");
    for layer in [&layer, &other] {
        assert_eq!(app.get(layer, "/a").await.text(), "call 3");
    }
    // One that changes nothing does not wait.
    site.server
        .faults()
        .inject(Fault::Delay(10 * SLOW).times(1));
    app.status(500);
    let begun = Instant::now();
    app.ask(&layer, request(Method::POST, "/a", &[])).await;
    assert!(begun.elapsed() < 10 * SLOW);
    site.server.faults().clear();
}
