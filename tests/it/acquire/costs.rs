//! What each acquire costs: as the server tells it, and as the store bills it.

use std::time::Duration;

use local_upstash::RedisServer;
use tower_upstash::{
    quota::Quota,
    store::{Claim, Decisions, Kind, RedisStore, Scope, Spend, Store},
    time::ManualClock,
};

struct Checked {
    store: RedisStore,
    clock: ManualClock,
    server: RedisServer,
}

impl Checked {
    async fn new(by_client: bool) -> Self {
        let server = RedisServer::start().await.unwrap();
        let clock = ManualClock::default();
        let store = RedisStore::builder(&server.url())
            .time_limit(Duration::from_secs(10)) // for a busy machine
            .clock(clock.clone())
            .upstash_ratelimit("fixed", "f")
            .upstash_ratelimit("sliding", "s")
            .upstash_ratelimit("bucket", "b");
        let store = if by_client {
            store.client_clock()
        } else {
            store
        };
        let it = Self {
            store: store.build().unwrap(),
            clock,
            server,
        };
        // Loads all scripts.
        let warm = |name, quota| Self::claim(name, quota, Spend::Take(1));
        for claim in [
            warm("warm", Quota::fixed(2, HOUR)),
            warm("warm", Quota::per_hour(5)),
            warm("fixed", Quota::aligned(2, HOUR)),
        ] {
            it.store.acquire(&[claim]).await.unwrap();
        }
        it.server.command(&["FLUSHALL"]).await.unwrap();
        it
    }

    fn claim(name: &str, quota: Quota, spend: Spend) -> Claim {
        Claim::new(Scope::new(Kind::Limit, name).key("x"), quota).spend(spend)
    }

    /// Returns how many commands the server has run, those in scripts, too, but none of this test's own.
    async fn ran(&self) -> u64 {
        let info = self
            .server
            .command(&["INFO", "commandstats"])
            .await
            .unwrap();
        let info: String = redis::from_redis_value(info).unwrap();
        let own = ["info", "config", "flushall", "client", "hello"];
        let lines = info
            .lines()
            .filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
        let others = lines.filter(|(name, _)| !own.iter().any(|own| name.starts_with(own)));
        let calls = others.filter_map(|(_, calls)| calls.split(',').next()?.parse::<u64>().ok());
        calls.sum()
    }

    /// Checks what a call costs, and that the server agrees.
    async fn costs(&self, claims: &[Claim], reads: u64, writes: u64) -> Decisions {
        let (billed, ran) = (self.store.billed(), self.ran().await);
        let decisions = self.store.acquire(claims).await.unwrap();
        let costs = (self.store.billed() - billed, self.ran().await - ran);
        assert_eq!(costs, (reads + writes, reads + writes), "{claims:?}");
        decisions
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn ours_cost_three_and_one_for_each_change() {
    for (by_client, reads) in [(false, 3), (true, 2)] {
        let it = Checked::new(by_client).await;
        let quota = Quota::fixed(2, HOUR);
        let take = |name, cost| Checked::claim(name, quota, Spend::Take(cost));
        it.costs(&[], 0, 0).await;
        it.costs(&[take("a", 1)], reads, 1).await;
        it.costs(&[take("a", 1), take("b", 1), take("c", 1)], reads, 3)
            .await;
        it.costs(&[take("a", 1)], reads, 0).await;
        it.costs(&[take("b", 1), take("a", 1)], reads, 0).await;
        it.costs(&[take("d", 1), take("d", 1)], reads, 1).await;
        it.costs(&[Checked::claim("b", quota, Spend::Peek(1))], reads, 0)
            .await;
        it.costs(&[take("b", 0)], reads, 0).await;
        // A reset deletes what is there, a ban replaces it, and who is banned costs what a refusal costs.
        let spend = |spend| [Checked::claim("b", quota, spend)];
        it.costs(&spend(Spend::Reset), reads, 1).await;
        it.costs(&spend(Spend::Reset), reads, 0).await;
        it.costs(&spend(Spend::Ban(HOUR)), reads, 1).await;
        it.costs(&[take("b", 1), take("c", 1)], reads, 0).await;
        it.costs(&spend(Spend::Charge(1)), reads, 0).await;
        it.costs(&spend(Spend::Ban(Duration::ZERO)), reads, 0).await;
        let both = [Spend::Reset, Spend::Take(1)].map(|spend| Checked::claim("b", quota, spend));
        it.costs(&both, reads, 1).await;
        // Back to none: deleted, once.
        let gcra = Quota::per_hour(5);
        let taken = it
            .costs(&[Checked::claim("g", gcra, Spend::Take(5))], reads, 1)
            .await;
        let window = taken[0].window();
        let refund = Spend::Refund { cost: 5, window };
        if by_client {
            it.costs(&[Checked::claim("g", gcra, refund)], reads, 1)
                .await;
            it.costs(&[Checked::claim("g", gcra, refund)], reads, 0)
                .await;
            let both = [Spend::Charge(5), refund].map(|spend| Checked::claim("g", gcra, spend));
            it.costs(&both, reads, 1).await;
        }
    }
}

#[tokio::test]
async fn a_shared_fixed_window_costs_two() {
    let it = Checked::new(true).await;
    let quota = Quota::aligned(3, HOUR);
    let claim = |spend| [Checked::claim("fixed", quota, spend)];
    it.costs(&claim(Spend::Take(1)), 1, 2).await;
    it.costs(&claim(Spend::Take(1)), 1, 1).await;
    it.costs(&claim(Spend::Take(2)), 1, 2).await;
    it.costs(&claim(Spend::Take(1)), 1, 1).await;
    it.costs(&claim(Spend::Take(4)), 2, 0).await;
    it.costs(&claim(Spend::Peek(1)), 2, 0).await;
    it.costs(&claim(Spend::Reset), 2, 1).await;
    it.costs(&claim(Spend::Reset), 2, 0).await;
    it.clock.advance(HOUR);
    it.costs(&claim(Spend::Charge(1)), 2, 2).await;
    it.costs(&claim(Spend::Shadow(1)), 2, 1).await;
}

#[tokio::test]
async fn other_shared_limits_cost_no_more_than_theirs() {
    let it = Checked::new(false).await;
    let sliding = |cost| {
        [Checked::claim(
            "sliding",
            Quota::sliding(3, HOUR),
            Spend::Take(cost),
        )]
    };
    it.costs(&sliding(1), 2, 2).await;
    it.costs(&sliding(1), 2, 1).await;
    it.costs(&sliding(2), 2, 0).await;
    let bucket = |cost| Checked::claim("bucket", Quota::token_bucket(3, HOUR), Spend::Take(cost));
    it.costs(&[bucket(1)], 2, 2).await;
    it.costs(&[bucket(3)], 2, 0).await;
    let ours = Checked::claim("a", Quota::fixed(2, HOUR), Spend::Take(1));
    it.costs(&[bucket(1), ours], 4, 3).await;
    let reset = |name, quota| [Checked::claim(name, quota, Spend::Reset)];
    for (writes, quota) in [(1, Quota::sliding(3, HOUR)), (0, Quota::sliding(3, HOUR))] {
        it.costs(&reset("sliding", quota), 2, writes).await;
    }
    for writes in [1, 0] {
        it.costs(&reset("bucket", Quota::token_bucket(3, HOUR)), 2, writes)
            .await;
    }
}
