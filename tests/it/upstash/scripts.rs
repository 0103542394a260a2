//! Scripts that the server forgets: between two calls, and while one is on its way. The same result, one load more.

use std::{future::ready, time::Duration};

use local_upstash::Fault;
use tower_upstash::{
    quota::Quota,
    store::{
        Batch, Claim, Decision, Kind, Purge, RedisStore, Scope, SharedStore, Store, Tag,
        UpstashStore, Write,
    },
    time::{ManualClock, Timestamp},
};

use super::{
    PATIENCE,
    site::{Site, TTL},
};

/// Every script, by what calls it.
const SCRIPTS: [Script; 7] = [
    Script::Acquire,
    Script::Gcra,
    Script::Fixed,
    Script::Write,
    Script::Increment,
    Script::Purge,
    Script::Purges,
];

#[derive(Clone, Copy, Debug)]
enum Script {
    Acquire,
    Gcra,
    Fixed,
    Write,
    Increment,
    Purge,
    Purges,
}

impl Script {
    /// Calls it by keys of that name, and returns what any such call answers.
    async fn call(self, store: &SharedStore, name: &str) -> String {
        let claim = |scope, quota| Claim::new(Scope::new(Kind::Limit, scope).key(name), quota);
        let gcra = claim("ours", Quota::per_hour(5));
        let log = Scope::new(Kind::Purge, name);
        match self {
            Self::Acquire => {
                let strict = claim("strict", Quota::strict(7, Duration::from_secs(3600)));
                decisions(store, &[gcra, strict]).await
            }
            Self::Gcra => decisions(store, &[gcra]).await,
            Self::Fixed => {
                let quota = Quota::aligned(5, Duration::from_secs(3600));
                decisions(store, &[claim("shared", quota)]).await
            }
            Self::Write => {
                let pair = ["a", "b"]
                    .map(|scope| Write::put(Scope::new(Kind::Data, scope).key(name), "x", TTL));
                format!("{:?}", store.write(&Batch::from(pair)).await.unwrap())
            }
            Self::Increment => {
                let key = Scope::new(Kind::Counter, "sum").key(name);
                let sum = store.increment(&key, 7, TTL).await.unwrap();
                format!("{sum}")
            }
            Self::Purge => {
                let end = store.purge(&log, Purge::Tags(&[Tag::new("a")])).await;
                assert!(end.unwrap().id() > 0);
                "purged".to_owned()
            }
            Self::Purges => {
                let purges = store.purges(&log, None).await.unwrap();
                format!("{} {:?}", purges.complete, purges.marks)
            }
        }
    }
}

async fn decisions(store: &SharedStore, claims: &[Claim]) -> String {
    let decisions = store.acquire(claims).await.unwrap();
    let left: Vec<_> = decisions.iter().map(Decision::remaining).collect();
    format!("{} {left:?}", decisions.allowed())
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_micros(1_700_000_000_000_000))
}

/// Expects each script to be loaded again when it is lost, at the cost of one command.
async fn are_loaded_again(store: &SharedStore, billed: impl Fn() -> u64, lose: impl AsyncFn()) {
    for script in SCRIPTS {
        let cost = async |name: &str| {
            let before = billed();
            let answer = script.call(store, &format!("{script:?}-{name}")).await;
            (answer, billed() - before)
        };
        let (first, _) = cost("first").await;
        let (answer, warm) = cost("warm").await;
        assert_eq!(answer, first, "{script:?}");
        lose().await;
        assert_eq!(cost("lost").await, (answer.clone(), warm + 1), "{script:?}");
        assert_eq!(cost("again").await, (answer, warm), "{script:?}");
    }
}

fn over_http(site: &Site) -> UpstashStore {
    let store = site.builder().upstash_ratelimit("shared", "p");
    store.clock(clock()).build().unwrap()
}

#[tokio::test]
async fn scripts_that_are_flushed_are_loaded_again_over_http() {
    let site = Site::start().await;
    let store = over_http(&site);
    let billed = || {
        assert_eq!(store.usage().commands, site.server.bill().commands());
        store.usage().commands
    };
    are_loaded_again(&store.clone().into(), billed, async || {
        site.redis.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn scripts_that_are_lost_just_before_a_request_are_loaded_again() {
    let site = Site::start().await;
    let store = over_http(&site);
    let billed = || store.usage().commands;
    are_loaded_again(&store.clone().into(), billed, || {
        site.server.faults().inject(Fault::ScriptsLost.times(1));
        ready(())
    })
    .await;
    assert_eq!(store.usage().commands, site.server.bill().commands());
}

#[tokio::test]
async fn scripts_that_are_flushed_are_loaded_again_over_tcp() {
    let site = Site::start().await;
    let store = RedisStore::builder(&site.redis.url())
        .time_limit(PATIENCE)
        .upstash_ratelimit("shared", "p")
        .clock(clock());
    let store = store.build().unwrap();
    let billed = || store.billed();
    are_loaded_again(&store.clone().into(), billed, async || {
        site.redis.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    })
    .await;
}
