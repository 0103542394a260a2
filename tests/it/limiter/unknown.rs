//! R18: a call whose outcome is unknown is never sent again.

use local_upstash::Fault;
use tower_upstash::{
    quota::Quota,
    rate_limit::{Lease, Limit, OnStoreError, RateLimitLayer},
};

use super::site::{HOUR, Site, admitted, status};

const PEER: &str = "192.0.2.1";

async fn used(layer: &RateLimitLayer) -> u32 {
    let handle = layer.handle();
    let key = handle.client(PEER.parse().unwrap());
    10 - handle
        .limit("ten")
        .unwrap()
        .peek(key)
        .await
        .unwrap()
        .remaining()
}

fn layer(site: &Site, on_error: OnStoreError) -> RateLimitLayer {
    let limit = Limit::new("ten", Quota::aligned(10, HOUR)).on_store_error(on_error);
    site.layer(site.http().build().unwrap()).limit(limit)
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_is_charged_once_at_most() {
    let site = Site::start().await;
    for (fault, charged) in [
        (Fault::DropAfter, 1),
        (Fault::Truncated, 1),
        (Fault::CutJson, 1),
        (Fault::DropBefore, 0),
        (Fault::Reset, 0),
        (Fault::Garbage, 0),
        (Fault::Html(502), 0),
        (Fault::WrongToken, 0),
        (Fault::QuotaExceeded, 0),
    ] {
        for (policy, expected) in [(OnStoreError::Allow, 200), (OnStoreError::Refuse, 503)] {
            site.flush().await;
            let layer = layer(&site, policy);
            assert_eq!(status(&layer, PEER).await, 200);
            let before = site.server.bill().requests();
            site.server.faults().inject(fault.clone().times(1));
            assert_eq!(status(&layer, PEER).await, expected, "{fault:?}");
            assert_eq!(
                site.server.bill().requests(),
                before + 1,
                "{fault:?}: sent again"
            );
            assert_eq!(used(&layer).await, 1 + charged, "{fault:?}");
            // The next request is charged for itself.
            assert_eq!(status(&layer, PEER).await, 200);
            assert_eq!(used(&layer).await, 2 + charged, "{fault:?}");
        }
    }
}

/// The script is not known any more: nothing has run, so this one is sent again.
#[tokio::test]
async fn scripts_that_redis_forgot_are_charged_once() {
    let site = Site::start().await;
    let layer = layer(&site, OnStoreError::Refuse);
    for asked in 1..=5 {
        site.server.faults().inject(Fault::ScriptsLost.times(1));
        assert_eq!(status(&layer, PEER).await, 200);
        assert_eq!(used(&layer).await, asked);
    }
}

/// Of a connection that breaks nobody knows what was heard: such a moment may count twice, and never more.
#[tokio::test]
async fn what_was_counted_here_and_there_is_charged_twice_at_most() {
    let site = Site::start().await;
    let layer = layer(&site, OnStoreError::CountLocally);
    assert_eq!(status(&layer, PEER).await, 200);
    site.server.faults().inject(Fault::DropAfter.times(1));
    assert_eq!(status(&layer, PEER).await, 200);
    assert_eq!(used(&layer).await, 2);
    assert_eq!(admitted(&layer, PEER, 1).await, 1);
    assert_eq!(used(&layer).await, 4, "one twice, and none lost");
    assert_eq!(admitted(&layer, PEER, 1).await, 1);
    assert_eq!(used(&layer).await, 5, "it is over");
}

/// Units that were in a call of unknown outcome may have been debited: they are not handed out.
#[tokio::test]
async fn leases_whose_answer_is_lost_are_never_handed_out() {
    let site = Site::start().await;
    for fault in [Fault::DropAfter, Fault::CutJson, Fault::DropBefore] {
        site.flush().await;
        let limit = Limit::new("ten", Quota::aligned(200, HOUR))
            .lease(Lease::new())
            .on_store_error(OnStoreError::Refuse);
        let layer = site.layer(site.http().build().unwrap()).limit(limit);
        let mut passed = 0;
        for request in 0..400 {
            if request % 7 == 3 {
                site.server.faults().inject(fault.clone().times(1));
            }
            passed += u32::from(status(&layer, PEER).await == 200);
        }
        site.server.faults().clear();
        assert!((40..=200).contains(&passed), "{fault:?}: {passed}");
    }
}
