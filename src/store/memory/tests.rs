//! What only the tables can tell: that nothing changed at all, and that every byte is given back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::atomic::Ordering, time::Duration};

use super::{
    MemoryStore,
    budget::Class,
    record::Value,
    store::{Inner, lock},
};
use crate::{
    quota::{Algorithm, Quota},
    store::{Batch, Claim, Condition, Decisions, Key, Kind, Scope, Spend, Store, Write},
    time::ManualClock,
};

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Gcra,
    Algorithm::FixedWindow,
    Algorithm::AlignedWindow,
    Algorithm::SlidingWindow,
    Algorithm::StrictWindow,
    Algorithm::TokenBucket,
];

/// Returns everything that is stored, to the last bit and place.
fn dump(store: &Inner) -> Vec<String> {
    let of_shard = |shard: &std::sync::Mutex<super::shard::Shard>| {
        let shard = lock(shard);
        let states = shard.limits.dump();
        let mut lines: Vec<_> = states.iter().map(|state| format!("{state:?}")).collect();
        for class in Class::ALL {
            lines.extend(shard.records.of(class).iter().map(|(digest, record)| {
                let value = match &record.value {
                    Value::Bytes(bytes) => format!("{bytes:?}"),
                    Value::Counter(number) => number.to_string(),
                    Value::Index(index) => format!("{} bytes", index.size()),
                };
                format!("{digest:?} {value} {} {}", record.expires, record.used)
            }));
        }
        lines
    };
    store.shards.iter().flat_map(of_shard).collect()
}

fn used(store: &Inner) -> [u64; 3] {
    Class::ALL.map(|class| store.account(class).used.load(Ordering::Relaxed))
}

/// Returns how many bytes the records in the tables have: what the accounts should say.
fn counted(store: &Inner) -> [u64; 3] {
    Class::ALL.map(|class| {
        let shards = store.shards.iter();
        shards
            .map(|shard| {
                let shard = lock(shard);
                let records = shard.records.of(class).iter();
                records.map(|(_, record)| record.size()).sum::<u64>()
            })
            .sum()
    })
}

fn acquire(store: &MemoryStore, claims: &[Claim]) -> Decisions {
    let mut decisions = Decisions::new();
    store.try_acquire(claims, &mut decisions).unwrap().unwrap();
    decisions
}

/// R3: of up to eight claims, one refuses, wherever it stands and whatever the others would have done.
#[test]
fn a_refused_call_leaves_every_bit_as_it_was() {
    let limit = |number: usize| Scope::new(Kind::Limit, "test").key(number.to_string().as_str());
    for algorithm in ALGORITHMS {
        for n in 1..=8 {
            for refusing in 0..n {
                let clock = ManualClock::default();
                let store = MemoryStore::builder().clock(clock.clone()).build();
                let quota = |place: usize| {
                    let mixed = ALGORITHMS[place % 6];
                    let algorithm = if place == refusing { algorithm } else { mixed };
                    Quota::new(algorithm, 10, Duration::from_secs(60)).unwrap()
                };
                let spent = |place: usize| {
                    if place == refusing {
                        10
                    } else {
                        place as u32 % 3
                    }
                };
                let claims: Vec<_> = (0..n)
                    .map(|place| Claim::new(limit(place), quota(place)))
                    .collect();
                let first: Vec<_> = claims
                    .iter()
                    .enumerate()
                    .map(|(place, claim)| claim.clone().spend(Spend::Take(spent(place))))
                    .collect();
                let decisions = acquire(&store, &first);
                assert!(decisions.allowed());
                clock.advance(Duration::from_secs(1));
                let before = dump(&store.0);
                let again: Vec<_> = claims
                    .iter()
                    .enumerate()
                    .map(|(place, claim)| {
                        let window = decisions[place].window();
                        claim.clone().spend(match place {
                            _ if place == refusing => Spend::Take(9),
                            1 => Spend::Charge(3),
                            4 => Spend::Reset,
                            5 => Spend::Ban(Duration::from_secs(9)),
                            2 => Spend::Refund { cost: 1, window },
                            3 => Spend::Shadow(2),
                            _ => Spend::Take(1),
                        })
                    })
                    .collect();
                assert!(!acquire(&store, &again).allowed());
                assert_eq!(dump(&store.0), before, "{algorithm:?}: {refusing} of {n}");
            }
        }
    }
}

/// R12: nothing, and whatever only looks, leaves no trace on a key that was never there.
#[test]
fn peeks_and_costs_of_zero_write_nothing() {
    let store = MemoryStore::new();
    let key = Scope::new(Kind::Limit, "test").key("");
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 10, Duration::from_secs(60)).unwrap();
        for spend in [
            Spend::Peek(5),
            Spend::Take(0),
            Spend::Take(11),
            Spend::Shadow(11),
            Spend::Charge(0),
        ] {
            acquire(&store, &[Claim::new(key.clone(), quota).spend(spend)]);
        }
    }
    assert!(dump(&store.0).is_empty());
}

