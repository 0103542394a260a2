//! What the store gets to see.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tower_upstash::{
    response_cache::{CachePolicy, Reason},
    store::{
        Batch, Change, Claim, Cursor, Decisions, Entries, Identifier, Key, Members, MemoryStore,
        Position, Purge, Purges, Result, Scope, SharedStore, Store, Written,
    },
    time::ManualClock,
};

use super::app::{Origin, Site, answer, get, get_with, request};

/// A store that remembers every byte that it is told.
#[derive(Clone, Default)]
struct Spy {
    memory: MemoryStore,
    told: Arc<Mutex<Vec<u8>>>,
}

impl Spy {
    fn note(&self, bytes: &[u8]) {
        let mut told = self.told.lock().unwrap();
        told.extend_from_slice(bytes);
        told.push(b'\n');
    }

    fn was_told(&self, secret: &str) -> bool {
        let told = self.told.lock().unwrap();
        told.windows(secret.len())
            .any(|window| window.eq_ignore_ascii_case(secret.as_bytes()))
    }
}

impl Store for Spy {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        keys.iter()
            .for_each(|key| self.note(key.to_text().as_bytes()));
        self.memory.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        for write in batch.writes() {
            self.note(format!("{write:?}").as_bytes());
            self.note(write.key().to_text().as_bytes());
            if let Change::Put { value, .. } = write.change() {
                self.note(value);
            }
        }
        self.memory.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.note(key.to_text().as_bytes());
        self.memory.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.memory.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.memory.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.note(format!("{what:?}").as_bytes());
        self.memory.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.memory.purges(log, since).await
    }
}

const SECRETS: [(&str, &str); 5] = [
    ("authorization", "Bearer s3cr3t-bearer"),
    ("cookie", "sid=s3cr3t-cookie"),
    ("x-api-key", "s3cr3t-key"),
    ("x-tenant", "s3cr3t-tenant"),
    ("x-keyed", "s3cr3t-keyed"),
];

/// P3
#[tokio::test]
async fn no_secret_of_a_request_reaches_the_store() {
    let spy = Spy::default();
    let origin = Origin::new(|_| {
        let fields = [
            ("cache-control", "public, max-age=60"),
            ("vary", "X-Tenant"),
            ("etag", "\"1\""),
            ("cache-tag", "told"),
        ];
        answer(&fields, "for everybody")
    });
    let policy = CachePolicy::new("told")
        .key_headers(&["x-keyed"])
        .per(|_| Some(Identifier::new("s3cr3t-subject")));
    let site = Site::over(
        SharedStore::new(spy.clone()),
        ManualClock::default(),
        origin,
    );
    for site in [site.clone(), site.policy(policy)] {
        let path = "/?token=s3cr3t-query";
        let ask = || get_with(path, &SECRETS);
        site.assert_stored(ask).await;
        site.send(get_with(path, &[("x-tenant", "s3cr3t-other")]))
            .await;
        site.send(request("HEAD", path, &SECRETS)).await;
        site.clock.advance(Duration::from_secs(61));
        site.send(ask()).await;
        site.send(request("POST", path, &SECRETS)).await;
    }
    // The spy sees what it should: the response itself.
    assert!(spy.was_told("for everybody"));
    assert!(!spy.was_told("s3cr3t"));
}

/// P3
#[tokio::test]
async fn what_is_of_one_user_by_vary_is_not_stored() {
    for vary in [
        "Cookie",
        "authorization",
        "accept, COOKIE",
        "*",
        "accept, *",
    ] {
        let site = Site::new(move |_| {
            answer(
                &[("cache-control", "public, max-age=60"), ("vary", vary)],
                "alice's",
            )
        });
        site.assert_unstored(|| get("/"), Reason::Vary).await;
    }
}
