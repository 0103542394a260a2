//! A Redis whose clock is moved by hand, the endpoint before it, stores over both, and layers by the same clock.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use local_upstash::{LocalUpstash, RedisServer};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_upstash::{
    body::ResponseBody,
    rate_limit::{RateLimitLayer, Report},
    store::{RedisStore, RedisStoreBuilder, SharedStore, UpstashStore, UpstashStoreBuilder},
    time::{ManualClock, Timestamp},
};

use crate::support::request_from;

/// More than any answer needs, on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const HOUR: Duration = Duration::from_secs(3600);
/// No unit comes back while a test runs.
pub(super) const DECADE: Duration = Duration::from_secs(3650 * 86_400);

pub(super) type Answer = Response<ResponseBody<Full<Bytes>>>;

pub(super) struct Site {
    pub(super) redis: RedisServer,
    pub(super) server: LocalUpstash,
    /// As far ahead as that of Redis, which runs besides.
    pub(super) clock: ManualClock,
}

impl Site {
    /// Starts at the beginning of an hour.
    pub(super) async fn start() -> Self {
        Self::with(|endpoint| endpoint).await
    }

    pub(super) async fn with(
        settings: impl FnOnce(local_upstash::Builder) -> local_upstash::Builder,
    ) -> Self {
        let redis = RedisServer::with_clock().await.unwrap();
        let server = settings(LocalUpstash::builder().redis(&redis));
        let it = Self {
            server: server.start().await.unwrap(),
            redis,
            clock: ManualClock::default(),
        };
        let gone = it.now().as_micros() % HOUR.as_micros();
        it.redis.advance(HOUR - Duration::from_micros(gone as u64));
        it.follow();
        it
    }

    fn now(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.redis.ahead()
    }

    /// Sets the clock to that of Redis.
    pub(super) fn follow(&self) {
        self.clock
            .set(Timestamp::from_micros(self.now().as_micros() as u64));
    }

    pub(super) fn advance(&self, time: Duration) {
        self.redis.advance(time);
        self.clock.advance(time);
    }

    pub(super) fn http(&self) -> UpstashStoreBuilder {
        UpstashStore::builder(&self.server.url(), self.server.token())
            .time_limit(PATIENCE)
            .clock(self.clock.clone())
    }

    pub(super) fn tcp(&self) -> RedisStoreBuilder {
        RedisStore::builder(&self.redis.url())
            .time_limit(PATIENCE)
            .clock(self.clock.clone())
    }

    /// Opens a store over each way.
    pub(super) fn stores(&self) -> [SharedStore; 2] {
        [
            self.http().build().unwrap().into(),
            self.tcp().build().unwrap().into(),
        ]
    }

    /// Makes a layer as a process of its own would.
    pub(super) fn layer(&self, store: impl Into<SharedStore>) -> RateLimitLayer {
        RateLimitLayer::new(store)
            .clock(self.clock.clone())
            .report()
    }

    pub(super) async fn flush(&self) {
        self.redis.command(&["FLUSHALL"]).await.unwrap();
    }

    /// Returns what Redis holds: each key, its value, and when it ends.
    pub(super) async fn held(&self) -> Vec<(String, String, i64)> {
        let ask = async |words: &[&str]| self.redis.command(words).await.unwrap();
        let keys: Vec<String> = redis::from_redis_value(ask(&["KEYS", "*"]).await).unwrap();
        let mut held = Vec::new();
        for key in keys {
            let value = redis::from_redis_value(ask(&["GET", &key]).await).unwrap();
            let ends = redis::from_redis_value(ask(&["PEXPIRETIME", &key]).await).unwrap();
            held.push((key, value, ends));
        }
        held.sort();
        held
    }
}

/// Sends a request from an address through the layer, to a service that answers.
pub(super) async fn send(layer: &RateLimitLayer, peer: &str) -> Answer {
    send_request(layer, request_from(&format!("{peer}:1"))).await
}

pub(super) async fn send_request(layer: &RateLimitLayer, request: Request<Full<Bytes>>) -> Answer {
    let inner = service_fn(async |_: Request<Full<Bytes>>| {
        Ok::<_, Infallible>(Response::new(Full::from("inner")))
    });
    layer.layer(inner).oneshot(request).await.unwrap()
}

pub(super) async fn status(layer: &RateLimitLayer, peer: &str) -> u16 {
    send(layer, peer).await.status().as_u16()
}

/// Asks so many times, and returns how often it was let through. Everything else was a refusal.
pub(super) async fn admitted(layer: &RateLimitLayer, peer: &str, requests: u32) -> u32 {
    let mut admitted = 0;
    for _ in 0..requests {
        match status(layer, peer).await {
            200 => admitted += 1,
            429 => {}
            other => panic!("{other}"),
        }
    }
    admitted
}

/// What is left of the limits by the decisions of an answer.
pub(super) fn remaining(answer: &Answer) -> Vec<u32> {
    let report = answer.extensions().get::<Report>().unwrap();
    report
        .iter()
        .map(|(_, decision)| decision.remaining())
        .collect()
}
