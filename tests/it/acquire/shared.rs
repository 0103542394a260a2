//! The layout of `@upstash/ratelimit`: its keys, values and times to live, and its published behaviour as vectors.

use std::time::Duration;

use redis::{Cmd, FromRedisValue};
use tower_upstash::{
    quota::Quota,
    store::{
        Claim, Decision, ErrorKind, Key, Kind, RedisStore, Scope, Spend, Store, Verdict, Window,
    },
    time::{ManualClock, Timestamp},
};

use super::by_client;
use local_upstash::RedisServer;

const T0: u64 = 1_700_000_000_000;
const TEN_SECONDS: Duration = Duration::from_secs(10);

/// A limit named `api`, shared under the prefix `p`, and an ordinary client beside it.
struct Fixture {
    store: RedisStore,
    clock: ManualClock,
    client: redis::Client,
    _server: RedisServer,
}

impl Fixture {
    async fn start() -> Self {
        let server = RedisServer::start().await.unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(T0 * 1000));
        let shared = [("api", "p")];
        Self {
            store: by_client(&server.url(), clock.clone(), &shared),
            clock,
            client: redis::Client::open(server.url()).unwrap(),
            _server: server,
        }
    }

    async fn spend(&self, quota: Quota, spend: Spend) -> Decision {
        let claim = Claim::new(key(), quota).spend(spend);
        self.store.acquire(&[claim]).await.unwrap()[0]
    }

    async fn left(&self, quota: Quota) -> u32 {
        self.spend(quota, Spend::Peek(0)).await.remaining()
    }

    async fn take(&self, quota: Quota, cost: u32) -> (bool, u32) {
        let decision = self.spend(quota, Spend::Take(cost)).await;
        (decision.allowed(), decision.remaining())
    }

    fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = self.client.get_connection().unwrap();
        let mut command = Cmd::new();
        words.iter().for_each(|word| {
            command.arg(*word);
        });
        command.query(&mut connection).unwrap()
    }

    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.ask(&["KEYS", "*"]);
        keys.sort();
        keys
    }
}

fn key() -> Key {
    Scope::new(Kind::Limit, "api").key("user")
}

