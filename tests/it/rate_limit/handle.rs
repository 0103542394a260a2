//! Limits outside of requests.

use std::{net::IpAddr, time::Duration};

use tower_upstash::{
    quota::Quota,
    rate_limit::{Lease, Limit, LimitHandle, OnStoreError, RateLimitLayer},
    store::ErrorKind,
};

use super::app::{Events, TEN, TWO, alice, get, layer, left_of_alice, memory, status, statuses};
use crate::support::Remote;

const IP: Limit = Limit::new("ip", TEN);

fn handle(layer: &RateLimitLayer) -> LimitHandle {
    layer.handle().limit("ip").unwrap()
}

#[tokio::test]
async fn a_check_takes_a_unit_as_a_request_does() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let ip = handle(&layer);
    assert_eq!(status(&layer, get("/")).await, 200);
    let decision = ip.check(alice()).await;
    assert!(decision.allowed() && decision.remaining() == 0);
    assert_eq!(status(&layer, get("/")).await, 429);
    let refused = ip.check(alice()).await;
    assert!(!refused.allowed() && refused.retry_after() > Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn units_are_checked_all_or_none() {
    let layer = layer().limit(IP);
    let ip = handle(&layer);
    assert!(ip.check_units(alice(), 8).await.allowed());
    assert!(!ip.check_units(alice(), 3).await.allowed());
    assert!(ip.check_units(alice(), 0).await.allowed());
    assert!(ip.check_units(alice(), 2).await.allowed());
    assert_eq!(left_of_alice(&layer, "ip").await, 0);
}

#[tokio::test]
async fn a_look_takes_nothing() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let ip = handle(&layer);
    for _ in 0..5 {
        let decision = ip.peek(alice()).await.unwrap();
        assert!(decision.allowed() && decision.remaining() == 2);
    }
    statuses(&layer, [get("/"), get("/")]).await;
    assert!(!ip.peek(alice()).await.unwrap().allowed());
}

#[tokio::test]
async fn a_charge_is_made_even_where_the_units_are_not_there() {
    let (store, clock) = memory();
    let layer = RateLimitLayer::new(store).limit(Limit::new("ip", Quota::per_second(10)));
    handle(&layer).charge(alice(), 20).await.unwrap();
    assert_eq!(status(&layer, get("/")).await, 429);
    clock.advance(Duration::from_millis(1_100));
    assert_eq!(status(&layer, get("/")).await, 200);
}

#[tokio::test]
async fn a_reset_forgets_what_was_used_and_what_was_remembered_of_it() {
    for store in [
        tower_upstash::store::MemoryStore::new().into(),
        Remote::open().shared(),
    ] {
        let layer = RateLimitLayer::new(store).limit(Limit::new("ip", TWO));
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            [200, 200, 429]
        );
        handle(&layer).reset(alice()).await.unwrap();
        assert_eq!(
            statuses(&layer, [get("/"), get("/"), get("/")]).await,
            [200, 200, 429]
        );
    }
}

#[tokio::test]
async fn a_ban_refuses_for_its_time_and_a_reset_lifts_it() {
    let (store, clock) = memory();
    let layer = RateLimitLayer::new(store).limit(IP);
    let ip = handle(&layer);
    ip.ban(alice(), Duration::from_secs(60)).await.unwrap();
    let refused = super::app::send(&layer, get("/")).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "60");
    clock.advance(Duration::from_secs(59));
    assert_eq!(status(&layer, get("/")).await, 429);
    clock.advance(Duration::from_secs(1));
    assert_eq!(status(&layer, get("/")).await, 200);
    ip.ban(alice(), Duration::from_secs(60)).await.unwrap();
    ip.reset(alice()).await.unwrap();
    assert_eq!(status(&layer, get("/")).await, 200);
}

#[tokio::test]
async fn after_a_reset_nothing_is_owed_of_an_outage() {
    let store = Remote::open();
    let layer = RateLimitLayer::new(store.shared()).limit(Limit::new("ip", TWO));
    store.set_down(true);
    assert_eq!(status(&layer, get("/")).await, 200);
    store.set_down(false);
    handle(&layer).reset(alice()).await.unwrap();
    assert_eq!(
        statuses(&layer, [get("/"), get("/"), get("/")]).await,
        [200, 200, 429]
    );
}

