//! A global database whose replica lags behind: what a read of a session does not find there is asked for on the primary.

use std::sync::{Arc, OnceLock};

use local_upstash::{Fault, Faults, LocalUpstash, RedisServer};
use tower_upstash::store::{
    Batch, Entry, ErrorKind, Key, Kind, Scope, SharedStore, Store as _, UpstashStore,
    UpstashStoreBuilder, Write,
};

use super::{PATIENCE, site::TTL};

struct Global {
    primary: RedisServer,
    replica: RedisServer,
    server: LocalUpstash,
    faults: Arc<OnceLock<Faults>>,
}

impl Global {
    /// Starts an endpoint. Where `faults` are set, the second request runs into one.
    async fn start() -> Self {
        let primary = RedisServer::start().await.unwrap();
        let replica = RedisServer::start().await.unwrap();
        let faults = Arc::<OnceLock<Faults>>::default();
        let later = Arc::clone(&faults);
        let server = LocalUpstash::builder()
            .redis(&primary)
            .lagging_replica(&replica)
            .on_request(move |_| {
                if let Some(faults) = later.get() {
                    faults.inject(Fault::DropBefore);
                }
            });
        let server = server.start().await.unwrap();
        Self {
            primary,
            replica,
            server,
            faults,
        }
    }

    fn builder(&self) -> UpstashStoreBuilder {
        UpstashStore::builder(&self.server.url(), self.server.token()).time_limit(PATIENCE)
    }

    /// Opens a store as another process would: it has seen nothing yet.
    fn open(&self) -> UpstashStore {
        self.builder().global(1).build().unwrap()
    }

    /// Opens a store, to a server that knows the script.
    async fn open_warm(&self) -> UpstashStore {
        let warm = self.open().read(&[session("warm")]).await.unwrap();
        assert!(warm[0].is_none());
        self.server.bill().reset();
        self.open()
    }

    async fn hold(&self, redis: &RedisServer, key: &Key, value: &str) {
        redis
            .command(&["SET", &key.to_text(), value])
            .await
            .unwrap();
    }

    fn is_billed(&self, store: &UpstashStore, trips: u64, commands: u64) {
        let (usage, bill) = (store.usage(), self.server.bill());
        assert_eq!((usage.trips, usage.commands), (trips, commands));
        assert_eq!((bill.requests(), bill.commands()), (trips, commands));
    }
}

fn session(id: &str) -> Key {
    Scope::new(Kind::Session, "replica").key(id)
}

fn text(entry: Option<&Entry>) -> Option<&str> {
    entry.map(|entry| str::from_utf8(entry.value()).unwrap())
}

#[tokio::test]
async fn a_session_that_a_replica_has_not_seen_is_found() {
    let global = Global::start().await;
    let elsewhere = SharedStore::from(global.open());
    let (key, value) = (session("a"), b"\xFF\x00 not text");
    elsewhere.put(&key, &value[..], TTL).await.unwrap();
    let store = global.open_warm().await;
    let entries = store.read(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(entries[0].as_ref().unwrap().value(), &value[..]);
    global.is_billed(&store, 2, 3); // GET; EVALSHA and MGET
    // What has been seen once is seen again: the replica catches up with the last answer before it gives the next.
    let again = store.read(&[key]).await.unwrap();
    assert_eq!(
        again[0].as_ref().unwrap().version(),
        entries[0].as_ref().unwrap().version()
    );
    global.is_billed(&store, 3, 4);
}

#[tokio::test]
async fn an_answer_of_the_primary_is_of_one_instant() {
    let global = Global::start().await;
    let (old, new) = (session("old"), session("new"));
    global.hold(&global.replica, &old, "before").await;
    global.hold(&global.primary, &new, "rotated").await;
    let store = global.open_warm().await;
    let entries = store.read(&[old, new]).await.unwrap();
    let seen = [text(entries[0].as_ref()), text(entries[1].as_ref())];
    assert_eq!(seen, [None, Some("rotated")]);
    global.is_billed(&store, 2, 3);
}

#[tokio::test]
async fn a_session_that_is_nowhere_costs_one_trip_more_and_one_that_is_here_none() {
    let global = Global::start().await;
    let (here, nowhere) = (session("here"), session("nowhere"));
    global.hold(&global.replica, &here, "seen").await;
    let store = global.open_warm().await;
    let found = store.read(std::slice::from_ref(&here)).await.unwrap();
    assert_eq!(text(found[0].as_ref()), Some("seen"));
    global.is_billed(&store, 1, 1);
    let none = store.read(&[nowhere]).await.unwrap();
    assert!(none[0].is_none());
    global.is_billed(&store, 3, 4);
}

#[tokio::test]
async fn only_sessions_of_a_global_database_are_confirmed() {
    let global = Global::start().await;
    let data = Scope::new(Kind::Data, "replica").key("a");
    for key in [&data, &session("a"), &session("here")] {
        global.hold(&global.primary, key, "new").await;
    }
    global
        .hold(&global.replica, &session("here"), "lags behind")
        .await;
    let store = global.open_warm().await;
    let entries = store.read(&[data, session("here")]).await.unwrap();
    assert!(entries[0].is_none());
    assert_eq!(text(entries[1].as_ref()), Some("lags behind"));
    global.is_billed(&store, 1, 1);

    let regional = global.builder().build().unwrap();
    let entries = regional.read(&[session("a")]).await.unwrap();
    assert!(entries[0].is_none());
    assert_eq!(regional.usage().trips, 1);
}

#[tokio::test]
async fn a_session_that_cannot_be_confirmed_is_not_taken_for_missing() {
    let global = Global::start().await;
    let store = global.open_warm().await;
    let faults = global.server.faults().clone();
    global.faults.set(faults).unwrap();
    let error = store.read(&[session("a")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(store.usage().trips, 2);
}

#[tokio::test]
async fn what_a_process_has_written_it_reads_back_from_a_replica_that_lags() {
    let global = Global::start().await;
    let store = global.open();
    let data = Scope::new(Kind::Data, "replica").key("a");
    let batch = Batch::from([
        Write::put(data.clone(), "mine", TTL),
        Write::put(session("a"), "mine", TTL),
    ]);
    assert!(store.write(&batch).await.unwrap().is_done());
    let trips = store.usage().trips;
    let entries = store.read(&[data, session("a")]).await.unwrap();
    let seen = [text(entries[0].as_ref()), text(entries[1].as_ref())];
    assert_eq!(seen, [Some("mine"); 2]);
    assert_eq!(store.usage().trips, trips + 1);
}
