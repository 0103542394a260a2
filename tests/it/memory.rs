//! What the memory store promises beyond the contract: exactness among threads, budgets, and hooks that may do anything.

mod budget;
mod claims;
mod evict;
mod hooks;
mod threads;

use std::{
    net::{IpAddr, Ipv4Addr},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use tokio_test::block_on;
use tower_upstash::{
    quota::{Algorithm, Quota},
    store::{
        Budgets, Claim, Condition, Decisions, ErrorKind, Key, Kind, MemoryEvent, MemoryStore,
        Refusal, Scope, SharedStore, Spend, Store, Write, Written,
    },
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

const HOUR: Duration = Duration::from_secs(3600);

fn limit(name: &str) -> Key {
    Scope::new(Kind::Limit, name).key("")
}

fn acquire(store: &MemoryStore, claims: &[Claim]) -> Decisions {
    let mut decisions = Decisions::new();
    store.try_acquire(claims, &mut decisions).unwrap().unwrap();
    decisions
}

/// The clock stands still, so that nothing comes back while the threads run.
fn still() -> (MemoryStore, ManualClock) {
    let clock = ManualClock::default();
    (MemoryStore::builder().clock(clock.clone()).build(), clock)
}

#[test]
fn eight_threads_are_admitted_exactly_as_often_as_the_limit_says() {
    for algorithm in ALGORITHMS {
        let (store, _) = still();
        let quota = Quota::new(algorithm, 123_457, HOUR).unwrap();
        let claim = [Claim::new(limit("exact"), quota)];
        let admitted = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let allowed = (0..100_000)
                        .filter(|_| acquire(&store, &claim).allowed())
                        .count();
                    admitted.fetch_add(allowed as u64, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(admitted.into_inner(), 123_457, "{algorithm:?}");
    }
}

#[test]
fn calls_that_share_keys_in_any_order_neither_wait_for_each_other_for_ever_nor_count_wrong() {
    let (store, _) = still();
    let keys = ["a", "b", "c", "d", "e"].map(limit);
    let quota = Quota::fixed(10_000, HOUR);
    let admitted = AtomicU64::new(0);
    thread::scope(|scope| {
        for turn in 0..8 {
            let (keys, store, admitted) = (&keys, &store, &admitted);
            scope.spawn(move || {
                for step in 0..5_000 {
                    let three = [0, 1, 2].map(|each| {
                        let place = if turn % 2 == 0 {
                            each + step
                        } else {
                            2 * each + step + turn
                        };
                        Claim::new(keys[place % 5].clone(), quota)
                    });
                    admitted.fetch_add(
                        u64::from(acquire(store, &three).allowed()),
                        Ordering::SeqCst,
                    );
                }
            });
        }
    });
    let peeks = keys.map(|key| Claim::new(key, quota).spend(Spend::Peek(1)));
    let left: u64 = acquire(&store, &peeks)
        .iter()
        .map(|decision| u64::from(decision.remaining()))
        .sum();
    assert_eq!(left, 5 * 10_000 - 3 * admitted.into_inner());
}

#[test]
fn a_flood_of_keys_never_lets_a_used_up_limit_begin_anew() {
    let evicted = Arc::new(AtomicU64::new(0));
    let counter = evicted.clone();
    let clock = ManualClock::default();
    let store = MemoryStore::builder()
        .budgets(Budgets::default().limits(1 << 20))
        .clock(clock.clone())
        .on_event(move |event| {
            assert_eq!(event, MemoryEvent::LimitEvicted);
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .build();
    let scope = Scope::new(Kind::Limit, "flood");
    let minute = Duration::from_secs(60);
    // Used up before the flood, and of windows that end before those of the flood.
    let victims: Vec<_> = (0..120)
        .map(|victim| {
            let quota = Quota::new(ALGORITHMS[victim % 6], 10, minute).unwrap();
            Claim::new(scope.key(format!("victim {victim}")), quota)
        })
        .collect();
    for victim in &victims {
        assert!(acquire(&store, &[victim.clone().spend(Spend::Take(10))]).allowed());
    }
    clock.advance(Duration::from_millis(1));
    let flood: u32 = if cfg!(debug_assertions) {
        1_000_000
    } else {
        10_000_000
    };
    for address in 0..flood {
        let key = scope.key(IpAddr::from(Ipv4Addr::from_bits(address)));
        let quota = Quota::new(ALGORITHMS[address as usize % 6], 10, 2 * minute).unwrap();
        assert!(acquire(&store, &[Claim::new(key, quota)]).allowed());
    }
    for victim in &victims {
        assert!(
            !acquire(&store, std::slice::from_ref(victim)).allowed(),
            "{:?}",
            victim.quota()
        );
    }
    // A state takes 52 bytes, so there were never more of them than this.
    assert!(evicted.load(Ordering::SeqCst) >= u64::from(flood) - (1 << 20) / 52);
}

/// Puts values of 1,000 bytes until the store is full, and returns how many there are.
async fn fill(store: &MemoryStore, scope: &Scope) -> usize {
    for number in 0.. {
        let put = Write::put(scope.key(number.to_string()), vec![0; 1000], HOUR);
        match Store::write(store, &put.into()).await {
            Ok(written) => assert!(written.is_done()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
                return number;
            }
        }
    }
    unreachable!("the store is never full")
}

#[test]
fn a_full_store_of_sessions_refuses_more_and_still_serves_those_it_has() {
    let full = Arc::new(AtomicU64::new(0));
    let counter = full.clone();
    let clock = ManualClock::default();
    let store = MemoryStore::builder()
        .budgets(Budgets::default().sessions(100_000))
        .clock(clock.clone())
        .on_event(move |event| {
            assert_eq!(event, MemoryEvent::Full(Kind::Session));
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .build();
    let sessions = Scope::new(Kind::Session, "app");
    block_on(async {
        let count = fill(&store, &sessions).await;
        assert_eq!(count, 100_000 / 1_096);
        assert_eq!(full.load(Ordering::SeqCst), 1);

        // One that is there can be rewritten, and its place taken when it is gone.
        let shared = SharedStore::new(store.clone());
        shared
            .put(&sessions.key("0"), vec![1; 1000], HOUR)
            .await
            .unwrap();
        shared.delete(&sessions.key("0")).await.unwrap();
        shared
            .put(&sessions.key("new"), vec![1; 1000], HOUR)
            .await
            .unwrap();
        assert!(
            shared
                .put(&sessions.key("newer"), vec![1; 1000], HOUR)
                .await
                .is_err()
        );

        // The other budgets are as they were.
        shared
            .put(
                &Scope::new(Kind::Cache, "page").key("/"),
                vec![1; 1000],
                HOUR,
            )
            .await
            .unwrap();
        assert_eq!(
            shared
                .increment(&Scope::new(Kind::Counter, "hits").key(""), 1, HOUR)
                .await
                .unwrap(),
            1
        );
        assert!(acquire(&store, &[Claim::new(limit("api"), Quota::per_second(1))]).allowed());

        // What has expired makes room.
        clock.advance(HOUR);
        assert_eq!(fill(&store, &sessions).await, count);
    });
}

#[test]
fn a_full_cache_makes_room_for_what_is_new_and_keeps_what_is_used() {
    let clock = ManualClock::default();
    let store = MemoryStore::builder()
        .budgets(Budgets::default().cache(1_000_000))
        .max_value(2_000_000)
        .clock(clock.clone())
        .build();
    let store = SharedStore::new(store);
    let pages = Scope::new(Kind::Cache, "pages");
    block_on(async {
        store
            .put(&pages.key("popular"), vec![0; 1000], HOUR)
            .await
            .unwrap();
        for number in 0..20_000 {
            clock.advance(Duration::from_micros(1));
            store
                .put(&pages.key(number.to_string()), vec![0; 1000], HOUR)
                .await
                .unwrap();
            clock.advance(Duration::from_micros(1)); // used after all others
            assert!(
                store.get(&pages.key("popular")).await.unwrap().is_some(),
                "evicted after {number}"
            );
        }
        assert!(store.get(&pages.key("19999")).await.unwrap().is_some());
        // One value may take nearly all, and none may take more.
        store
            .put(&pages.key("large"), vec![0; 999_000], HOUR)
            .await
            .unwrap();
        let error = store
            .put(&pages.key("larger"), vec![0; 1_000_001], HOUR)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        assert!(store.get(&pages.key("large")).await.unwrap().is_some());
    });
}

#[test]
fn the_books_are_even_when_everything_is_gone() {
    let clock = ManualClock::default();
    let budget = 50_000;
    let store = MemoryStore::builder()
        .budgets(Budgets::default().sessions(budget).data(budget))
        .clock(clock.clone())
        .build();
    let shared = SharedStore::new(store.clone());
    let sessions = Scope::new(Kind::Session, "app");
    let index = Scope::new(Kind::Index, "app").key("alice");
    let data = Scope::new(Kind::Data, "data");
    block_on(async {
        let (sessions_before, data_before) =
            (fill(&store, &sessions).await, fill(&store, &data).await);
        for round in 0..50_u32 {
            clock.advance(HOUR);
            for number in 0..20_u32 {
                let ttl = HOUR / (number % 3 + 1);
                let key = sessions.key(format!("{round} {number}"));
                let put = Write::put(key.clone(), vec![0; number as usize], ttl);
                assert!(
                    shared
                        .write(&put.member_of(index.clone()).into())
                        .await
                        .unwrap()
                        .is_done()
                );
                if number % 2 == 0 {
                    let put = Write::put(key.clone(), vec![0; 100], ttl).member_of(index.clone());
                    assert!(shared.write(&put.into()).await.unwrap().is_done());
                }
                if number % 3 == 0 {
                    let delete = Write::delete(key).member_of(index.clone());
                    assert!(shared.write(&delete.into()).await.unwrap().is_done());
                }
                shared.put(&data.key("7"), "7", ttl).await.unwrap();
                assert_eq!(shared.increment(&data.key("7"), 1, ttl).await.unwrap(), 8);
                shared
                    .increment(&data.key(format!("{round} {number}")), 1, ttl)
                    .await
                    .unwrap();
            }
        }
        clock.advance(HOUR);
        // As much fits as at first: no byte was lost, and none was counted twice.
        assert_eq!(fill(&store, &sessions).await, sessions_before);
        assert_eq!(fill(&store, &data).await, data_before);
    });
}

#[test]
fn a_batch_that_is_refused_takes_no_room() {
    let store = MemoryStore::builder()
        .budgets(Budgets::default().data(10_000))
        .build();
    let data = Scope::new(Kind::Data, "data");
    block_on(async {
        for _ in 0..100 {
            let put = Write::put(data.key("new"), vec![0; 5_000], HOUR);
            let missing = Write::delete(data.key("missing")).when(Condition::Present);
            let written = Store::write(&store, &[put, missing].into_iter().collect())
                .await
                .unwrap();
            assert_eq!(
                written,
                Written::Refused {
                    at: 1,
                    why: Refusal::Gone
                }
            );
        }
        assert_eq!(fill(&store, &data).await, 10_000 / 1_096);
    });
}

#[test]
fn a_hook_may_call_the_store_and_may_panic() {
    let itself = Arc::new(OnceLock::<MemoryStore>::new());
    let inner = itself.clone();
    let calls = AtomicU64::new(0);
    let store = MemoryStore::builder()
        .budgets(Budgets::default().limits(0))
        .on_event(move |_| {
            let call = calls.fetch_add(1, Ordering::SeqCst);
            if call == 0 {
                let store = inner.get().unwrap();
                assert!(
                    acquire(store, &[Claim::new(limit("from the hook"), Quota::NONE)])[0]
                        .retry_after()
                        .is_none()
                );
            }
            assert!(call != 1, "a hook that panics");
        })
        .build();
    itself.set(store.clone()).unwrap();
    let scope = Scope::new(Kind::Limit, "many");
    let mut panics = 0;
    for number in 0..20_000_u32 {
        let claim = Claim::new(
            scope.key(IpAddr::from(Ipv4Addr::from_bits(number))),
            Quota::per_second(1),
        );
        panics += u32::from(catch_unwind(AssertUnwindSafe(|| acquire(&store, &[claim]))).is_err());
    }
    assert_eq!(panics, 1);
}

#[test]
fn a_clock_that_jumps_never_gives_anything_back() {
    let (store, clock) = still();
    for algorithm in ALGORITHMS {
        let quota = Quota::new(algorithm, 10, HOUR).unwrap();
        let claim = [Claim::new(limit(&format!("{algorithm:?}")), quota)];
        let now = tower_upstash::time::Clock::now(&clock);
        while acquire(&store, &claim).allowed() {}
        for back in [1, 3600, 86_400 * 365] {
            clock.set(tower_upstash::time::Timestamp::from_micros(
                now.as_micros() - back * 1_000_000,
            ));
            assert!(!acquire(&store, &claim).allowed(), "{algorithm:?}");
        }
        clock.set(now);
        assert!(!acquire(&store, &claim).allowed(), "{algorithm:?}");
    }
}
