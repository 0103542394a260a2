//! What a store does: acquires, refusals and reads.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{
        Claim, Decisions, Entries, Identifier, Key, Kind, MemoryStore, MeteredStore, PrefixedStore,
        Scope, SharedStore, Store,
    },
};

use crate::{
    peers,
    row::{Row, ready},
};

const YEARS: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A hundred microseconds a unit, and a burst that no run uses up.
pub const AMPLE: Quota = Quota::per_hour(36_000_000);
pub const USED_UP: Quota = Quota::per_day(1);
const PLENTY: u32 = 10_000_000;
const FIXED: Quota = Quota::fixed(PLENTY, DAY);

pub const TEXT: &str = "0123456789abcdef0123456789abcdef";
pub const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

const ONE: &str = "one claim, IPv4";

pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        allowed(ONE, AMPLE, || IP.into()).peer(peers::IP),
        allowed("one claim, 32-byte name", AMPLE, || TEXT.into()).peer(peers::STRING),
        allowed("one claim, IPv4, fixed window", FIXED, || IP.into()).peer(peers::IP),
        allowed("one claim, 32-byte name, fixed window", FIXED, || {
            TEXT.into()
        })
        .peer(peers::STRING),
        Row::new("acquire", "one claim, IPv4, polled future", || {
            let store = shared();
            let claims = [Claim::new(key(IP), AMPLE)];
            move || {
                let answer = ready(black_box(&store).acquire(black_box(&claims)));
                assert!(answer.is_ok_and(|decisions| black_box(&decisions).allowed()));
            }
        })
        .most(600)
        .allocations(0)
        .peer(peers::IP),
        Row::new("acquire", "one claim, IPv4, key made each time", || {
            let (store, scope) = (shared(), Scope::new(Kind::Limit, "api"));
            move || {
                assert!(acquire(
                    &store,
                    &[Claim::new(scope.key(black_box(IP)), AMPLE)]
                ))
            }
        })
        .allocations(0)
        .peer(peers::IP),
        refused("refused: one claim, IPv4", USED_UP, || IP.into()).within(1.0, ONE),
        refused("refused: one claim, 32-byte name", USED_UP, || TEXT.into())
            .within(1.0, "one claim, 32-byte name"),
        three("three claims: everyone, user, ip", AMPLE, true),
        three("refused: three claims, the last is used up", USED_UP, false),
    ];
    rows.extend(algorithms());
    rows.extend([read("read hit", shared()).most(400), adapted_read()]);
    rows.extend([
        over_adapter("one claim, IPv4, prefixed", || {
            PrefixedStore::new(MemoryStore::new(), "prod").into()
        }),
        over_adapter("one claim, IPv4, metered", || {
            MeteredStore::new(MemoryStore::new()).into()
        }),
    ]);
    rows
}

/// Each algorithm, allowed and refused.
fn algorithms() -> Vec<Row> {
    let quotas: [(&str, Quota, Quota); 7] = [
        ("gcra", AMPLE, USED_UP),
        (
            "gcra, uneven",
            Quota::per_hour(35_999_999),
            Quota::per_day(7).burst(1),
        ),
        ("fixed", FIXED, Quota::fixed(1, YEARS)),
        (
            "aligned",
            Quota::aligned(PLENTY, DAY),
            Quota::aligned(1, YEARS),
        ),
        (
            "sliding",
            Quota::sliding(PLENTY, DAY),
            Quota::sliding(1, YEARS),
        ),
        (
            "strict",
            Quota::strict(PLENTY, DAY),
            Quota::strict(1, YEARS),
        ),
        (
            "token bucket",
            Quota::token_bucket(PLENTY, DAY),
            Quota::token_bucket(1, YEARS),
        ),
    ];
    let row = |(name, ample, used_up)| {
        let yes = Row {
            group: "algorithms",
            ..allowed(name, ample, || IP.into())
        };
        let no = refused(format!("refused: {name}"), used_up, || IP.into());
        let no = Row {
            group: "algorithms",
            ..no
        }
        .within(1.0, name);
        [yes, no]
    };
    quotas.into_iter().flat_map(row).collect()
}

fn allowed(name: &str, quota: Quota, identifier: fn() -> Identifier) -> Row {
    one(name, quota, identifier, true).most(600)
}

fn refused(name: impl Into<String>, quota: Quota, identifier: fn() -> Identifier) -> Row {
    one(name, quota, identifier, false)
}

/// One claim on a key that exists, asked as a layer does.
fn one(name: impl Into<String>, quota: Quota, identifier: fn() -> Identifier, answer: bool) -> Row {
    Row::new("acquire", name, move || {
        let store = shared();
        let claims = [Claim::new(key(identifier()), quota)];
        acquire(&store, &claims);
        move || assert_eq!(acquire(&store, &claims), answer)
    })
    .allocations(0)
}

fn three(name: &str, last: Quota, answer: bool) -> Row {
    Row::new("acquire", name, move || {
        let store = shared();
        let key = |name, identifier: Identifier| Scope::new(Kind::Limit, name).key(identifier);
        let claims = [
            Claim::new(key("everyone", "".into()), AMPLE),
            Claim::new(key("user", TEXT.into()), AMPLE),
            Claim::new(key("ip", IP.into()), last),
        ];
        acquire(&store, &claims);
        move || assert_eq!(acquire(&store, &claims), answer)
    })
    .within(3.2, ONE)
    .allocations(0)
}

fn read(name: &str, store: SharedStore) -> Row {
    Row::new("read", name, move || {
        let store = store.clone();
        let keys = [Scope::new(Kind::Data, "greetings").key(TEXT)];
        assert!(ready(store.put(&keys[0], "hello", YEARS)).is_ok());
        move || {
            let mut entries = Entries::new();
            let answer = black_box(&store).try_read(black_box(&keys), &mut entries);
            assert!(matches!(answer, Some(Ok(()))) && entries[0].is_some());
            black_box(&entries);
        }
    })
    .allocations(0)
}

fn adapted_read() -> Row {
    let row = read(
        "read hit, metered",
        MeteredStore::new(MemoryStore::new()).into(),
    );
    Row {
        group: "adapters",
        ..row
    }
}

fn over_adapter(name: &str, store: fn() -> SharedStore) -> Row {
    Row::new("adapters", name, move || {
        let store = store();
        let claims = [Claim::new(key(IP), AMPLE)];
        move || assert!(acquire(&store, &claims))
    })
}

/// Asks as a layer does: at once, without a future.
#[inline(always)]
fn acquire(store: &SharedStore, claims: &[Claim]) -> bool {
    let mut decisions = Decisions::new();
    let answer = black_box(store).try_acquire(black_box(claims), &mut decisions);
    let decisions = black_box(&decisions);
    matches!(answer, Some(Ok(()))) && decisions.allowed()
}

fn shared() -> SharedStore {
    MemoryStore::new().into()
}

fn key(identifier: impl Into<Identifier>) -> Key {
    Scope::new(Kind::Limit, "api").key(identifier)
}
