//! Stores that are away in every way there is: no one is logged out by it, no one is told what did not happen, and no one
//! waits for long.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use http::StatusCode;
use hyper_util::rt::TokioTimer;
use local_upstash::{Fault, RedisServer};
use tokio::{task::JoinSet, time::timeout};
use tower_upstash::{
    session::SessionLayer,
    store::{BreakerStore, SharedStore, Store as _, TimeLimitedStore},
    time::Timer,
};

use super::site::{PATIENCE, Site, Told, add, ask, http, lives, log_in, number, show};

const TIME_LIMIT: Duration = Duration::from_millis(200);
/// Many times the limit; and machines are busy.
const GENEROUS: Duration = Duration::from_secs(4);
const COOL_DOWN: Duration = Duration::from_millis(50);

fn over(store: impl Into<SharedStore>) -> SessionLayer {
    SessionLayer::new(store).time_limit(TIME_LIMIT)
}

/// The store with its own limit, and behind a breaker.
fn adapted(site: &Site, store: impl Into<SharedStore>) -> SharedStore {
    let store = store.into();
    let store = TimeLimitedStore::new(store, TIME_LIMIT / 2, Timer::new(TokioTimer::new()));
    let breaker = BreakerStore::builder(store).clock(site.clock.clone());
    let breaker = breaker
        .failures(3)
        .cool_down(COOL_DOWN)
        .longest_cool_down(COOL_DOWN);
    breaker.build().into()
}

fn signal(redis: &RedisServer, signal: &str) {
    let id = redis.pid().to_string();
    let kill = Command::new("kill").args([signal, &id]).status();
    assert!(kill.unwrap().success());
}

/// The store is away: who asks for the session is told so, in time, and nothing else.
async fn fails(layer: &SessionLayer, token: &str, what: &str) {
    let begun = Instant::now();
    let read = ask(layer, Some(token), async |session| {
        show(&session, "n").await
    })
    .await;
    let exists = ask(layer, Some(token), async |session| {
        session.exists().await.map(|it| it.to_string())
    })
    .await;
    let write = ask(layer, Some(token), async |session| add(&session, "n")).await;
    let create = ask(layer, None, async |session| add(&session, "n")).await;
    for reply in [read, exists, write, create] {
        assert_eq!(
            reply.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{what}: {reply:?}"
        );
        assert_eq!(reply.told, Told::Nothing, "{what}");
    }
    // Who does not need it is served.
    for token in [None, Some(token)] {
        let reply = ask(layer, token, async |_| "here").await;
        assert_eq!(
            (reply.status, reply.told),
            (StatusCode::OK, Told::Nothing),
            "{what}"
        );
    }
    assert!(begun.elapsed() < GENEROUS, "{what}: {:?}", begun.elapsed());
}

/// The same for what would end the token, where it is certain that nothing was done.
async fn fails_to_move(layer: &SessionLayer, token: &str, what: &str) {
    let logout = ask(layer, Some(token), async |session| session.destroy()).await;
    let rotation = ask(layer, Some(token), async |session| session.rotate()).await;
    let login = ask(layer, Some(token), async |session| {
        session.authenticate("bob")
    })
    .await;
    let everywhere = ask(layer, Some(token), async |session| {
        session.revoke_all().await.map(drop)
    })
    .await;
    for reply in [logout, rotation, login, everywhere] {
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{what}");
        assert_eq!(reply.told, Told::Nothing, "{what}");
    }
    assert!(layer.handle().revoke_all("alice").await.is_err(), "{what}");
}