/// A ban lies in both tables, since the next claim may ask for either; a reset leaves nothing.
#[test]
fn a_ban_is_one_in_both_tables_and_a_reset_empties_them() {
    let key = Scope::new(Kind::Limit, "test").key("");
    let second = Duration::from_secs(1);
    for algorithm in ALGORITHMS {
        for also in ALGORITHMS {
            let store = MemoryStore::builder().clock(ManualClock::default()).build();
            let claim = |algorithm, spend| {
                let quota = Quota::new(algorithm, 10, second).unwrap();
                Claim::new(key.clone(), quota).spend(spend)
            };
            let one = |spend| acquire(&store, &[claim(algorithm, spend)]);
            one(Spend::Reset);
            acquire(&store, &[claim(also, Spend::Take(1))]);
            one(Spend::Take(1));
            for spends in [
                vec![Spend::Ban(second)],
                vec![Spend::Take(1), Spend::Ban(second * 2), Spend::Ban(second)],
                vec![Spend::Reset, Spend::Ban(second), Spend::Peek(1)],
            ] {
                let claims: Vec<_> = spends
                    .into_iter()
                    .map(|spend| claim(algorithm, spend))
                    .collect();
                acquire(&store, &claims);
                let kept = dump(&store.0);
                assert_eq!(kept.len(), 2, "{algorithm:?} and {also:?}");
                assert_eq!(kept[0], kept[1]);
                if claims.len() > 1 {
                    one(Spend::Reset);
                    assert!(dump(&store.0).is_empty());
                }
            }
            let again = [Spend::Reset, Spend::Take(3)].map(|spend| claim(algorithm, spend));
            acquire(&store, &again);
            assert_eq!(dump(&store.0).len(), 1);
            acquire(
                &store,
                &[Spend::Take(3), Spend::Reset].map(|spend| claim(algorithm, spend)),
            );
            assert!(dump(&store.0).is_empty());
        }
    }
}

const KINDS: [Kind; 5] = [
    Kind::Session,
    Kind::Cache,
    Kind::Counter,
    Kind::Lock,
    Kind::Data,
];

fn key(kind: Kind, number: usize) -> Key {
    Scope::new(kind, "test").key(number.to_string().as_str())
}

/// Puts, replaces, counts, joins and leaves: in some order, of many sizes.
fn fill(store: &MemoryStore, rounds: usize) {
    for turn in 0..rounds {
        let number = turn * 7 % 50;
        let ttl = Duration::from_secs(60 + turn as u64 % 7);
        let index = Scope::new(Kind::Index, "of").key((number % 3).to_string().as_str());
        let kind = KINDS[turn % KINDS.len()];
        let put = Write::put(key(kind, number), vec![1; turn * 13 % 300], ttl);
        let session = Write::put(key(Kind::Session, number + 100), vec![1; turn % 99], ttl);
        let other = Write::delete(key(Kind::Session, (number + 1) % 50 + 100));
        let batch = match turn % 4 {
            0 => Batch::from([
                put,
                session.member_of(index.clone()).membership_ttl(ttl * 2),
                other.member_of(index),
            ]),
            1 => Batch::from([put, session.member_of_at_most(index, 5)]),
            2 => Batch::from([put.when(Condition::Absent), other.member_of(index)]),
            _ => Batch::from([put, session, Write::delete(key(Kind::Cache, number / 2))]),
        };
        let _ = store.try_write(&batch).unwrap().unwrap();
        let _ = store.0.increment(&key(Kind::Counter, number), 1, ttl);
        assert_eq!(used(&store.0), counted(&store.0), "after {turn}");
    }
}

#[test]
fn the_accounts_say_what_is_in_the_tables_and_end_at_zero() {
    let store = MemoryStore::builder().clock(ManualClock::default()).build();
    fill(&store, 2000);
    assert!(used(&store.0).iter().all(|used| *used > 0));

    // Everything deleted, and all members gone with it.
    for index in 0..3 {
        let index = Scope::new(Kind::Index, "of").key(index.to_string().as_str());
        for number in 100..200 {
            let delete = Write::delete(key(Kind::Session, number)).member_of(index.clone());
            let _ = store.try_write(&delete.into()).unwrap().unwrap();
        }
    }
    for number in 0..200 {
        for kind in KINDS {
            let _ = store
                .try_write(&Write::delete(key(kind, number)).into())
                .unwrap()
                .unwrap();
        }
    }
    assert_eq!((used(&store.0), counted(&store.0)), ([0; 3], [0; 3]));
}

/// There is no task that sweeps: what has expired goes as new entries come, two for one.
#[test]
fn expired_records_leave_memory_as_new_ones_arrive() {
    let clock = ManualClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    fill(&store, 2000);
    let hour = Duration::from_secs(3600);
    clock.advance(hour);
    let mut after = 0;
    for number in 1000..4000 {
        for kind in [Kind::Session, Kind::Cache, Kind::Data] {
            let _ = store
                .try_write(&Write::put(key(kind, number), "", hour).into())
                .unwrap()
                .unwrap();
            after += 1;
        }
    }
    assert_eq!(used(&store.0), counted(&store.0));
    assert_eq!(
        dump(&store.0).len(),
        after,
        "nothing but what was put since"
    );
    assert_eq!(used(&store.0), [96 * 3000; 3]);
}

/// R10, R21: a limit that nobody asks for again is gone after its time, also if it is the last of its table.
#[test]
fn expired_limits_leave_memory_as_new_ones_arrive() {
    let clock = ManualClock::default();
    let store = MemoryStore::builder().clock(clock.clone()).build();
    let wave = |algorithm, name: usize| {
        let scope = Scope::new(Kind::Limit, &name.to_string());
        let quota = Quota::new(algorithm, 10, Duration::from_secs(60)).unwrap();
        for number in 0..5000 {
            acquire(
                &store,
                &[Claim::new(scope.key(number.to_string().as_str()), quota)],
            );
        }
        clock.advance(Duration::from_secs(121));
    };
    for (name, algorithm) in ALGORITHMS.into_iter().chain(ALGORITHMS).enumerate() {
        wave(algorithm, name);
        let kept = dump(&store.0).len();
        assert!((5000..6000).contains(&kept), "{kept} after {algorithm:?}");
    }
}
