//! A Redis, an endpoint before it, and stores over both ways to it.

use std::time::Duration;

use local_upstash::{Builder, LocalUpstash, RedisServer};
use tower_upstash::store::{RedisStore, UpstashStore, UpstashStoreBuilder};

use super::PATIENCE;

/// How long what a test writes lives.
pub(super) const TTL: Duration = Duration::from_secs(600);

pub(super) struct Site {
    pub(super) redis: RedisServer,
    pub(super) server: LocalUpstash,
}

impl Site {
    pub(super) async fn start() -> Self {
        Self::with(|endpoint| endpoint).await
    }

    pub(super) async fn with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let redis = RedisServer::start().await.unwrap();
        let server = settings(LocalUpstash::builder().redis(&redis));
        let server = server.start().await.unwrap();
        Self { redis, server }
    }

    pub(super) fn builder(&self) -> UpstashStoreBuilder {
        UpstashStore::builder(&self.server.url(), self.server.token()).time_limit(PATIENCE)
    }

    pub(super) fn over_http(&self) -> UpstashStore {
        self.builder().build().unwrap()
    }

    pub(super) fn over_tcp(&self) -> RedisStore {
        let store = RedisStore::builder(&self.redis.url()).time_limit(PATIENCE);
        store.build().unwrap()
    }

    /// Returns the text of a key, as Redis itself has it.
    pub(super) async fn held(&self, key: &str) -> Option<String> {
        match self.redis.command(&["GET", key]).await.unwrap() {
            redis::Value::BulkString(bytes) => Some(String::from_utf8(bytes).unwrap()),
            redis::Value::Nil => None,
            other => panic!("{other:?}"),
        }
    }
}
