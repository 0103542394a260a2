//! What others may have put, or may call themselves, where limits are shared: no claim is half written, and none gains.

use std::time::Duration;

use local_upstash::RedisServer;
use redis::FromRedisValue;
use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{
        Claim, Decisions, ErrorKind, Identifier, Kind, RedisStore, Result, Scope, Spend, Store,
    },
    time::{ManualClock, Timestamp},
};

use super::by_client;

const TEN_SECONDS: Duration = Duration::from_secs(10);
const HOUR: Duration = Duration::from_secs(3600);
/// As [`ManualClock::default`] shows it, in windows of ten seconds.
const NOW: &str = "170000000";

/// Three limits under the prefix `p`, and an ordinary client beside them.
struct Fixture {
    store: RedisStore,
    clock: ManualClock,
    server: RedisServer,
}

impl Fixture {
    async fn start() -> Self {
        let server = RedisServer::start().await.unwrap();
        let clock = ManualClock::default();
        let shared = [("api", "p"), ("slow", "p"), ("tokens", "p")];
        Self {
            store: by_client(&server.url(), clock.clone(), &shared),
            clock,
            server,
        }
    }

    async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        redis::from_redis_value(self.server.command(words).await.unwrap()).unwrap()
    }

    async fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", "*"]).await;
        keys.sort();
        keys
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.store.acquire(claims).await
    }

    async fn fails(&self, claims: &[Claim]) -> ErrorKind {
        self.acquire(claims).await.unwrap_err().kind()
    }
}

fn claim(name: &str, id: impl Into<Identifier>, quota: Quota) -> Claim {
    Claim::new(Scope::new(Kind::Limit, name).key(id), quota)
}

/// Earlier counts stayed raised, and earlier states written: INCRBY refuses what MGET says is none.
#[tokio::test]
async fn a_count_of_another_type_leaves_everything_as_it_was() {
    let it = Fixture::start().await;
    let ten = Quota::aligned(10, TEN_SECONDS);
    it.acquire(&[claim("api", "old", ten)]).await.unwrap();
    let hash = format!("p:victim:{NOW}");
    it.ask::<u64>(&["HSET", &hash, "tokens", "1"]).await;
    let claims = [
        claim("ours", "victim", Quota::per_hour(5)),
        claim("tokens", "x", Quota::token_bucket(5, TEN_SECONDS)),
        claim("api", "old", ten),
        claim("api", "new", ten),
        claim("api", "victim", ten),
    ];
    assert_eq!(it.fails(&claims).await, ErrorKind::Corrupt);
    let old = format!("p:old:{NOW}");
    assert_eq!(it.keys().await, [old.clone(), hash]);
    assert_eq!(it.ask::<String>(&["GET", &old]).await, "1");
    assert!(it.ask::<i64>(&["PTTL", &old]).await > 0);
}

/// The key was declared twice, and the bucket never counted.
#[tokio::test]
async fn two_limits_that_meet_on_one_key_are_invalid() {
    let it = Fixture::start().await;
    let count = claim("api", "victim", Quota::aligned(10, TEN_SECONDS));
    let bucket = claim(
        "tokens",
        format!("victim:{NOW}"),
        Quota::token_bucket(2, TEN_SECONDS),
    );
    let sliding = claim("slow", "victim", Quota::sliding(10, TEN_SECONDS));
    for other in [bucket, sliding] {
        let both = [count.clone(), other];
        assert_eq!(it.fails(&both).await, ErrorKind::Invalid);
    }
    assert_eq!(it.keys().await, [""; 0]);
    // Two of one sort share the count.
    let same = claim("slow", "victim", Quota::aligned(3, TEN_SECONDS));
    let decisions = it.acquire(&[count, same]).await.unwrap();
    assert_eq!(decisions[1].remaining(), 1);
}

