//! The store over TCP, on a real server.

mod costs;
mod faults;
mod handshake;
mod log;
mod server;
mod setup;

use std::{future::ready, sync::Arc, time::Duration};

use local_upstash::RedisServer;
use tower_upstash::store::{
    MeteredStore, PrefixedStore, RedisStore, SharedStore,
    conformance::{self, Fixture},
};

async fn conforms<S: Into<SharedStore>>(adapt: impl FnOnce(RedisStore) -> S) {
    let redis = Arc::new(RedisServer::with_clock().await.unwrap());
    let store = RedisStore::builder(&redis.url()).time_limit(server::PATIENCE);
    let fixture = Fixture::new(adapt(store.build().unwrap()), move |time| {
        redis.advance(time + Duration::from_millis(5)); // its times to live are whole milliseconds
        ready(())
    });
    if let Err(violations) = conformance::check(&fixture).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test]
async fn redis_store_conforms() {
    conforms(|redis| redis).await;
}

/// The commands in its documentation are all there are.
#[tokio::test]
async fn redis_store_conforms_with_no_more_permissions_than_it_asks_for() {
    let commands = "decrby del eval evalsha exists get hmget hset incrby mget pexpire pexpireat ping set time zadd zcard \
         zcount zmscore zrange zrem zremrangebyscore auth hello client select";
    let redis = Arc::new(RedisServer::with_clock().await.unwrap());
    let allowed: Vec<_> = (commands.split(' '))
        .map(|name| format!("+{name}"))
        .collect();
    let mut user = vec!["ACL", "SETUSER", "limited", "on", ">secret", "~*", "-@all"];
    user.extend(allowed.iter().map(String::as_str));
    redis.command(&user).await.unwrap();
    let url = redis.url().replace("127", "limited:secret@127");
    let store = RedisStore::builder(&url).time_limit(Duration::from_secs(5)); // for a busy machine
    let fixture = Fixture::new(store.build().unwrap(), move |time| {
        redis.advance(time + Duration::from_millis(5));
        ready(())
    });
    if let Err(violations) = conformance::check(&fixture).await {
        panic!("{violations:#?}");
    }
}

#[tokio::test]
async fn redis_store_conforms_under_adapters() {
    conforms(|redis| PrefixedStore::new(MeteredStore::new(redis), "a:b%3A\0")).await;
}