/// Waits until the store answers again.
async fn is_back(site: &Site, store: &SharedStore, what: &str) {
    let back = async {
        let mut well = 0;
        // On a busy machine, one answer in time is not yet the next one.
        while well < 5 {
            well = if store.ping().await.is_ok() {
                well + 1
            } else {
                0
            };
            site.clock.advance(COOL_DOWN);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, back)
        .await
        .unwrap_or_else(|_| panic!("{what}: it is still away"));
}

#[tokio::test]
async fn every_fault_of_the_endpoint_leaves_sessions_alone() {
    let site = Site::start().await;
    let bare: SharedStore = http(&site.native).build().unwrap().into();
    for (store, name) in [(bare.clone(), "bare"), (adapted(&site, bare), "adapted")] {
        let layer = over(store.clone());
        let token = log_in(&layer, None, "alice").await;
        for fault in [
            Fault::BlackHole,
            Fault::DropBefore,
            Fault::Reset,
            Fault::Html(502),
            Fault::ErrorWith200("ERR something".to_owned()),
            Fault::WrongToken,
            Fault::QuotaExceeded,
            Fault::Garbage,
        ] {
            let what = format!("{name}: {fault:?}");
            site.native.faults().inject(fault);
            fails(&layer, &token, &what).await;
            fails_to_move(&layer, &token, &what).await;
            site.native.faults().clear();
            is_back(&site, &store, &what).await;
            assert!(lives(&layer, &token).await, "{what}");
            assert_eq!(number(&layer, &token, "n").await, "-", "{what}");
        }
    }
}

#[tokio::test]
async fn a_redis_that_is_stopped_logs_nobody_out() {
    let site = Site::start().await;
    let bare: [SharedStore; 2] = [
        http(&site.native).build().unwrap().into(),
        site.tcp().into(),
    ];
    let adapted = bare.clone().map(|store| adapted(&site, store));
    for (store, what) in
        bare.iter()
            .chain(&adapted)
            .zip(["HTTP", "TCP", "HTTP, adapted", "TCP, adapted"])
    {
        let layer = over(store.clone());
        let token = log_in(&layer, None, "alice").await;
        signal(&site.redis, "-STOP");
        fails(&layer, &token, what).await;
        signal(&site.redis, "-CONT");
        is_back(&site, store, what).await;
        assert!(lives(&layer, &token).await, "{what}");
    }
}

/// A new one is empty: whoever was in there has to log in again, and can.
#[tokio::test]
async fn a_redis_that_is_killed_and_started_anew_is_found_again() {
    let site = Site::start().await;
    let bare: [SharedStore; 2] = [
        http(&site.native).build().unwrap().into(),
        site.tcp().into(),
    ];
    let adapted = bare.clone().map(|store| adapted(&site, store));
    for (store, what) in
        bare.iter()
            .chain(&adapted)
            .zip(["HTTP", "TCP", "HTTP, adapted", "TCP, adapted"])
    {
        let layer = over(store.clone());
        // Its connections may be those to the one before.
        is_back(&site, store, what).await;
        let token = log_in(&layer, None, "alice").await;
        site.redis.kill();
        fails(&layer, &token, what).await;
        fails_to_move(&layer, &token, what).await;
        site.redis.restart().await.unwrap();
        is_back(&site, store, what).await;
        assert!(!lives(&layer, &token).await, "{what}");
        let token = log_in(&layer, Some(&token), "alice").await;
        assert!(lives(&layer, &token).await, "{what}");
    }
}

/// Requests are under way all the time: each count that was acknowledged is there, and none that nobody asked for.
#[tokio::test]
async fn what_was_acknowledged_around_an_outage_was_done() {
    const TASKS: u64 = 4;
    const EACH: u64 = 60;
    let site = Site::start().await;
    let bare: [SharedStore; 2] = [
        http(&site.native).build().unwrap().into(),
        site.tcp().into(),
    ];
    let adapted = bare.clone().map(|store| adapted(&site, store));
    for (store, what) in
        bare.iter()
            .chain(&adapted)
            .zip(["HTTP", "TCP", "HTTP, adapted", "TCP, adapted"])
    {
        let layer = over(store.clone());
        let token = ask(&layer, None, async |session| session.set("n", &0))
            .await
            .token();
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (layer, token, clock) = (layer.clone(), token.clone(), site.clock.clone());
            tasks.spawn(async move {
                let (mut done, mut unknown) = (0, 0);
                for _ in 0..EACH {
                    let reply = ask(&layer, Some(&token), async |session| add(&session, "n")).await;
                    assert_eq!(reply.told, Told::Nothing);
                    match reply.status {
                        StatusCode::OK => done += 1,
                        StatusCode::SERVICE_UNAVAILABLE => unknown += 1,
                        StatusCode::CONFLICT => {}
                        other => panic!("{other}"),
                    }
                    clock.advance(COOL_DOWN / 10);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                (done, unknown)
            });
        }
        for _ in 0..2 {
            tokio::time::sleep(TIME_LIMIT).await;
            signal(&site.redis, "-STOP");
            tokio::time::sleep(2 * TIME_LIMIT).await;
            signal(&site.redis, "-CONT");
        }
        let outcomes = tasks.join_all().await;
        is_back(&site, store, what).await;
        let done: u64 = outcomes.iter().map(|(done, _)| done).sum();
        let unknown: u64 = outcomes.iter().map(|(_, unknown)| unknown).sum();
        let counted: u64 = number(&layer, &token, "n").await.parse().unwrap();
        assert!(unknown > 0, "{what}: nobody has noticed");
        assert!(
            (done..=done + unknown).contains(&counted),
            "{what}: {done} {unknown} {counted}"
        );
    }
}
