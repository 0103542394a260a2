//! Limits that are shared with `@upstash/ratelimit`: Node and our two stores in turns on the same keys.

pub(crate) mod limiter;
pub(crate) mod model;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use local_upstash::{LocalUpstash, NodeSdks, RedisServer};
use redis::Value;
use tower_upstash::{
    quota::Quota,
    store::{Claim, Kind, RedisStore, Scope, SharedStore, Spend, Store, UpstashStore},
    time::{ManualClock, Timestamp},
};

use self::{
    limiter::Limiter,
    model::{Algorithm, Held, Limit, Model},
};

const PATIENCE: Duration = Duration::from_secs(20);
/// How far the clock of Redis may run ahead of the test's, in milliseconds: it also measures real time.
const SLACK: u64 = 3_000;
const STEPS: usize = 80;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Node,
    OverHttp,
    OverTcp,
}

struct Table {
    redis: RedisServer,
    _server: LocalUpstash,
    node: Limiter,
    over_http: SharedStore,
    over_tcp: SharedStore,
    clock: ManualClock,
}

impl Table {
    async fn set() -> Option<Self> {
        let sdks = NodeSdks::install().await.unwrap()?;
        let redis = RedisServer::with_clock().await.unwrap();
        let server = LocalUpstash::builder().redis(&redis).start().await.unwrap();
        let clock = ManualClock::default();
        let over_http = UpstashStore::builder(&server.url(), server.token())
            .time_limit(PATIENCE)
            .upstash_ratelimit("api", "p")
            .clock(clock.clone());
        let over_tcp = RedisStore::builder(&redis.url())
            .time_limit(PATIENCE)
            .upstash_ratelimit("api", "p")
            .clock(clock.clone());
        Some(Self {
            node: Limiter::start(sdks, &server),
            over_http: over_http.build().unwrap().into(),
            over_tcp: over_tcp.build().unwrap().into(),
            redis,
            _server: server,
            clock,
        })
    }

    /// Returns the time of Redis, in milliseconds.
    fn server_time(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        (now + self.redis.ahead()).as_millis() as u64
    }

    /// Lets it be `now` for everyone.
    fn set_time(&self, now: u64) {
        self.clock.set(Timestamp::from_micros(now * 1000));
        let behind = now.saturating_sub(self.server_time());
        self.redis.advance(Duration::from_millis(behind));
        assert!(self.server_time() - now < SLACK, "a very busy machine");
    }

    async fn take(
        &mut self,
        side: Side,
        limit: &Limit,
        id: &str,
        cost: u64,
        now: u64,
    ) -> (bool, u64) {
        let store = match side {
            Side::Node => return self.node.limit(limit, id, cost, now).await,
            Side::OverHttp => &self.over_http,
            Side::OverTcp => &self.over_tcp,
        };
        let window = Duration::from_millis(limit.window);
        let quota = match limit.algorithm {
            Algorithm::Fixed => Quota::aligned(limit.limit as u32, window),
            Algorithm::Sliding => Quota::sliding(limit.limit as u32, window),
            Algorithm::Bucket => {
                Quota::token_bucket(limit.refill as u32, window).burst(limit.limit as u32)
            }
        };
        let key = Scope::new(Kind::Limit, "api").key(id);
        let claim = Claim::new(key, quota).spend(Spend::Take(cost as u32));
        let decision = store.acquire(&[claim]).await.unwrap()[0];
        (decision.allowed(), u64::from(decision.remaining()))
    }

    /// Returns what Redis holds, and for how long still.
    async fn held(&self, key: &str, algorithm: Algorithm) -> Option<(Held, i64)> {
        let read = if algorithm == Algorithm::Bucket {
            "HGETALL"
        } else {
            "GET"
        };
        let text = |value: &Value| redis::from_redis_value_ref::<String>(value).unwrap();
        let held = match self.redis.command(&[read, key]).await.unwrap() {
            Value::Nil => return None,
            Value::Array(fields) if fields.is_empty() => return None,
            Value::Array(fields) => {
                let field = |name: &str| {
                    let at = fields.iter().position(|field| text(field) == name).unwrap();
                    text(&fields[at + 1]).parse().unwrap()
                };
                assert_eq!(fields.len(), 4, "{fields:?}");
                Held::Bucket {
                    refilled_at: field("refilledAt"),
                    tokens: field("tokens"),
                }
            }
            count => Held::Count(text(&count).parse().unwrap()),
        };
        let left = self.redis.command(&["PTTL", key]).await.unwrap();
        Some((held, redis::from_redis_value(left).unwrap()))
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    /// Returns how many milliseconds pass: often none, and often up to the edge of a window.
    fn gap(&mut self, now: u64, window: u64) -> u64 {
        let edge = window - now % window;
        match self.below(10) {
            0..=3 => 0,
            4..=5 => self.below(window / 4),
            6 => edge,
            7 => edge - 1,
            8 => edge + self.below(window),
            _ => self.below(3 * window),
        }
    }
}

async fn in_turns(table: &mut Table, limit: Limit) {
    let mut random = Random(7);
    let mut model = Model::default();
    let id = format!("{:?}", limit.algorithm);
    let mut now = table.server_time() + 1000;
    let mut seen = Vec::new();
    for step in 0..STEPS {
        now += random.gap(now, limit.window);
        while model.is_about_to_end(now, SLACK) {
            now += SLACK;
        }
        let side = [Side::Node, Side::OverHttp, Side::OverTcp][random.below(3) as usize];
        let cost = 1 + match random.below(6) {
            0 => random.below(limit.limit + 2),
            _ => random.below(4),
        };
        table.set_time(now);
        let answer = table.take(side, &limit, &id, cost, now).await;
        let expected = model.take(&limit, &id, cost, now, side == Side::Node);
        let what = format!("step {step}: {side:?} takes {cost} of {limit:?} at {now}");
        assert_eq!(answer, expected, "{what}");
        for (key, expected) in model.keys(&limit, &id, now) {
            let held = table.held(&key, limit.algorithm).await;
            let (value, left) = held.unzip();
            assert_eq!(value, expected.map(|(value, _)| value), "{what}: {key}");
            if let (Some(left), Some((_, ends))) = (left, expected) {
                let off = left - (ends - now) as i64;
                assert!(off.unsigned_abs() < SLACK, "{what}: {key} lives {left} ms");
            }
        }
        seen.push((side, answer.0));
    }
    for side in [Side::Node, Side::OverHttp, Side::OverTcp] {
        for outcome in [true, false] {
            let count = seen.iter().filter(|each| **each == (side, outcome)).count();
            assert!(count >= 3, "{side:?} was answered {outcome} {count} times");
        }
    }
}

#[tokio::test]
async fn node_and_both_stores_count_on_the_same_keys() {
    let Some(mut table) = Table::set().await else {
        return;
    };
    for algorithm in [Algorithm::Fixed, Algorithm::Sliding, Algorithm::Bucket] {
        let limit = Limit {
            algorithm,
            limit: 10,
            window: 60_000,
            refill: 4,
        };
        in_turns(&mut table, limit).await;
    }
}
