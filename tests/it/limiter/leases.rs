//! Leases over real stores: exact, given back, and void where the key is no longer what it was.

use std::time::Duration;

use local_upstash::Fault;
use tokio::task::JoinSet;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Lease, Limit, OnStoreError, RateLimitLayer},
    store::Identifier,
};

use super::site::{HOUR, Site, admitted, remaining, send, status};

const PEER: &str = "192.0.2.1";
const LEASED: Limit = Limit::new("leased", Quota::aligned(1_000, HOUR)).lease(Lease::new());

fn peer(layer: &RateLimitLayer) -> Identifier {
    layer.handle().client(PEER.parse().unwrap())
}

/// What is left by what the store itself holds.
async fn left(layer: &RateLimitLayer) -> u32 {
    let limit = layer.handle().limit("leased").unwrap();
    limit.peek(peer(layer)).await.unwrap().remaining()
}

#[tokio::test]
async fn what_is_leased_and_not_used_is_back_after_a_drain() {
    let site = Site::start().await;
    for store in site.stores() {
        site.flush().await;
        let layer = site.layer(store).limit(LEASED);
        assert_eq!(admitted(&layer, PEER, 100).await, 100);
        assert!(left(&layer).await < 900, "some are leased");
        layer.handle().drain().await.unwrap();
        assert_eq!(left(&layer).await, 900);
        // It goes on working.
        assert_eq!(admitted(&layer, PEER, 50).await, 50);
        layer.handle().drain().await.unwrap();
        assert_eq!(left(&layer).await, 850);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_with_leases_are_admitted_no_more_than_the_limit_of_a_window() {
    let site = Site::with(|endpoint| endpoint.without_script_billing()).await;
    for window in 0..3 {
        let layers: Vec<_> = site
            .stores()
            .map(|store| site.layer(store).limit(LEASED))
            .into();
        let mut tasks = JoinSet::new();
        for task in 0..8 {
            let layer = layers[task % 2].clone();
            tasks.spawn(async move { admitted(&layer, PEER, 300).await });
        }
        let mut all = tasks.join_all().await.into_iter().sum::<u32>();
        assert!(all <= 1_000, "window {window}: {all}");
        // What one has unused is the other's, once it is given back.
        for layer in &layers {
            layer.handle().drain().await.unwrap();
        }
        site.advance(Duration::from_secs(2)); // refusals are forgotten
        for layer in &layers {
            all += admitted(layer, PEER, 400).await;
            layer.handle().drain().await.unwrap();
        }
        assert_eq!(all, 1_000, "window {window}");
        // Units of this window must not be used in the next.
        site.advance(HOUR);
        site.follow();
    }
}

#[tokio::test]
async fn leases_of_a_window_end_with_it() {
    let site = Site::start().await;
    for store in site.stores() {
        site.flush().await;
        let second = Duration::from_secs(1);
        // Long lives, to be cut by the window.
        let lease = Lease::new().life(60 * second);
        let limit = Limit::new("leased", Quota::aligned(1_000, HOUR)).lease(lease);
        let layer = site.layer(store).limit(limit);
        assert_eq!(admitted(&layer, PEER, 100).await, 100);
        site.advance(HOUR);
        assert_eq!(status(&layer, PEER).await, 200);
        layer.handle().drain().await.unwrap();
        assert_eq!(
            left(&layer).await,
            999,
            "one of the new window, none given back to it"
        );
    }
}

#[tokio::test]
async fn a_reset_and_a_ban_void_what_is_leased_here() {
    let site = Site::start().await;
    for store in site.stores() {
        site.flush().await;
        let layer = site.layer(store).limit(LEASED);
        let limit = layer.handle().limit("leased").unwrap();
        assert_eq!(admitted(&layer, PEER, 100).await, 100);
        limit.reset(peer(&layer)).await.unwrap();
        assert_eq!(left(&layer).await, 1_000);
        assert_eq!(status(&layer, PEER).await, 200);
        layer.handle().drain().await.unwrap();
        assert_eq!(
            left(&layer).await,
            999,
            "nothing came back that was taken before"
        );

        assert_eq!(admitted(&layer, PEER, 100).await, 100);
        limit.ban(peer(&layer), HOUR).await.unwrap();
        assert_eq!(admitted(&layer, PEER, 20).await, 0);
        limit.reset(peer(&layer)).await.unwrap();
        assert_eq!(admitted(&layer, PEER, 20).await, 20);
    }
}

/// A ban whose answer was lost left leases in use.
#[tokio::test]
async fn a_ban_that_was_heard_though_its_answer_was_lost_voids_them_too() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(LEASED);
    let limit = layer.handle().limit("leased").unwrap();
    assert_eq!(admitted(&layer, PEER, 100).await, 100);
    limit.charge("other", 1).await.unwrap(); // loads the script
    site.server.faults().inject(Fault::DropAfter.times(1));
    limit.ban(peer(&layer), HOUR).await.unwrap_err();
    assert_eq!(admitted(&layer, PEER, 20).await, 0);
}

/// A charge made what was leased void, and so cost as much as that.
#[tokio::test]
async fn a_charge_costs_what_it_says() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(LEASED);
    let limit = layer.handle().limit("leased").unwrap();
    assert_eq!(admitted(&layer, PEER, 100).await, 100);
    limit.charge(peer(&layer), 7).await.unwrap();
    layer.handle().drain().await.unwrap();
    assert_eq!(left(&layer).await, 893);
}

#[tokio::test]
async fn what_is_left_counts_what_is_at_hand() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(LEASED);
    for used in 1..=200 {
        let answer = send(&layer, PEER).await;
        assert_eq!(remaining(&answer), [1_000 - used]);
        let header = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        assert!(header.contains(&format!(";r={}", 1_000 - used)), "{header}");
    }
}

#[tokio::test]
async fn while_the_store_is_away_what_is_leased_is_used_up_first() {
    let site = Site::start().await;
    let limit = LEASED.on_store_error(OnStoreError::Refuse);
    let layer = site.layer(site.http().build().unwrap()).limit(limit);
    assert_eq!(admitted(&layer, PEER, 100).await, 100);
    let at_hand = 900 - left(&layer).await;
    assert!(at_hand > 0);
    site.server.faults().inject(Fault::DropBefore);
    for _ in 0..at_hand {
        assert_eq!(status(&layer, PEER).await, 200);
    }
    for _ in 0..3 {
        assert_eq!(status(&layer, PEER).await, 503);
    }
    site.server.faults().clear();
    assert_eq!(status(&layer, PEER).await, 200);
    layer.handle().drain().await.unwrap();
    assert_eq!(left(&layer).await, 900 - at_hand - 1);
}

#[tokio::test]
async fn a_drain_that_fails_says_so_and_loses_no_more_than_its_trip() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap()).limit(LEASED);
    assert_eq!(admitted(&layer, PEER, 100).await, 100);
    let before = left(&layer).await;
    site.server.faults().inject(Fault::DropBefore.times(1));
    layer.handle().drain().await.unwrap_err();
    assert_eq!(
        left(&layer).await,
        before,
        "the limit errs towards refusing"
    );
    layer.handle().drain().await.unwrap();
    assert_eq!(admitted(&layer, PEER, 10).await, 10);
}
