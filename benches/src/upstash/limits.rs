//! What a request through the layer is billed, beside `@upstash/ratelimit` on the same endpoint.

use std::{path::Path, process::Stdio, time::Duration};

use axum::body::Body;
use http::{Request, StatusCode};
use local_upstash::{LocalUpstash, RedisServer};
use tokio::runtime::Runtime;
use tower_layer::Layer;
use tower_service::Service;
use tower_upstash::{
    quota::Quota,
    rate_limit::{By, Lease, Limit, RateLimitLayer},
    store::{UpstashStore, UpstashStoreBuilder},
};

use crate::{
    layer::{self, NoOp},
    npm,
    store::DAY,
    table::{heading, note},
};

const FIXED: &str = "fixedWindow";
const SLIDING: &str = "slidingWindow";
const MANY: u32 = 1_000_000;
const CALLS: u32 = 20;

const USER: Limit = Limit::new("user", Quota::per_hour(MANY)).by(By::header("x-api-key"));
const EVERYONE: Limit = Limit::new("everyone", Quota::per_hour(MANY)).by(By::EVERYONE);
const HOT: Limit = Limit::new("hot", Quota::per_hour(MANY)).lease(Lease::new());

/// Prints commands per request, once scripts are loaded and keys are there.
pub fn print(runtime: &Runtime) {
    heading("billed commands per request, through the layer");
    runtime.block_on(async {
        let redis = RedisServer::start().await.expect("redis-server runs");
        let server = LocalUpstash::builder().redis(&redis).start().await;
        let server = server.expect("a free port");
        if let Some(folder) = npm::install() {
            for algorithm in [FIXED, SLIDING] {
                let commands = theirs(&server, &folder, algorithm).await;
                show(&format!("@upstash/ratelimit, {algorithm}"), commands, None);
            }
        }
        ours(&server).await;
    });
}

async fn ours(server: &LocalUpstash) {
    let shared = |name: &'static str, quota| {
        let store = open(server, |builder| builder.upstash_ratelimit(name, name));
        RateLimitLayer::new(store).limit(Limit::new(name, quota))
    };
    let own = || RateLimitLayer::new(open(server, |builder| builder));
    let by_client = || RateLimitLayer::new(open(server, UpstashStoreBuilder::client_clock));
    let ip = |name| Limit::new(name, Quota::per_hour(MANY));
    let three = |layer: RateLimitLayer, name| layer.limit(ip(name)).limit(USER).limit(EVERYONE);
    for (name, layer, most) in [
        (
            "their layout, fixed window",
            shared(FIXED, Quota::aligned(MANY, DAY)),
            2.0,
        ),
        (
            "their layout, sliding window",
            shared(SLIDING, Quota::sliding(MANY, DAY)),
            4.0,
        ),
        ("one limit: n + 3", own().limit(ip("one")), 4.0),
        ("three limits: n + 3", three(own(), "three"), 6.0),
        (
            "one limit, client's clock: n + 2",
            by_client().limit(ip("clock")),
            3.0,
        ),
        (
            "three limits, client's clock: n + 2",
            three(by_client(), "clocks"),
            5.0,
        ),
    ] {
        let commands = steady(server, &layer, StatusCode::OK, CALLS).await;
        show(name, commands, Some(most));
    }
    let used_up = own().limit(Limit::new("used-up", Quota::per_day(1)));
    send(&used_up, StatusCode::OK, 1).await;
    let refused = steady(server, &used_up, StatusCode::TOO_MANY_REQUESTS, CALLS).await;
    show("refused again, deny cache", refused, Some(0.0));
    let hot = own().limit(HOT);
    send(&hot, StatusCode::OK, 50 * CALLS).await;
    let leased = steady(server, &hot, StatusCode::OK, 100 * CALLS).await;
    show("hot key with leases", leased, Some(0.2));
}

fn open(
    server: &LocalUpstash,
    settings: impl Fn(UpstashStoreBuilder) -> UpstashStoreBuilder,
) -> UpstashStore {
    let builder = UpstashStore::builder(&server.url(), server.token());
    let builder = settings(builder.time_limit(Duration::from_secs(5)));
    builder.build().expect("the URL of the endpoint")
}

/// Returns commands per request, once one was answered.
async fn steady(
    server: &LocalUpstash,
    layer: &RateLimitLayer,
    status: StatusCode,
    requests: u32,
) -> f64 {
    send(layer, status, 1).await;
    let before = server.bill().commands();
    send(layer, status, requests).await;
    (server.bill().commands() - before) as f64 / f64::from(requests)
}

async fn send(layer: &RateLimitLayer, status: StatusCode, requests: u32) {
    let mut service = layer.layer(NoOp);
    for _ in 0..requests {
        let request: Request<Body> = layer::request_with_fields();
        let response = service.call(request).await.expect("it never fails");
        assert_eq!(response.status(), status);
    }
}

/// Asks in a process of Node's: once to load the script and make the keys, then to be billed.
async fn theirs(server: &LocalUpstash, folder: &Path, algorithm: &str) -> f64 {
    let run = async |calls: u32| {
        let mut node = npm::node(folder, "limits.mjs", include_str!("limits.mjs"));
        node.args([algorithm, &calls.to_string()])
            .env("UPSTASH_REDIS_REST_URL", server.url())
            .env("UPSTASH_REDIS_REST_TOKEN", server.token())
            .stdout(Stdio::null());
        // The endpoint runs on the other threads of this runtime meanwhile.
        let ended = tokio::task::block_in_place(|| node.status());
        assert!(ended.expect("node was there a moment ago").success());
    };
    run(1).await;
    let before = server.bill().commands();
    run(CALLS).await;
    (server.bill().commands() - before) as f64 / f64::from(CALLS)
}

fn show(name: &str, commands: f64, most: Option<f64>) {
    let target = most.map_or_else(String::new, |most| format!("≤ {most}"));
    let met = most.map(|most| commands <= most);
    note(name, &format!("{commands:.3}"), &target, met);
}
