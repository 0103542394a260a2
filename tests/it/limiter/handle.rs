//! The handle over real stores.

use std::time::Duration;

use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Limit, RateLimitLayer},
    store::{ErrorKind, Identifier, SharedStore},
};

use super::site::{HOUR, Site, admitted, send, status};

const PEER: &str = "192.0.2.1";
const TEN: Limit = Limit::new("ten", Quota::aligned(10, HOUR));

fn peer(layer: &RateLimitLayer) -> Identifier {
    layer.handle().client(PEER.parse().unwrap())
}

/// Both stores, with the limit in our layout and in that of `@upstash/ratelimit`.
fn stores(site: &Site) -> [(SharedStore, bool); 4] {
    let [http, tcp] = site.stores();
    [
        (http, false),
        (tcp, false),
        (
            site.http()
                .upstash_ratelimit("ten", "p")
                .build()
                .unwrap()
                .into(),
            true,
        ),
        (
            site.tcp()
                .upstash_ratelimit("ten", "p")
                .build()
                .unwrap()
                .into(),
            true,
        ),
    ]
}

#[tokio::test]
async fn the_handle_and_the_layer_count_together() {
    let site = Site::start().await;
    for (store, _) in stores(&site) {
        site.flush().await;
        let layer = site.layer(store).limit(TEN);
        let limit = layer.handle().limit("ten").unwrap();
        assert_eq!(admitted(&layer, PEER, 3).await, 3);
        let peeked = limit.peek(peer(&layer)).await.unwrap();
        // It tells what is left, and takes none of it.
        assert_eq!((peeked.allowed(), peeked.remaining()), (true, 7));
        assert_eq!(limit.check(peer(&layer)).await.remaining(), 6);
        assert!(!limit.check_units(peer(&layer), 7).await.allowed());
        assert!(limit.check_units(peer(&layer), 6).await.allowed());
        assert_eq!(status(&layer, PEER).await, 429);
        assert!(!limit.check(peer(&layer)).await.allowed());
        assert!(!limit.peek(peer(&layer)).await.unwrap().allowed());
        limit.reset(peer(&layer)).await.unwrap();
        assert_eq!(admitted(&layer, PEER, 11).await, 10);
    }
}

#[tokio::test]
async fn a_charge_may_overdraw_and_is_repaid_first() {
    let site = Site::start().await;
    for store in site.stores() {
        site.flush().await;
        // A unit in six seconds.
        let layer = site
            .layer(store)
            .limit(Limit::new("debt", Quota::per_minute(10)));
        let limit = layer.handle().limit("debt").unwrap();
        assert_eq!(status(&layer, PEER).await, 200);
        let charged = limit.charge(peer(&layer), 29).await.unwrap();
        assert_eq!(charged.remaining(), 0);
        let refused = send(&layer, PEER).await;
        assert_eq!(refused.status(), 429);
        let wait: u64 = refused.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((110..=126).contains(&wait), "{wait}");
        site.advance(Duration::from_secs(60));
        assert_eq!(status(&layer, PEER).await, 429);
        site.advance(Duration::from_secs(66));
        assert_eq!(status(&layer, PEER).await, 200);
    }
}

#[tokio::test]
async fn a_ban_lasts_its_time_whatever_is_left_and_can_be_lifted() {
    let site = Site::start().await;
    for (store, is_theirs) in stores(&site) {
        site.flush().await;
        let layer = site.layer(store.clone()).limit(TEN);
        let elsewhere = site.layer(store).limit(TEN);
        let limit = layer.handle().limit("ten").unwrap();
        assert_eq!(status(&layer, PEER).await, 200);
        let ban = limit.ban(peer(&layer), 2 * HOUR).await;
        if is_theirs {
            assert_eq!(ban.unwrap_err().kind(), ErrorKind::Unsupported);
            assert_eq!(status(&layer, PEER).await, 200);
            continue;
        }
        ban.unwrap();
        for layer in [&layer, &elsewhere] {
            let refused = send(layer, PEER).await;
            assert_eq!(refused.status(), 429);
            let wait: u64 = refused.headers()["retry-after"]
                .to_str()
                .unwrap()
                .parse()
                .unwrap();
            assert!((7_100..=7_200).contains(&wait), "{wait}");
        }
        // Longer than a window: it is still a ban.
        site.advance(HOUR);
        assert_eq!(status(&layer, PEER).await, 429);
        assert_eq!(status(&layer, "192.0.2.2").await, 200);
        site.advance(HOUR);
        assert_eq!(status(&layer, PEER).await, 200);

        limit.ban(peer(&layer), HOUR).await.unwrap();
        assert_eq!(status(&layer, PEER).await, 429);
        limit.reset(peer(&layer)).await.unwrap();
        assert_eq!(admitted(&layer, PEER, 12).await, 10);
    }
}

#[tokio::test]
async fn a_handle_names_clients_as_requests_do() {
    let site = Site::start().await;
    for store in site.stores() {
        site.flush().await;
        let key = Limit::new("key", Quota::fixed(1, HOUR)).by(By::header("x-api-key"));
        let layer = site.layer(store).limit(key);
        let limit = layer.handle().limit("key").unwrap();
        assert!(limit.check(Identifier::secret("k")).await.allowed());
        let request = http::Request::builder().header("x-api-key", "k");
        let request = request.body(http_body_util::Full::default()).unwrap();
        let refused = super::site::send_request(&layer, request).await;
        assert_eq!(refused.status(), 429);
    }
}