/// Doubles rounded such counts, and the sum wrapped: allowed.
#[tokio::test]
async fn counts_at_the_ends_of_64_bits_are_corrupt_and_stay() {
    let it = Fixture::start().await;
    let key = format!("p:u:{NOW}");
    for count in [
        "9223372036854775000",
        "9223372036854775797",
        "9007199254740993",
        "-9223372036854775800",
    ] {
        it.ask::<()>(&["SET", &key, count]).await;
        let take = claim("api", "u", Quota::aligned(10, TEN_SECONDS)).spend(Spend::Take(10));
        let both = [take.clone(), claim("ours", "u", Quota::per_hour(5))];
        assert_eq!(it.fails(&[take]).await, ErrorKind::Corrupt, "{count}");
        assert_eq!(it.fails(&both).await, ErrorKind::Corrupt, "{count}");
        assert_eq!(it.ask::<String>(&["GET", &key]).await, count);
    }
}

/// It was deleted as if it were full, and lost what was beyond.
#[tokio::test]
async fn a_bucket_with_more_than_fits_keeps_it_until_the_next_refill() {
    let it = Fixture::start().await;
    let quota = Quota::token_bucket(10, TEN_SECONDS);
    // As a refund of theirs leaves it.
    let hash = ["HSET", "p:u", "refilledAt", "1700000000000", "tokens", "15"];
    it.ask::<u64>(&hash).await;
    let take = |cost| [claim("tokens", "u", quota).spend(Spend::Take(cost))];
    assert_eq!(it.acquire(&take(3)).await.unwrap()[0].remaining(), 10);
    assert_eq!(it.ask::<String>(&["HGET", "p:u", "tokens"]).await, "12");
    let ttl: i64 = it.ask(&["PTTL", "p:u"]).await;
    assert!((5_000..=10_000).contains(&ttl), "{ttl}");
    assert_eq!(it.acquire(&take(4)).await.unwrap()[0].remaining(), 8);
    it.clock.advance(TEN_SECONDS);
    assert_eq!(it.acquire(&take(1)).await.unwrap()[0].remaining(), 9);
}

/// Lua reads nan, inf and hex as numbers.
#[tokio::test]
async fn a_bucket_that_is_no_number_is_corrupt_and_stays() {
    let it = Fixture::start().await;
    let now = "1700000000000";
    let claims = [
        claim("ours", "u", Quota::per_hour(5)),
        claim("tokens", "u", Quota::token_bucket(10, TEN_SECONDS)),
    ];
    for (time, tokens) in [
        ("nan", "5"),
        ("inf", "5"),
        ("0x10", "5"),
        ("-5", "5"),
        ("1e300", "5"),
        ("99999999999999999", "5"),
        (now, "nan"),
        (now, "-inf"),
        (now, "0x10"),
        (now, "1e300"),
        (now, " 5"),
        (now, ""),
    ] {
        it.ask::<u64>(&["HSET", "p:u", "refilledAt", time, "tokens", tokens])
            .await;
        let failed = it.fails(&claims).await;
        assert_eq!(failed, ErrorKind::Corrupt, "{time}, {tokens}");
        assert_eq!(it.keys().await, ["p:u"]);
        it.ask::<u64>(&["DEL", "p:u"]).await;
    }
    // Theirs may take parts, and writes small ones so.
    let hash = ["HSET", "p:u", "refilledAt", now, "tokens", "2.5e-05"];
    it.ask::<u64>(&hash).await;
    assert!(!it.acquire(&claims).await.unwrap().allowed());
}

/// A bucket lay where theirs keeps a set or another limit; then it was an error, which whoever chose such a name could make
/// a way out of the limit.
#[tokio::test]
async fn a_bucket_lies_elsewhere_where_theirs_keeps_something_else() {
    let it = Fixture::start().await;
    let bucket = |id: &str| [claim("tokens", id, Quota::token_bucket(2, TEN_SECONDS))];
    for id in [
        "dynamic:global",
        "events:1",
        "denyList:all",
        "ipDenyListStatus",
    ] {
        let theirs = format!("p:{id}");
        it.ask::<u64>(&["SADD", &theirs, "x"]).await;
        for allowed in [true, true, false] {
            let decisions = it.acquire(&bucket(id)).await.unwrap();
            assert_eq!(decisions.allowed(), allowed, "{id}");
        }
        assert_eq!(it.ask::<String>(&["TYPE", &theirs]).await, "set");
        let count = claim("api", id, Quota::aligned(10, TEN_SECONDS));
        assert!(it.acquire(&[count]).await.unwrap().allowed());
    }
    assert!(it.acquire(&bucket("event")).await.unwrap().allowed());
    assert!(it.keys().await.contains(&"p:event".to_owned()));
}

