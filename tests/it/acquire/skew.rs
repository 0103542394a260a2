//! Clients whose clocks differ by a minute.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use local_upstash::{LocalUpstash, RedisServer};
use tower_upstash::{
    quota::Quota,
    store::{Claim, Kind, Scope, Store, UpstashStore},
    time::{ManualClock, Timestamp},
};

const MINUTE: Duration = Duration::from_secs(60);
const LIMIT: u32 = 10;

/// Two stores on one database, the second a minute ahead.
struct Apart {
    stores: [UpstashStore; 2],
    _server: LocalUpstash,
    redis: RedisServer,
}

impl Apart {
    async fn start() -> Self {
        let redis = RedisServer::with_clock().await.unwrap();
        let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
        let store = |ahead: Duration| {
            let now = Timestamp::from_micros(1_700_000_000_000_000).after(ahead);
            UpstashStore::builder(&server.url(), server.token())
                .time_limit(Duration::from_secs(20))
                .upstash_ratelimit("shared", "p")
                .clock(ManualClock::at(now))
                .build()
                .unwrap()
        };
        Self {
            stores: [store(Duration::ZERO), store(MINUTE)],
            _server: server,
            redis,
        }
    }

    /// Lets a minute begin on the server: no window of one ends soon.
    fn begin_a_minute(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.redis.ahead();
        let gone = now.as_millis() % MINUTE.as_millis();
        self.redis
            .advance(MINUTE - Duration::from_millis(gone as u64));
    }

    /// Asks in turns, and returns how much each of the two was admitted.
    async fn admitted(&self, name: &str, id: &str, quota: Quota) -> [u32; 2] {
        let claim = [Claim::new(Scope::new(Kind::Limit, name).key(id), quota)];
        let mut admitted = [0; 2];
        for _ in 0..2 * LIMIT {
            for (store, admitted) in self.stores.iter().zip(&mut admitted) {
                *admitted += u32::from(store.acquire(&claim).await.unwrap().allowed());
            }
        }
        admitted
    }
}

#[tokio::test]
async fn clients_a_minute_apart_are_admitted_the_limit_together() {
    let apart = Apart::start().await;
    // By the clocks of clients, all but the strict one would give something back to who is ahead, or begin anew.
    for (at, quota) in [
        Quota::every(MINUTE - Duration::from_secs(10)).burst(LIMIT),
        Quota::fixed(LIMIT, MINUTE),
        Quota::aligned(LIMIT, MINUTE),
        Quota::sliding(LIMIT, MINUTE),
        Quota::strict(LIMIT, MINUTE),
        Quota::token_bucket(LIMIT, MINUTE),
    ]
    .into_iter()
    .enumerate()
    {
        apart.begin_a_minute();
        let admitted = apart.admitted("ours", &at.to_string(), quota).await;
        assert_eq!(admitted, [LIMIT / 2; 2], "{quota:?}");
    }
}

/// A limit that is shared with `@upstash/ratelimit` is decided by the clients' clocks, as theirs is: a minute apart, they
/// are in different windows of a minute, and each is admitted the limit. In longer windows they mostly meet; a bucket
/// is refilled by whoever is ahead, once.
#[tokio::test]
async fn clients_of_a_shared_limit_a_minute_apart_are_in_different_windows() {
    let apart = Apart::start().await;
    let aligned = |window| Quota::aligned(LIMIT, window);
    let admitted = apart.admitted("shared", "minute", aligned(MINUTE)).await;
    assert_eq!(admitted, [LIMIT; 2]);
    let admitted = apart
        .admitted("shared", "day", aligned(24 * 60 * MINUTE))
        .await;
    assert_eq!(admitted, [LIMIT / 2; 2]);
    let bucket = Quota::token_bucket(LIMIT, MINUTE);
    let [behind, ahead] = apart.admitted("shared", "bucket", bucket).await;
    assert!(
        (LIMIT..=2 * LIMIT).contains(&(behind + ahead)),
        "{behind} and {ahead}"
    );
}