#[tokio::test]
async fn a_fixed_window_is_a_count_that_lives_for_a_window() {
    let it = Fixture::start().await;
    let quota = Quota::aligned(10, TEN_SECONDS);
    assert_eq!(it.take(quota, 8).await, (true, 2));
    // Theirs count 13 here, and refuse the next one for it.
    assert_eq!(it.take(quota, 5).await, (false, 2));
    assert_eq!(it.take(quota, 1).await, (true, 1));
    assert_eq!(it.keys(), ["p:user:170000000"]);
    assert_eq!(it.ask::<String>(&["GET", "p:user:170000000"]), "9");
    let ttl: i64 = it.ask(&["PTTL", "p:user:170000000"]);
    assert!((9_000..=10_000).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn a_sliding_window_is_two_counts_weighed_as_they_weigh() {
    let it = Fixture::start().await;
    let quota = Quota::sliding(10, TEN_SECONDS);
    assert_eq!(it.take(quota, 8).await, (true, 2));
    assert_eq!(it.take(quota, 5).await, (false, 2));
    assert_eq!(it.take(quota, 1).await, (true, 1));
    assert_eq!(it.take(quota, 1).await, (true, 0));
    let ttl: i64 = it.ask(&["PTTL", "p:user:170000000"]);
    assert!((20_000..=21_000).contains(&ttl), "{ttl}");
    // In doubles, a tenth of ten is not one.
    it.clock
        .set(Timestamp::from_micros((T0 + 10_000 + 9_000) * 1000));
    assert_eq!(it.take(quota, 1).await, (true, 9));
    assert_eq!(it.ask::<String>(&["GET", "p:user:170000001"]), "1");
}

#[tokio::test]
async fn a_token_bucket_is_their_hash_and_keeps_its_phase() {
    let it = Fixture::start().await;
    let quota = Quota::token_bucket(5, TEN_SECONDS).burst(10);
    assert_eq!(it.take(quota, 8).await, (true, 2));
    assert_eq!(it.take(quota, 5).await, (false, 2));
    assert_eq!(it.take(quota, 1).await, (true, 1));
    let hash: Vec<String> = it.ask(&["HMGET", "p:user", "refilledAt", "tokens"]);
    assert_eq!(hash, [T0.to_string(), "1".to_owned()]);
    let ttl: i64 = it.ask(&["PTTL", "p:user"]);
    assert!((19_000..=20_000).contains(&ttl), "{ttl}");

    it.clock.advance(Duration::from_secs(25));
    let decision = it.spend(quota, Spend::Take(1)).await;
    assert_eq!((decision.allowed(), decision.remaining()), (true, 9));
    assert_eq!(
        decision.window(),
        Window::from_u64((T0 + 20_000) * 1000),
        "the refills of 10 and 20 s"
    );
    assert_eq!(decision.reset_after(), Duration::from_secs(5));
    let hash: Vec<String> = it.ask(&["HMGET", "p:user", "refilledAt", "tokens"]);
    assert_eq!(hash, [(T0 + 20_000).to_string(), "9".to_owned()]);
}

#[tokio::test]
async fn what_is_refused_for_good_leaves_no_key() {
    let it = Fixture::start().await;
    for quota in [
        Quota::aligned(10, TEN_SECONDS),
        Quota::sliding(10, TEN_SECONDS),
        Quota::token_bucket(10, TEN_SECONDS),
        Quota::NONE,
    ] {
        let decision = it.spend(quota, Spend::Take(11)).await;
        assert_eq!(decision.verdict(), Verdict::Never);
        assert_eq!(decision.remaining(), quota.capacity());
    }
    assert_eq!(it.keys(), [""; 0]);
}

#[tokio::test]
async fn a_charge_and_its_refund_leave_no_key_without_a_time_to_live() {
    let it = Fixture::start().await;
    for quota in [
        Quota::aligned(10, TEN_SECONDS),
        Quota::sliding(10, TEN_SECONDS),
        Quota::token_bucket(10, TEN_SECONDS),
    ] {
        let window = it.spend(quota, Spend::Charge(25)).await.window();
        assert_eq!(it.take(quota, 1).await, (false, 0));
        let refund = Spend::Refund { cost: 25, window };
        assert_eq!(it.spend(quota, refund).await.remaining(), 10);
        assert_eq!(it.take(quota, 1).await, (true, 9));
        let refund = Spend::Refund { cost: 1, window };
        assert_eq!(it.spend(quota, refund).await.remaining(), 10);
        for key in it.keys() {
            assert!(it.ask::<i64>(&["PTTL", &key]) > 0, "{key}");
        }
        it.ask::<()>(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn what_the_layout_cannot_express_is_unsupported_and_writes_nothing() {
    let it = Fixture::start().await;
    let minute = Duration::from_secs(60);
    let ours = Scope::new(Kind::Limit, "ours").key("user");
    for quota in [
        Quota::per_minute(1),
        Quota::fixed(1, minute),
        Quota::strict(1, minute),
        Quota::aligned(1, Duration::from_micros(1500)),
    ] {
        let claims = [
            Claim::new(ours.clone(), Quota::per_minute(5)),
            Claim::new(key(), quota),
        ];
        let error = it.store.acquire(&claims).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    assert_eq!(it.keys(), [""; 0]);
}

#[tokio::test]
async fn both_layouts_are_one_call() {
    let it = Fixture::start().await;
    let ours = Scope::new(Kind::Limit, "ours").key("user");
    for theirs in [
        Quota::aligned(10, TEN_SECONDS),
        Quota::sliding(10, TEN_SECONDS),
        Quota::token_bucket(10, TEN_SECONDS),
    ] {
        let call = |cost, limit| {
            [
                Claim::new(key(), theirs).spend(Spend::Take(cost)),
                Claim::new(ours.clone(), Quota::per_hour(limit)),
            ]
        };
        let first = it.store.acquire(&call(4, 2)).await.unwrap();
        assert!(first.allowed() && first[0].remaining() == 6 && first[1].remaining() == 1);
        // Theirs refuses.
        let second = it.store.acquire(&call(7, 2)).await.unwrap();
        assert!(!second.allowed() && !second[0].allowed() && second[1].allowed());
        let third = it.store.acquire(&call(4, 2)).await.unwrap();
        assert!(third.allowed() && third[0].remaining() == 2 && third[1].remaining() == 0);
        // Ours refuses.
        let fourth = it.store.acquire(&call(1, 2)).await.unwrap();
        assert!(!fourth.allowed() && fourth[0].allowed() && !fourth[1].allowed());
        assert_eq!(it.spend(theirs, Spend::Peek(2)).await.remaining(), 2);
        it.ask::<()>(&["FLUSHALL"]);
    }
}

#[tokio::test]
async fn a_count_that_is_none_is_an_error_before_anything_is_written() {
    let it = Fixture::start().await;
    let ours = Scope::new(Kind::Limit, "ours").key("user");
    for foreign in ["x", "1.5", "007", "99999999999999999999"] {
        it.ask::<()>(&["SET", "p:user:170000000", foreign]);
        for quota in [
            Quota::aligned(10, TEN_SECONDS),
            Quota::sliding(10, TEN_SECONDS),
        ] {
            let claims = [
                Claim::new(ours.clone(), Quota::per_minute(5)),
                Claim::new(key(), quota),
            ];
            let error = it.store.acquire(&claims).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{foreign}");
        }
    }
    assert_eq!(it.keys(), ["p:user:170000000"]);
}

/// Both windows of a sliding one, and a bucket whole; what others count on stays.
#[tokio::test]
async fn a_reset_deletes_the_keys_of_a_shared_limit() {
    for quota in [
        Quota::aligned(10, TEN_SECONDS),
        Quota::sliding(10, TEN_SECONDS),
        Quota::token_bucket(10, TEN_SECONDS),
    ] {
        let it = Fixture::start().await;
        it.ask::<()>(&["SET", "p:other", "1"]);
        it.take(quota, 7).await;
        it.clock.advance(TEN_SECONDS / 2);
        if quota == Quota::sliding(10, TEN_SECONDS) {
            it.clock.advance(TEN_SECONDS / 2);
        }
        it.take(quota, 1).await;
        let reset = it.spend(quota, Spend::Reset).await;
        assert!(reset.allowed() && reset.reset_after().is_zero());
        assert_eq!(reset.remaining(), 10);
        assert_eq!(it.keys(), ["p:other"], "{quota:?}");
        assert_eq!(it.left(quota).await, 10);
    }
}

/// The counts begin anew, with a time to live, also where the reset and what follows are one call.
#[tokio::test]
async fn what_follows_a_reset_in_its_call_is_all_that_is_kept() {
    for quota in [
        Quota::aligned(10, TEN_SECONDS),
        Quota::sliding(10, TEN_SECONDS),
        Quota::token_bucket(10, TEN_SECONDS),
    ] {
        let it = Fixture::start().await;
        it.take(quota, 7).await;
        let claims = [Spend::Take(1), Spend::Reset, Spend::Take(9), Spend::Take(2)]
            .map(|spend| Claim::new(key(), quota).spend(spend));
        let refused = it.store.acquire(&claims).await.unwrap();
        assert!(!refused.allowed() && refused[2].allowed());
        assert_eq!(it.left(quota).await, 3, "a refused call resets nothing");
        let allowed = it.store.acquire(&claims[..3]).await.unwrap();
        assert!(allowed.allowed());
        assert_eq!((allowed[0].remaining(), allowed[2].remaining()), (2, 1));
        assert_eq!(it.left(quota).await, 1);
        let [kept] = &it.keys()[..] else {
            panic!("{:?}", it.keys())
        };
        let ttl: i64 = it.ask(&["PTTL", kept]);
        assert!(ttl > 0 && ttl <= 21_000, "{ttl}");
    }
}

#[tokio::test]
async fn a_shared_limit_cannot_be_banned() {
    let it = Fixture::start().await;
    let quota = Quota::aligned(10, TEN_SECONDS);
    let ours = Scope::new(Kind::Limit, "ours").key("x");
    let claims = [
        Claim::new(ours, quota),
        Claim::new(key(), quota).spend(Spend::Ban(TEN_SECONDS)),
    ];
    let error = it.store.acquire(&claims).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(it.keys(), [""; 0]);
}
