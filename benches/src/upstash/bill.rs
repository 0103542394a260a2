//! What calls are billed: by [`UpstashStore::usage`], and by the endpoint, which counts what Redis ran.

use std::time::Duration;

use local_upstash::{LocalUpstash, RedisServer};
use tokio::runtime::Runtime;
use tower_upstash::{
    quota::Quota,
    store::{
        Batch, Claim, Condition, Cursor, Key, Kind, Position, Purge, Scope, SharedStore, Store,
        Tag, UpstashStore, UpstashStoreBuilder, Version, Write,
    },
};

use crate::table::{heading, note};

const HOUR: Duration = Duration::from_secs(3600);

/// How many commands a call may cost.
enum Target {
    Exactly(u64),
    AtMost(u64),
    None,
}
use Target::{AtMost, Exactly};

/// Prints the bill of each call, once its script is loaded.
pub fn print(runtime: &Runtime) {
    heading("billed commands, by usage() and by the endpoint");
    runtime.block_on(async {
        let redis = RedisServer::start().await.expect("redis-server runs");
        let start = async |native| {
            let builder = LocalUpstash::builder().redis(&redis);
            let builder = if native {
                builder
            } else {
                builder.without_conditional_writes()
            };
            builder.start().await.expect("a free port")
        };
        let server = start(true).await;
        let by_script = start(false).await;
        let site = Site::new(&server, |builder| builder);
        entries(&site).await;
        compare_and_put(&Site::new(&by_script, |builder| builder), "by script", 3).await;
        limits(&site, "", 1).await;
        limits(
            &Site::new(&server, UpstashStoreBuilder::client_clock),
            ", client's clock",
            0,
        )
        .await;
        shared_window(&server).await;
        indexes_and_logs(&site).await;
    });
}

struct Site<'a> {
    server: &'a LocalUpstash,
    store: UpstashStore,
}

impl<'a> Site<'a> {
    fn new(
        server: &'a LocalUpstash,
        settings: impl Fn(UpstashStoreBuilder) -> UpstashStoreBuilder,
    ) -> Self {
        let builder = UpstashStore::builder(&server.url(), server.token());
        let builder = settings(builder.time_limit(Duration::from_secs(5)));
        let store = builder.build().expect("the URL of the endpoint");
        Self { server, store }
    }

    /// Prints what a call has cost.
    async fn row<T>(&self, name: &str, target: Target, call: impl Future<Output = T>) -> T {
        let figures = || (self.store.usage().commands, self.server.bill().commands());
        let before = figures();
        let answer = call.await;
        let after = figures();
        let (usage, bill) = (after.0 - before.0, after.1 - before.1);
        let (text, met) = match target {
            Exactly(count) => (count.to_string(), bill == count),
            AtMost(most) => (format!("≤ {most}"), bill <= most),
            Target::None => ("equal".to_owned(), true),
        };
        let figures = format!("{usage}, {bill}");
        note(name, &figures, &text, Some(met && usage == bill));
        answer
    }

    async fn put(&self, key: &Key) -> Version {
        let batch = Batch::from([Write::put(key.clone(), "value", HOUR)]);
        let written = self.store.write(&batch).await.expect("a put");
        written.version(0).expect("what was put").clone()
    }
}

async fn entries(site: &Site<'_>) {
    let scope = Scope::new(Kind::Data, "bench");
    let key = scope.key("entry");
    site.row("put", Exactly(1), site.put(&key)).await;
    let keys = [key];
    let read = site.row("get", Exactly(1), site.store.read(&keys)).await;
    assert!(read.expect("a read").into_first().is_some());
    compare_and_put(site, "native", 1).await;
    let shared = SharedStore::from(site.store.clone());
    for (at, warm) in [("warm", true), ("measured", false)] {
        let (old, new) = (scope.key(at), scope.key(format!("{at}-new")));
        let version = site.put(&old).await;
        let rotate = shared.rotate((&old, version), &new, "new", HOUR);
        let written = if warm {
            rotate.await
        } else {
            site.row("rotation of two keys", AtMost(6), rotate).await
        };
        assert!(written.expect("a rotation").is_done());
    }
    let key = Scope::new(Kind::Counter, "bench").key("count");
    for (name, cost) in [("", 0), ("increment, new", 3), ("increment", 2)] {
        let increment = site.store.increment(&key, 1, HOUR);
        if name.is_empty() {
            // Only loads the script.
            let other = Scope::new(Kind::Counter, "bench").key("other");
            site.store
                .increment(&other, 1, HOUR)
                .await
                .expect("a count");
            continue;
        }
        site.row(name, Exactly(cost), increment)
            .await
            .expect("a count");
    }
}

