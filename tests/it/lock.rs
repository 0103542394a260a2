//! Locks: one holder at a time, and nobody touches another's.

mod holders;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio_test::{assert_pending, block_on, task};
use tower_upstash::{
    store::{Key, Kind, MemoryStore, Scope, SharedStore},
    time::{ManualClock, Timer},
};

use crate::support::Remote;

const TTL: Duration = Duration::from_secs(30);

fn key() -> Key {
    Scope::new(Kind::Lock, "report").key("")
}

fn store() -> (SharedStore, ManualClock) {
    let clock = ManualClock::default();
    (
        SharedStore::new(MemoryStore::builder().clock(clock.clone()).build()),
        clock,
    )
}

#[test]
fn a_lock_is_held_once_and_free_again_when_released() {
    let (store, _) = store();
    let lock = store.lock(key(), TTL);
    block_on(async {
        let guard = lock.try_lock().await.unwrap().unwrap();
        assert!(lock.try_lock().await.unwrap().is_none());
        assert!(guard.release().await.unwrap());
        assert!(lock.try_lock().await.unwrap().is_some());
    });
}

#[test]
fn whoever_lost_a_lock_neither_extends_nor_releases_the_next_holders() {
    let (store, clock) = store();
    let lock = store.lock(key(), TTL);
    block_on(async {
        let mut slow = lock.try_lock().await.unwrap().unwrap();
        let slower = { lock.clone() };
        clock.advance(TTL);
        let next = slower.try_lock().await.unwrap().unwrap();
        assert!(!slow.extend().await.unwrap());
        assert!(!slow.release().await.unwrap());
        assert!(lock.try_lock().await.unwrap().is_none());
        assert!(next.release().await.unwrap());

        // Nor does a guard that is dropped late.
        let late = lock.try_lock().await.unwrap().unwrap();
        clock.advance(TTL);
        let _next = lock.try_lock().await.unwrap().unwrap();
        drop(late);
        assert!(lock.try_lock().await.unwrap().is_none());
    });
}

#[test]
fn a_lock_that_is_extended_lasts_its_whole_time_from_then_on() {
    let (store, clock) = store();
    let lock = store.lock(key(), TTL);
    block_on(async {
        let mut guard = lock.try_lock().await.unwrap().unwrap();
        for _ in 0..10 {
            clock.advance(TTL * 2 / 3);
            assert!(guard.extend().await.unwrap());
            assert!(lock.try_lock().await.unwrap().is_none());
        }
        clock.advance(TTL - Duration::from_millis(1));
        assert!(lock.try_lock().await.unwrap().is_none());
        clock.advance(Duration::from_millis(1));
        assert!(lock.try_lock().await.unwrap().is_some());
    });
}

#[test]
fn a_guard_that_is_dropped_gives_the_lock_up_where_the_store_answers_at_once() {
    let (memory, _) = store();
    let lock = memory.lock(key(), TTL);
    block_on(async {
        drop(lock.try_lock().await.unwrap().unwrap());
        assert!(lock.try_lock().await.unwrap().is_some());

        let lock = Remote::open().shared().lock(key(), TTL);
        drop(lock.try_lock().await.unwrap().unwrap());
        assert!(lock.try_lock().await.unwrap().is_none());
    });
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_when_the_lock_is_free_or_the_time_is_over() {
    let (store, _) = store();
    let lock = store.lock(key(), TTL);
    let timer = Timer::tokio();
    let guard = lock.try_lock().await.unwrap().unwrap();
    let start = tokio::time::Instant::now();
    assert!(
        lock.wait(Duration::from_secs(5), &timer)
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(start.elapsed().as_secs(), 5);
    assert!(lock.wait(Duration::ZERO, &timer).await.unwrap().is_none());

    let (waited, ()) = tokio::join!(lock.wait(Duration::from_secs(60), &timer), async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(guard.release().await.unwrap());
    });
    assert!(waited.unwrap().is_some());
    assert!(start.elapsed() < Duration::from_millis(15_500));
}

#[tokio::test(start_paused = true)]
async fn of_many_that_wait_one_at_a_time_has_the_lock() {
    let lock = Remote::open().shared().lock(key(), TTL);
    let inside = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (lock, inside) = (lock.clone(), inside.clone());
            tokio::spawn(async move {
                let guard = lock
                    .wait(TTL, &Timer::tokio())
                    .await
                    .unwrap()
                    .expect("a turn within the time");
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                tokio::time::sleep(Duration::from_millis(100)).await;
                inside.fetch_sub(1, Ordering::SeqCst);
                assert!(guard.release().await.unwrap());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn a_try_that_is_dropped_before_the_store_has_its_turn_holds_nothing() {
    let store = Remote::with_turns(0);
    let lock = store.shared().lock(key(), TTL);
    let mut attempt = task::spawn(lock.try_lock());
    assert_pending!(attempt.poll());
    drop(attempt);
    store.give_turn();
    assert!(block_on(lock.try_lock()).unwrap().is_some());
}
