//! What a request costs at the endpoint, once its scripts are known there: the numbers of the documentation, exactly.

use local_upstash::NodeSdks;
use tokio::task::JoinSet;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Lease, Limit, RateLimitLayer},
};

use super::site::{HOUR, Site, admitted, status};
use crate::node::{limiter::Limiter, model};

const NAMES: [&str; 3] = ["a", "b", "c"];
const PEER: &str = "192.0.2.1";
const ROUNDS: u64 = 10;

/// Returns commands and HTTP requests.
fn bill(site: &Site) -> (u64, u64) {
    let bill = site.server.bill();
    (bill.commands(), bill.requests())
}

/// Sends some requests that pass, and returns what each of them costs, which is the same for all.
async fn steady(site: &Site, layer: &RateLimitLayer, peer: &str) -> (u64, u64) {
    // Loads scripts, and begins windows.
    assert_eq!(admitted(layer, peer, 3).await, 3);
    let mut each = None;
    for _ in 0..ROUNDS {
        site.server.bill().reset();
        assert_eq!(status(layer, peer).await, 200);
        let cost = bill(site);
        assert_eq!(*each.get_or_insert(cost), cost);
    }
    each.unwrap()
}

#[tokio::test]
async fn n_limits_cost_n_and_three_commands_in_one_request() {
    let site = Site::start().await;
    for by_client in [false, true] {
        for n in 1..=3 {
            let store = if by_client {
                site.http().client_clock()
            } else {
                site.http()
            };
            let layer = NAMES[..n]
                .iter()
                .fold(site.layer(store.build().unwrap()), |layer, name| {
                    layer.limit(Limit::new(name, Quota::fixed(1000, HOUR)))
                });
            let fixed = if by_client { 2 } else { 3 };
            let cost = steady(&site, &layer, PEER).await;
            assert_eq!(cost, (n as u64 + fixed, 1), "{n} limits");
        }
    }
}

#[tokio::test]
async fn the_commonest_limit_costs_four_commands() {
    let site = Site::start().await;
    let layer = site.layer(site.http().build().unwrap());
    let layer = layer.limit(Limit::new("api", Quota::per_minute(60)));
    assert_eq!(steady(&site, &layer, PEER).await, (4, 1));
}

#[tokio::test]
async fn a_refusal_costs_three_commands_and_then_none_for_a_second() {
    let site = Site::start().await;
    for (by_client, expected) in [(false, 3), (true, 2)] {
        let store = || {
            let store = site.http();
            let store = if by_client {
                store.client_clock()
            } else {
                store
            };
            store.build().unwrap()
        };
        for n in 1..=3 {
            site.flush().await;
            let layer = || {
                NAMES[..n].iter().fold(site.layer(store()), |layer, name| {
                    layer.limit(Limit::new(name, Quota::fixed(2, HOUR)))
                })
            };
            // Another process uses it up.
            assert_eq!(admitted(&layer(), PEER, 3).await, 2);
            let layer = layer();
            for cost in [(expected, 1), (0, 0), (0, 0)] {
                site.server.bill().reset();
                assert_eq!(status(&layer, PEER).await, 429);
                assert_eq!(bill(&site), cost, "{n} limits");
            }
            site.advance(std::time::Duration::from_millis(999));
            assert_eq!(status(&layer, PEER).await, 429);
            assert_eq!(bill(&site), (0, 0), "{n} limits");
            site.advance(std::time::Duration::from_millis(1));
            assert_eq!(status(&layer, PEER).await, 429);
            assert_eq!(bill(&site), (expected, 1), "{n} limits");
        }
    }
}

#[tokio::test]
async fn what_counts_only_after_its_response_costs_one_trip_more_to_give_back() {
    let site = Site::start().await;
    for (counted, expected) in [(true, (4, 1)), (false, (8, 2))] {
        let login = Limit::new("login", Quota::fixed(1000, HOUR)).count_with(move |_| counted);
        let layer = site.layer(site.http().build().unwrap()).limit(login);
        assert_eq!(steady(&site, &layer, PEER).await, expected);
    }
}

#[tokio::test]
async fn a_hot_key_costs_a_fifth_of_a_command_at_most() {
    const REQUESTS: u32 = 1_000;
    const CALLERS: u32 = 64;
    let site = Site::start().await;
    let hot = Limit::new("hot", Quota::aligned(1_000_000, HOUR)).lease(Lease::new());
    let layer = site.layer(site.http().build().unwrap()).limit(hot.clone());
    assert_eq!(admitted(&layer, PEER, REQUESTS).await, REQUESTS);
    let (commands, requests) = bill(&site);
    eprintln!("leased, one after the other: {commands} commands, {requests} trips for {REQUESTS}");
    assert!(commands * 5 <= u64::from(REQUESTS), "{commands}");

    let layer = site.layer(site.http().build().unwrap()).limit(hot);
    site.server.bill().reset();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let layer = layer.clone();
        callers.spawn(async move { admitted(&layer, "192.0.2.2", 50).await });
    }
    let all = callers.join_all().await.into_iter().sum::<u32>();
    assert_eq!(all, CALLERS * 50);
    let (commands, requests) = bill(&site);
    eprintln!("leased, {CALLERS} at once: {commands} commands, {requests} trips for {all}");
    assert!(commands * 5 <= u64::from(all), "{commands}");
}

/// In one run, on one endpoint, on the same keys.
#[tokio::test]
async fn a_shared_limit_costs_no_more_than_that_of_node() {
    let Some(sdks) = NodeSdks::install().await.unwrap() else {
        return;
    };
    let site = Site::start().await;
    let mut node = Limiter::start(sdks, &site.server);
    let now = |site: &Site| tower_upstash::time::Clock::now(&site.clock).as_micros() / 1000;
    for (algorithm, name, quota, expected) in [
        (
            model::Algorithm::Fixed,
            "fixed",
            Quota::aligned(1000, HOUR),
            2,
        ),
        (
            model::Algorithm::Sliding,
            "sliding",
            Quota::sliding(1000, HOUR),
            3,
        ),
        (
            model::Algorithm::Bucket,
            "bucket",
            Quota::token_bucket(1000, HOUR),
            4,
        ),
    ] {
        let limit = model::Limit {
            algorithm,
            limit: 1000,
            window: HOUR.as_millis() as u64,
            refill: 1000,
        };
        site.flush().await;
        let store = site.http().upstash_ratelimit(name, "p").build().unwrap();
        let layer = site.layer(store).limit(Limit::new(name, quota));
        let ours = steady(&site, &layer, PEER).await;
        assert_eq!(ours, (expected, 1), "{name}");

        let mut theirs = 0;
        for round in 0..ROUNDS {
            site.server.bill().reset();
            let (success, left) = node.limit(&limit, PEER, 1, now(&site)).await;
            // They count on what our requests have left.
            assert_eq!((success, left), (true, 1000 - 13 - round - 1), "{name}");
            theirs = bill(&site).0;
        }
        eprintln!(
            "{name}: ours {} commands a request, theirs {theirs}",
            ours.0
        );
        assert!(ours.0 <= theirs, "{name}: theirs cost {theirs}");
    }
}