async fn compare_and_put(site: &Site<'_>, how: &str, cost: u64) {
    let key = Scope::new(Kind::Data, "bench").key("compared");
    let mut version = site.put(&key).await;
    for warm in [true, false] {
        let write = Write::put(key.clone(), "other", HOUR).when(Condition::Unchanged(version));
        let batch = Batch::from([write]);
        let write = site.store.write(&batch);
        let written = if warm {
            write.await
        } else {
            let name = format!("compare and put, {how}");
            site.row(&name, Exactly(cost), write).await
        };
        let written = written.expect("a write");
        version = written.version(0).expect("an unchanged entry").clone();
    }
}

/// `time` is what the server's clock costs.
async fn limits(site: &Site<'_>, clock: &str, time: u64) {
    let scope = Scope::new(Kind::Limit, &format!("bench{time}"));
    for count in [1, 3] {
        let claims: Vec<_> = (0..count)
            .map(|at| Claim::new(scope.key(format!("{at}")), Quota::per_hour(1000)))
            .collect();
        site.store.acquire(&claims).await.expect("an acquire");
        let name = format!("acquire of {count}{clock}");
        let target = Exactly(2 + time + count);
        let decided = site.row(&name, target, site.store.acquire(&claims)).await;
        assert!(decided.expect("an acquire").allowed());
    }
    let claim = [Claim::new(scope.key("refused"), Quota::per_hour(1))];
    site.store.acquire(&claim).await.expect("an acquire");
    let name = format!("acquire of 1, refused{clock}");
    let decided = site
        .row(&name, Exactly(2 + time), site.store.acquire(&claim))
        .await;
    assert!(!decided.expect("an acquire").allowed());
}

async fn shared_window(server: &LocalUpstash) {
    let site = Site::new(server, |builder| {
        builder.upstash_ratelimit("shared", "prefix")
    });
    let key = Scope::new(Kind::Limit, "shared").key("user");
    let claim = [Claim::new(key, Quota::aligned(1000, 24 * HOUR))];
    site.store.acquire(&claim).await.expect("an acquire");
    let name = "acquire of a shared fixed window, steady";
    let decided = site.row(name, Exactly(2), site.store.acquire(&claim)).await;
    assert!(decided.expect("an acquire").allowed());
}

async fn indexes_and_logs(site: &Site<'_>) {
    let index = Scope::new(Kind::Index, "bench").key("index");
    let session = Scope::new(Kind::Session, "bench").key("session");
    let write = Write::put(session, "value", HOUR).member_of(index.clone());
    let joined = site.store.write(&Batch::from([write])).await;
    assert!(joined.expect("a write").is_done());
    let list = || site.store.members(&index, Cursor::START);
    list().await.expect("members");
    let members = site.row("members", Target::None, list()).await;
    assert_eq!(members.expect("members").identifiers.len(), 1);

    let log = Scope::new(Kind::Purge, "bench");
    let tags = [Tag::new("tag")];
    let purge = || site.store.purge(&log, Purge::Tags(&tags));
    purge().await.expect("a purge");
    let purged = site.row("purge of a tag", AtMost(6), purge()).await;
    let position: Position = purged.expect("a purge");
    let poll = site.store.purges(&log, Some(position));
    let polled = site.row("poll of the purges", Exactly(1), poll).await;
    assert!(polled.expect("a poll").marks.is_empty());
}
