//! What is told of each request: events and reports.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use tower::{Layer, Service, service_fn};
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, Missing, RateLimitLayer, Report},
    store::Identifier,
};

use super::app::{Answer, Events, TEN, TWO, get, layer, send, statuses, with_header};
use crate::support::Remote;

#[tokio::test]
async fn each_limit_tells_what_it_has_decided() {
    let events = Events::default();
    let layer = layer()
        .limit(Limit::new("ip", TEN))
        .limit(Limit::new("two", TWO));
    let layer = events.of(layer);
    statuses(&layer, [get("/"), get("/")]).await;
    let passed = ["allowed ip", "allowed two"];
    assert_eq!(
        events.take(),
        [&passed[..], &passed, &["near two"]].concat()
    );
    // Those that would have let it pass tell nothing.
    statuses(&layer, [get("/")]).await;
    assert_eq!(events.take(), ["refused two"]);
}

#[tokio::test]
async fn a_limit_is_near_when_four_fifths_are_used() {
    let events = Events::default();
    let layer = events.of(layer().limit(Limit::new("ip", TEN)));
    statuses(&layer, (0..7).map(|_| get("/"))).await;
    assert!(!events.take().contains(&"near ip".to_owned()));
    statuses(&layer, [get("/")]).await;
    assert_eq!(events.take(), ["allowed ip", "near ip"]);
}

#[tokio::test]
async fn a_refusal_without_the_store_is_told_too() {
    // What a limit of nothing refuses used to be told to nobody.
    let events = Events::default();
    let layer = events.of(layer().limit(Limit::new("closed", Quota::NONE)));
    statuses(&layer, [get("/")]).await;
    assert_eq!(events.take(), ["refused closed"]);
    // And what is known from before.
    let store = Remote::open();
    let layer = events.of(RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TWO)));
    statuses(&layer, (0..4).map(|_| get("/"))).await;
    assert_eq!(events.take()[3..], ["refused ip", "refused ip"]);
}

#[tokio::test]
async fn every_error_of_the_store_is_told() {
    let events = Events::default();
    let store = Remote::open();
    let layer = events.of(RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TEN)));
    statuses(&layer, [get("/")]).await;
    store.set_down(true);
    statuses(&layer, [get("/"), get("/")]).await;
    let local = ["error Unavailable", "allowed ip"];
    assert_eq!(
        events.take(),
        [&["allowed ip"][..], &local, &local].concat()
    );
}

#[tokio::test]
async fn no_event_and_no_report_holds_a_key() {
    const SECRET: &str = "hunter2-or-an-address";
    let told = Arc::new(Mutex::new(String::new()));
    let all = told.clone();
    let store = Remote::open();
    let key = By::parts(|_| Some(Identifier::from(SECRET)));
    let layer = RateLimitLayer::new(store.shared())
        .limit(Limit::new("ip", TWO).by(key.clone()))
        .limit(Limit::new("key", TWO).by(By::header("x-api-key")))
        .limit(Limit::new("watched", TWO).by(key).shadow())
        .on_event(move |event| all.lock().unwrap().push_str(&format!("{event:?}")))
        .report();
    for n in 0..4 {
        store.set_down(n == 2);
        let answer = send(&layer, with_header("x-api-key", SECRET)).await;
        let mut all = told.lock().unwrap();
        all.push_str(&format!(
            "{:?} {:?}",
            answer.extensions().get::<Report>(),
            answer.headers()
        ));
    }
    all_of_them(&told.lock().unwrap());
    assert!(!told.lock().unwrap().contains("hunter2"));
    assert!(!told.lock().unwrap().contains("192.0.2"));
}

fn all_of_them(told: &str) {
    for event in [
        "Allowed",
        "NearLimit",
        "Refused",
        "StoreError",
        "WouldRefuse",
    ] {
        assert!(told.contains(event), "{event}");
    }
}

fn report(answer: &Answer) -> Vec<(&'static str, bool, u32)> {
    let report = answer.extensions().get::<Report>().unwrap();
    let limits = report.iter();
    limits
        .map(|(name, decision)| (name, decision.allowed(), decision.remaining()))
        .collect()
}

#[tokio::test]
async fn a_report_names_each_limit_that_applied() {
    let key = Limit::new("key", TWO)
        .by(By::header("x-api-key"))
        .missing(Missing::Exempt);
    let layer = layer().limit(Limit::new("ip", TWO)).limit(key).report();
    let key = |key: &str| with_header("x-api-key", key);
    assert_eq!(
        report(&send(&layer, key("a")).await),
        [("ip", true, 1), ("key", true, 1)]
    );
    assert_eq!(report(&send(&layer, get("/")).await), [("ip", true, 0)]);
    // Refused by its address, and so not charged to its key.
    for _ in 0..2 {
        assert_eq!(
            report(&send(&layer, key("c")).await),
            [("ip", false, 0), ("key", true, 1)]
        );
    }
    let silent = super::app::layer().limit(Limit::new("ip", TWO));
    assert!(
        send(&silent, get("/"))
            .await
            .extensions()
            .get::<Report>()
            .is_none()
    );
}

#[test]
fn debug_names_the_limits_and_nothing_else() {
    let layer = layer().limit(Limit::new("ip", TWO));
    assert_eq!(
        format!("{layer:?}"),
        r#"RateLimitLayer { limits: ["ip"], .. }"#
    );
    let mut service = layer.layer(service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(()))
    }));
    assert_eq!(
        format!("{service:?}"),
        r#"RateLimit { limits: ["ip"], .. }"#
    );
    assert_eq!(
        format!("{:?}", service.call(Request::new(()))),
        "ResponseFuture { .. }"
    );
}
