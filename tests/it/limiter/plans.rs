//! R13: plans that change while a key is in use, and programs that count otherwise than the one before.

use http::Request;
use http_body_util::Full;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use tower_upstash::{
    quota::{Algorithm, Quota},
    rate_limit::{By, Event, Limit, RateLimitLayer},
};

use super::site::{Answer, HOUR, Site, admitted, remaining, send_request};

/// Counts what the store could not answer.
fn failures(layer: RateLimitLayer) -> (RateLimitLayer, Arc<AtomicU32>) {
    let failures = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&failures);
    let layer = layer.on_event(move |event| {
        if let Event::StoreError { .. } = event {
            told.fetch_add(1, Ordering::SeqCst);
        }
    });
    (layer, failures)
}

async fn ask(layer: &RateLimitLayer, plan: &str) -> Answer {
    let request = Request::builder().header("x-plan", plan);
    send_request(layer, request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn a_change_of_plan_is_no_error_and_no_free_burst() {
    let site = Site::start().await;
    for store in site.stores() {
        for (name, free, paid, kept) in [
            ("gcra", Quota::per_hour(10), Quota::per_hour(100), 80),
            ("fixed", Quota::fixed(10, HOUR), Quota::fixed(100, HOUR), 8),
            (
                "aligned",
                Quota::aligned(10, HOUR),
                Quota::aligned(100, HOUR),
                8,
            ),
            (
                "sliding",
                Quota::sliding(10, HOUR),
                Quota::sliding(100, HOUR),
                8,
            ),
            (
                "strict",
                Quota::strict(10, HOUR),
                Quota::strict(100, HOUR),
                8,
            ),
        ] {
            let limit = Limit::new(name, free)
                .by(By::EVERYONE)
                .plan_with(move |parts| (parts.headers["x-plan"] == "paid").then_some(paid));
            site.flush().await;
            let (layer, failures) = failures(site.layer(store.clone()).limit(limit));
            for _ in 0..8 {
                assert_eq!(ask(&layer, "free").await.status(), 200);
            }
            let up = ask(&layer, "paid").await;
            assert_eq!(up.status(), 200);
            let left = 100 - kept - 1;
            let back = u32::from(name == "gcra"); // a unit in 36 s
            let [now] = remaining(&up)[..] else {
                panic!("one limit")
            };
            assert!((left..=left + back).contains(&now), "{name}: {now}");
            // Down again, and up: whoever goes to and fro wins nothing.
            let mut all = 9;
            for _ in 0..30 {
                for plan in ["free", "paid"] {
                    all += u32::from(ask(&layer, plan).await.status() == 200);
                }
            }
            assert!(all <= 100, "{name}: {all}");
            assert_eq!(failures.load(Ordering::SeqCst), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn another_algorithm_finds_nothing_of_the_one_before() {
    let site = Site::start().await;
    let quotas = [
        Quota::per_hour(5),
        Quota::fixed(5, HOUR),
        Quota::aligned(5, HOUR),
        Quota::sliding(5, HOUR),
        Quota::strict(5, HOUR),
        Quota::token_bucket(5, HOUR),
    ];
    for before in quotas {
        for after in quotas {
            // Each a program of its own: one has one quota for a name.
            for store in 0..2 {
                site.flush().await;
                let layer = |quota| {
                    let layer = site.layer(site.stores()[store].clone());
                    failures(layer.limit(Limit::new("api", quota)))
                };
                let (old, _) = layer(before);
                assert_eq!(admitted(&old, "192.0.2.1", 7).await, 5);
                let (new, failures) = layer(after);
                // A window is a window, wherever it begins.
                let windows = [Algorithm::FixedWindow, Algorithm::AlignedWindow];
                let algorithms = [before.algorithm(), after.algorithm()];
                let same = algorithms[0] == algorithms[1]
                    || algorithms.iter().all(|each| windows.contains(each));
                let expected = if same { 0 } else { 5 };
                let what = format!("{before:?}, then {after:?}");
                assert_eq!(admitted(&new, "192.0.2.1", 7).await, expected, "{what}");
                assert_eq!(failures.load(Ordering::SeqCst), 0, "{what}");
            }
        }
    }
}
