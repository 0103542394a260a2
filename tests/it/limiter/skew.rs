//! R8: processes whose clocks differ.

use std::time::Duration;

use tower_upstash::{
    quota::Quota,
    rate_limit::{Limit, RateLimitLayer},
    store::SharedStore,
    time::{Clock as _, ManualClock},
};

use super::site::{HOUR, Site, admitted};

const LIMIT: u32 = 60;
const AHEAD: Duration = Duration::from_secs(5 * 60);

fn quotas() -> [(&'static str, Quota); 4] {
    [
        ("gcra", Quota::per_hour(LIMIT)),
        ("fixed", Quota::fixed(LIMIT, HOUR)),
        ("aligned", Quota::aligned(LIMIT, HOUR)),
        ("strict", Quota::strict(LIMIT, HOUR)),
    ]
}

/// Asks in turns, and returns how much both are admitted together.
async fn together(layers: &[RateLimitLayer; 2]) -> u32 {
    let mut all = 0;
    for _ in 0..LIMIT {
        for layer in layers {
            all += admitted(layer, "192.0.2.1", 1).await;
        }
    }
    all
}

#[tokio::test]
async fn clocks_of_processes_admit_nothing_where_the_store_tells_the_time() {
    let site = Site::start().await;
    let ahead = ManualClock::at(site.clock.now().after(24 * HOUR));
    for (name, quota) in quotas() {
        let [http, tcp]: [SharedStore; 2] = [
            site.http().clock(ahead.clone()).build().unwrap().into(),
            site.tcp().build().unwrap().into(),
        ];
        let layers = [
            RateLimitLayer::new(http).clock(ahead.clone()),
            site.layer(tcp),
        ];
        let layers = layers.map(|layer| layer.limit(Limit::new(name, quota)));
        let all = together(&layers).await;
        // A unit of GCRA comes back in a minute: the machine may be slow.
        let back = u32::from(name == "gcra");
        assert!((LIMIT..=LIMIT + back).contains(&all), "{name}: {all}");
    }
}

#[tokio::test]
async fn by_clocks_of_clients_gcra_admits_what_they_differ_by_once() {
    let site = Site::start().await;
    let ahead = ManualClock::at(site.clock.now().after(AHEAD));
    let store = |clock: &ManualClock| site.http().clock(clock.clone()).client_clock();
    for (name, quota) in quotas() {
        let layers = [&site.clock, &ahead].map(|clock| {
            let layer = RateLimitLayer::new(store(clock).build().unwrap()).clock(clock.clone());
            layer.limit(Limit::new(name, quota))
        });
        let [behind, ahead] = &layers;
        assert_eq!(
            admitted(behind, "192.0.2.1", 2 * LIMIT).await,
            LIMIT,
            "{name}"
        );
        // Five units come back in five minutes.
        let excess = if name == "gcra" { 5 } else { 0 };
        assert_eq!(
            admitted(ahead, "192.0.2.1", 2 * LIMIT).await,
            excess,
            "{name}"
        );
        assert_eq!(together(&layers).await, 0, "{name}: not again");
    }
}