/// It may have been done.
#[tokio::test]
async fn after_a_ban_that_got_no_answer_no_lease_is_used() {
    let store = Remote::open();
    let limit = Limit::new("ip", Quota::fixed(1000, Duration::from_secs(3600)))
        .lease(Lease::new().life(Duration::from_secs(60)))
        .on_store_error(OnStoreError::Refuse);
    let layer = RateLimitLayer::new(store.shared()).limit(limit);
    for _ in 0..40 {
        assert_eq!(status(&layer, get("/")).await, 200);
    }
    store.set_down(true);
    assert_eq!(status(&layer, get("/")).await, 200, "nothing is leased");
    let ban = handle(&layer).ban(alice(), Duration::from_secs(60)).await;
    ban.unwrap_err();
    assert_eq!(status(&layer, get("/")).await, 503);
}

#[tokio::test]
async fn a_handle_uses_the_quota_it_is_given() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let twenty = handle(&layer).with_quota(Quota::fixed(20, Duration::from_secs(10)));
    assert!(twenty.check_units(alice(), 15).await.allowed());
    assert!(
        !handle(&layer)
            .with_quota(Quota::NONE)
            .check(alice())
            .await
            .allowed()
    );
    assert_eq!(twenty.peek(alice()).await.unwrap().limit(), 20);
}

#[tokio::test]
async fn the_network_of_a_client_is_what_its_requests_count_for() {
    let layer = layer().limit(Limit::new("ip", TWO));
    let client: IpAddr = "2001:db8::1".parse().unwrap();
    let key = layer.handle().client(client);
    handle(&layer).charge(key, 2).await.unwrap();
    let request = crate::support::request_from("[2001:db8::ffff]:1");
    assert_eq!(status(&layer, request).await, 429);
}

#[test]
fn an_unknown_name_is_an_error_that_lists_those_there_are() {
    let layer = layer().limit(IP).limit(Limit::new("api", TWO));
    let error = layer.handle().limit("\u{1b}").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"no limit named "\u{1b}"; known: ip, api"#
    );
    let huge = layer.handle().limit("x".repeat(100_000)).unwrap_err();
    assert!(huge.to_string().len() < 200);
    let _: &dyn std::error::Error = &error;
}

#[tokio::test]
async fn a_check_without_a_store_is_what_the_limit_says() {
    for (policy, expected) in [
        (OnStoreError::CountLocally, [true, true, false]),
        (OnStoreError::Allow, [true, true, true]),
        (OnStoreError::Refuse, [false, false, false]),
    ] {
        let store = Remote::open();
        store.set_down(true);
        let limit = Limit::new("ip", TWO).on_store_error(policy);
        let layer = RateLimitLayer::new(store.shared()).limit(limit);
        let ip = handle(&layer);
        for expected in expected {
            assert_eq!(ip.check(alice()).await.allowed(), expected, "{policy:?}");
        }
        for answer in [
            ip.peek(alice()).await.map(|_| ()),
            ip.charge(alice(), 1).await.map(|_| ()),
            ip.reset(alice()).await,
            ip.ban(alice(), Duration::from_secs(1)).await,
        ] {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable);
        }
    }
}

#[tokio::test]
async fn a_drain_gives_back_what_is_leased() {
    let store = Remote::open();
    let limit = Limit::new("ip", Quota::fixed(1000, Duration::from_secs(3600))).lease(Lease::new());
    let layer = RateLimitLayer::new(store.shared()).limit(limit);
    for _ in 0..40 {
        assert_eq!(status(&layer, get("/")).await, 200);
    }
    assert!(
        left_of_alice(&layer, "ip").await < 960,
        "nothing was leased"
    );
    layer.handle().drain().await.unwrap();
    assert_eq!(left_of_alice(&layer, "ip").await, 960);
}

#[tokio::test]
async fn a_watched_limit_answers_a_check_with_what_it_would_have_done() {
    let layer = layer().limit(Limit::new("ip", TWO).shadow());
    let ip = handle(&layer);
    let mut allowed = Vec::new();
    for _ in 0..3 {
        allowed.push(ip.check(alice()).await.allowed());
    }
    assert_eq!(allowed, [true, true, false]);
}

#[tokio::test]
async fn a_check_tells_events_and_debug_names_limits_only() {
    let events = Events::default();
    let layer = events.of(layer()
        .limit(Limit::new("ip", TWO))
        .limit(Limit::new("closed", Quota::NONE)));
    let ip = handle(&layer);
    for _ in 0..3 {
        ip.check(alice()).await;
    }
    assert_eq!(
        events.take(),
        ["allowed ip", "allowed ip", "near ip", "refused ip"]
    );
    layer.handle().limit("closed").unwrap().check(alice()).await;
    assert_eq!(events.take(), ["refused closed"]);
    assert_eq!(format!("{ip:?}"), r#"LimitHandle(Some("ip"))"#);
    assert_eq!(format!("{:?}", layer.handle()), r#"["ip", "closed"]"#);
}
