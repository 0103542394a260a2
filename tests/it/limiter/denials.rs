//! Refusals that are remembered (R20), over real stores and by clocks that are moved.

use std::time::Duration;

use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::Identifier,
};

use super::site::{HOUR, Site, admitted, send, status};

const PEER: &str = "192.0.2.1";
const TWO: Limit = Limit::new("two", Quota::fixed(2, HOUR));

fn peer(layer: &RateLimitLayer) -> Identifier {
    layer.handle().client(PEER.parse().unwrap())
}

#[tokio::test]
async fn a_reset_is_seen_here_at_once_and_elsewhere_within_a_second() {
    let site = Site::start().await;
    for store in 0..2 {
        site.flush().await;
        let layer = || site.layer(site.stores()[store].clone()).limit(TWO);
        let (here, elsewhere) = (layer(), layer());
        assert_eq!(admitted(&here, PEER, 3).await, 2);
        assert_eq!(status(&elsewhere, PEER).await, 429);
        let limit = here.handle().limit("two").unwrap();
        limit.reset(peer(&here)).await.unwrap();

        assert_eq!(status(&here, PEER).await, 200);
        assert_eq!(status(&elsewhere, PEER).await, 429);
        site.advance(Duration::from_millis(999));
        assert_eq!(status(&elsewhere, PEER).await, 429);
        site.advance(Duration::from_millis(1));
        assert_eq!(status(&elsewhere, PEER).await, 200);
        assert_eq!(status(&elsewhere, PEER).await, 429);
    }
}

#[tokio::test]
async fn what_is_refused_here_is_let_through_as_soon_as_the_store_would() {
    let site = Site::start().await;
    let quick = Limit::new("quick", Quota::fixed(1, Duration::from_secs(60)));
    for store in site.stores() {
        site.flush().await;
        let layer = site.layer(store).limit(quick.clone());
        assert_eq!(admitted(&layer, PEER, 3).await, 1);
        // The clock of Redis has gone on a little, and the layer's has not.
        site.advance(Duration::from_secs(60) - Duration::from_millis(300));
        let refused = send(&layer, PEER).await;
        if refused.status() == 429 {
            assert_eq!(refused.headers()["retry-after"], "1");
        }
        site.advance(Duration::from_millis(301));
        assert_eq!(status(&layer, PEER).await, 200);
    }
}

/// R20: whoever remembers decides as whoever asks.
#[tokio::test]
async fn a_layer_that_remembers_decides_as_one_that_asks_each_time() {
    let site = Site::start().await;
    let gcra = Limit::new("gcra", Quota::per_minute(30).burst(3));
    let window = Limit::new("window", Quota::fixed(20, Duration::from_secs(60)));
    for store in 0..2 {
        site.flush().await;
        let store = site.stores()[store].clone();
        let remembering = site
            .layer(store.clone())
            .limit(gcra.clone())
            .limit(window.clone());
        let mut random = 7_u64;
        let mut refused = 0;
        for step in 0..200 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            site.advance(Duration::from_millis(
                [0, 1, 40, 300, 900, 2_100][(random >> 33) as usize % 6],
            ));
            let decision = {
                let fresh = site
                    .layer(store.clone())
                    .limit(gcra.clone())
                    .limit(window.clone());
                let (gcra, window) = (fresh.handle().limit("gcra"), fresh.handle().limit("window"));
                let key = peer(&fresh);
                let gcra = gcra.unwrap().peek(key.clone()).await.unwrap();
                gcra.allowed() && window.unwrap().peek(key).await.unwrap().allowed()
            };
            // The clock of Redis has gone on since: whatever it allowed then, it allows now.
            site.follow();
            let answered = status(&remembering, PEER).await == 200;
            refused += u32::from(!answered);
            assert!(
                answered >= decision,
                "step {step}: refused what the store allows"
            );
        }
        assert!((20..180).contains(&refused), "{refused}");
    }
}
