//! How the store is set up, and what it shows of that.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tower_upstash::store::{
    ErrorKind, Kind, RedisStore, RedisStoreBuilder, Result, Scope, SharedStore, Store,
};

use super::server::{PATIENCE, Server, eventually};

#[test]
fn malformed_url_is_named_but_not_shown() {
    for (url, message) in [
        ("https://:hunter2@eu1.upstash.io", "UpstashStore"),
        ("hunter2", "begins with redis://"),
        ("mysql://:hunter2@host/", "begins with redis://"),
        ("redis://:hunter2@", "cannot be read"),
        ("redis://:hunter2/x@host/", "cannot be read"),
        ("redis://:hunter2@host/hunter2", "not valid"),
        ("redis://:hunter2@0.0.0.0/", "not valid"),
        ("redis://:%ff%fehunter2@host/", "not valid"),
        ("redis://:hunter2@host/?protocol=hunter2", "not valid"),
    ] {
        let error = RedisStore::new(url).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(message), "{url}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn password_is_shown_nowhere() {
    let builder = RedisStore::builder("redis://alice:hunter2@host/");
    assert!(!format!("{builder:?}").contains("hunter2"));
    let store = builder.build().unwrap();
    let shared = SharedStore::new(store.clone());
    assert!(!format!("{store:?}{shared:?}").contains("hunter2"));
}

#[test]
fn store_is_made_outside_of_a_runtime_and_refuses_calls_there() {
    let store = RedisStore::new("redis://127.0.0.1/").unwrap();
    let error = tokio_test::task::spawn(async move { store.ping().await }).poll();
    assert!(
        matches!(error, std::task::Poll::Ready(Err(error)) if error.kind() == ErrorKind::Invalid)
    );
}

#[tokio::test]
async fn wrong_password_is_told_and_a_right_one_works_later() {
    let server = Server::with(["--requirepass", "secret"]).await;
    let [wrong, right] = ["hunter2", "secret"].map(|password| {
        let url = server.url().replace("127", &format!(":{password}@127"));
        RedisStore::builder(&url)
            .time_limit(PATIENCE)
            .build()
            .unwrap()
    });
    right.ping().await.unwrap();
    let error = wrong.ping().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    // The password is changed on the server: the refused handshake is not remembered for long.
    change_password(&server, "hunter2").await;
    eventually(async || wrong.ping().await.ok()).await;

    let none = server.store().ping().await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn database_that_is_not_there_is_told() {
    let server = Server::start().await;
    for _ in 0..2 {
        let url = format!("{}99?protocol=resp2", server.url());
        let error = RedisStore::new(&url).unwrap().ping().await.unwrap_err();
        assert!(
            error.to_string().contains("number of the database"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn password_that_is_set_later_works_also_with_resp3() {
    let server = Server::with(["--requirepass", "secret"]).await;
    let url = server.url().replace("127", ":later@127") + "?protocol=resp3";
    let store = RedisStore::builder(&url).time_limit(PATIENCE);
    let store = store.build().unwrap();
    assert_eq!(kind(store.ping().await), Some(ErrorKind::Unauthorized));
    change_password(&server, "later").await;
    eventually(async || store.ping().await.ok()).await;
}

#[tokio::test]
async fn connection_that_was_set_up_elsewhere_is_taken_also_with_resp3() {
    let server = Server::start().await;
    for url in [server.url(), format!("{}?protocol=resp3", server.url())] {
        let client = redis::Client::open(url).unwrap();
        let config = ConnectionManagerConfig::new().set_number_of_retries(0);
        let manager = ConnectionManager::new_with_config(client, config)
            .await
            .unwrap();
        let store = SharedStore::new(RedisStoreBuilder::from_client(manager).build().unwrap());
        let (key, log) = (
            Scope::new(Kind::Data, "x").key("y"),
            Scope::new(Kind::Purge, "x"),
        );
        store.put(&key, "1", Duration::from_secs(9)).await.unwrap();
        assert_eq!(store.get(&key).await.unwrap().unwrap().value(), "1");
        let start = store.purges(&log, None).await.unwrap().position;
        assert_eq!(
            store.purges(&log, Some(start)).await.unwrap().position,
            start
        );
        assert!(!store.purges(&log, Some(start)).await.unwrap().complete);
    }
}

/// It served the keys of that node, and a check of the address found nothing.
#[tokio::test]
async fn node_of_a_cluster_is_refused_with_the_reason_whatever_is_asked() {
    let server = Server::node().await;
    // All slots are its own, as those of a larger cluster never are.
    let _: () = server
        .run(&[b"CLUSTER", b"ADDSLOTSRANGE", b"0", b"16383"])
        .await;
    let (client, config) = (
        redis::Client::open(server.url()).unwrap(),
        ConnectionManagerConfig::new().set_number_of_retries(0),
    );
    let manager = ConnectionManager::new_with_config(client, config).await;
    let given = RedisStoreBuilder::from_client(manager.unwrap());
    let key = Scope::new(Kind::Data, "x").key("y");
    for store in [server.store(), given.build().unwrap()] {
        let store = SharedStore::new(store);
        for _ in 0..2 {
            let error = store.ping().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("a node of a cluster"), "{error}");
            let put = store.put(&key, "", PATIENCE).await.unwrap_err();
            assert_eq!(put.kind(), ErrorKind::Unsupported, "{put}");
        }
    }
    assert_eq!(server.run::<u64>(&[b"DBSIZE"]).await, 0);
}

fn kind(result: Result<()>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

#[test]
fn encryption_that_is_not_compiled_in_is_told() {
    let error = RedisStore::new("rediss://:hunter2@host/").unwrap_err();
    assert!(error.to_string().contains("tokio-rustls-comp"), "{error}");
}

async fn change_password(server: &Server, password: &str) {
    let client = redis::Client::open(server.url().replace("127", ":secret@127")).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let mut change = redis::cmd("CONFIG");
    change.arg("SET").arg("requirepass").arg(password);
    change.exec_async(&mut admin).await.unwrap();
}