/// A name could spend the limit of a hash, or of nobody.
#[tokio::test]
async fn a_name_that_spells_a_digest_or_a_tuple_is_not_that() {
    let it = Fixture::start().await;
    let quota = Quota::aligned(1, TEN_SECONDS);
    let tuple = Identifier::tuple(&["a".into(), "b".into()]);
    for id in [Identifier::hashed("x"), Identifier::secret("x"), tuple] {
        let name = Identifier::new(id.to_text());
        for id in [name, id] {
            let decisions = it.acquire(&[claim("api", id, quota)]).await.unwrap();
            assert!(decisions.allowed());
        }
    }
    // As who has no identifier is called.
    let nobody = claim("api", "*", quota);
    assert!(it.acquire(&[nobody]).await.unwrap().allowed());
    assert!(it.keys().await.contains(&format!("p:%2A:{NOW}")));
}

/// The window before the first is theirs, too: -1. It was the first itself.
#[tokio::test]
async fn the_first_window_weighs_the_one_before() {
    let it = Fixture::start().await;
    it.clock.set(Timestamp::from_micros(5_000_000));
    it.ask::<()>(&["SET", "p:u:-1", "8"]).await;
    let peek = claim("api", "u", Quota::sliding(10, TEN_SECONDS)).spend(Spend::Peek(1));
    assert_eq!(it.acquire(&[peek]).await.unwrap()[0].remaining(), 6);
}

/// Its length is zero: what it weighs was no number, and everything refused.
#[tokio::test]
async fn a_sliding_state_shorter_than_a_millisecond_is_none() {
    let it = Fixture::start().await;
    for length in [1, 1000, 1999] {
        let start = 1_700_000_000_000_000_u64;
        let state = format!("1s{:016}{start:016}{:010}{}", start + length, 3, 4);
        it.ask::<()>(&["SET", "l:ours:u", &state]).await;
        let take = claim("ours", "u", Quota::sliding(10, HOUR));
        assert_eq!(it.acquire(&[take]).await.unwrap()[0].remaining(), 9);
    }
}

/// Their ends are beyond what a reader believes: each claim found none.
#[tokio::test]
async fn windows_that_end_after_the_last_instant_are_kept() {
    let it = Fixture::start().await;
    let near = (1 << 53) - 1_000_000;
    it.clock.set(Timestamp::from_micros(near));
    for quota in [
        Quota::fixed(2, HOUR),
        Quota::aligned(2, HOUR),
        Quota::sliding(2, HOUR),
        Quota::strict(2, HOUR),
        Quota::token_bucket(2, HOUR),
    ] {
        let claims = [claim("ours", format!("{:?}", quota.algorithm()), quota)];
        let mut allowed = 0;
        for _ in 0..5 {
            allowed += u32::from(it.acquire(&claims).await.unwrap().allowed());
        }
        assert_eq!(allowed, 2, "{quota:?}");
    }
}

/// With twice the burst, the end was cut, and every claim found room again.
#[tokio::test]
async fn a_burst_of_140_years_is_admitted_once() {
    let it = Fixture::start().await;
    let ten_years = Duration::from_secs(3650 * 86_400);
    let odd = Quota::new(Algorithm::Gcra, 7, ten_years).unwrap();
    for (quota, most) in [
        (Quota::every(ten_years).burst(14), 14),
        (odd.burst(14 * 7), 14 * 7),
    ] {
        let claims = [claim("ours", most.to_string(), quota)];
        let mut allowed = 0;
        for _ in 0..120 {
            allowed += u32::from(it.acquire(&claims).await.unwrap().allowed());
        }
        assert_eq!(allowed, most);
    }
}
