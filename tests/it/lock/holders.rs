//! Locks and counters: one holder at a time, for a time, and waiting by any timer.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tokio::task::{JoinSet, yield_now};
use tower_upstash::{
    store::{
        Batch, Claim, Cursor, Decisions, Entries, ErrorKind, Key, Kind, Lock, Members, MemoryStore,
        Position, Purge, Purges, Result, Scope, SharedStore, Store, Written,
    },
    time::{ManualClock, Timer},
};

const TTL: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

fn key() -> Key {
    Scope::new(Kind::Lock, "report").key("")
}

fn memory() -> (SharedStore, ManualClock) {
    let clock = ManualClock::default();
    (
        MemoryStore::builder().clock(clock.clone()).build().into(),
        clock,
    )
}

/// Two who know of the same lock.
fn two() -> (Lock, Lock, ManualClock) {
    let (store, clock) = memory();
    (store.lock(key(), TTL), store.lock(key(), TTL), clock)
}

#[tokio::test]
async fn locks_of_other_keys_are_others() {
    let (store, _) = memory();
    let scope = Scope::new(Kind::Lock, "per-user");
    let alice = store
        .lock(scope.key("alice"), TTL)
        .try_lock()
        .await
        .unwrap();
    let bob = store.lock(scope.key("bob"), TTL).try_lock().await.unwrap();
    assert!(alice.is_some() && bob.is_some());
}

#[tokio::test]
async fn a_lock_that_expired_unnoticed_is_lost_too() {
    let (ours, _, clock) = two();
    let mut guard = ours.try_lock().await.unwrap().unwrap();
    clock.advance(TTL);
    assert!(
        !guard.extend().await.unwrap(),
        "between the end and the call somebody may have held it"
    );
    assert!(!guard.release().await.unwrap());
}

#[tokio::test]
async fn a_dropped_guard_gives_the_lock_up() {
    let (ours, theirs, _) = two();
    drop(ours.try_lock().await.unwrap());
    let guard = theirs.try_lock().await.unwrap().unwrap();
    // A release that is never waited for is a drop.
    drop(guard.release());
    assert!(ours.try_lock().await.unwrap().is_some());
}

#[tokio::test]
async fn every_holding_has_a_token_of_its_own_and_shows_it_to_nobody() {
    let (store, _) = memory();
    let lock = store.lock(key(), TTL);
    let mut tokens = Vec::new();
    for _ in 0..3 {
        let guard = lock.try_lock().await.unwrap().unwrap();
        let token = store.get(&key()).await.unwrap().unwrap().into_value();
        assert_eq!(token.len(), 16);
        assert!(
            !format!("{guard:?}").contains(&format!("{token:?}")),
            "{guard:?}"
        );
        assert!(!tokens.contains(&token));
        tokens.push(token);
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_outlives_a_holder_that_is_gone() {
    let (ours, theirs, clock) = two();
    let timer = Timer::tokio();
    let _gone = ours.try_lock().await.unwrap().unwrap();
    let pass = async {
        for _ in 0..30 {
            tokio::time::sleep(SECOND).await;
            clock.advance(SECOND);
        }
    };
    let (taken, ()) = tokio::join!(theirs.wait(2 * TTL, &timer), pass);
    assert!(taken.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_waiting_holds_nothing() {
    let (ours, theirs, _) = two();
    let timer = Timer::tokio();
    let guard = ours.try_lock().await.unwrap().unwrap();
    let waiting = tokio::time::timeout(SECOND, theirs.wait(TTL, &timer));
    assert!(waiting.await.is_err());
    assert!(guard.release().await.unwrap());
    assert!(ours.try_lock().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_exclude_each_other() {
    let (store, _) = memory();
    let (inside, turns) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (lock, inside, turns) = (
            store.lock(key(), TTL),
            Arc::clone(&inside),
            Arc::clone(&turns),
        );
        tasks.spawn(async move {
            for _ in 0..3000 {
                if let Some(guard) = lock.try_lock().await.unwrap() {
                    assert!(!inside.swap(true, Ordering::SeqCst), "two hold one lock");
                    yield_now().await;
                    turns.fetch_add(1, Ordering::SeqCst);
                    inside.store(false, Ordering::SeqCst);
                    drop(guard);
                }
                yield_now().await;
            }
        });
    }
    tasks.join_all().await;
    assert!(turns.load(Ordering::SeqCst) > 0);
    assert!(store.lock(key(), TTL).try_lock().await.unwrap().is_some());
}

/// A timer of no runtime: its time is the sum of what was slept.
#[derive(Clone)]
struct Hourglass(Arc<Mutex<(Instant, Vec<Duration>)>>);

struct Slept;

impl Future for Slept {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

impl hyper::rt::Sleep for Slept {}

impl hyper::rt::Timer for Hourglass {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let mut glass = self.0.lock().unwrap();
        glass.0 += duration;
        glass.1.push(duration);
        Box::pin(Slept)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        self.0.lock().unwrap().0
    }
}

#[test]
fn any_timer_will_do_and_is_asked_less_and_less_often() {
    let (ours, theirs, _) = two();
    let glass = Hourglass(Arc::new(Mutex::new((Instant::now(), Vec::new()))));
    let timer = Timer::new(glass.clone());
    let waited = async {
        let _guard = ours.try_lock().await.unwrap().unwrap();
        theirs.wait(SECOND, &timer).await.unwrap().is_none()
    };
    // By hand: nothing here needs a runtime.
    let waited = pin!(waited).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(waited, Poll::Ready(true));
    let pauses = glass.0.lock().unwrap().1.clone();
    assert_eq!(
        pauses[..6],
        [10, 20, 40, 80, 160, 250].map(Duration::from_millis)
    );
    assert_eq!(pauses.iter().sum::<Duration>(), SECOND);
    assert!(pauses.len() < 10);
}

/// The memory store as one that has to wait, before and after each write.
struct Remote(MemoryStore);

impl Store for Remote {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.0.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        yield_now().await;
        let written = self.0.write(batch).await;
        yield_now().await;
        written
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.0.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.0.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.0.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.0.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.0.purges(log, since).await
    }
}

/// Polls so many times, then drops the future.
fn poll_and_drop(future: impl Future, times: usize) {
    let mut future = pin!(future);
    for _ in 0..times {
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
}

/// R17: whatever was dropped half way, nobody holds the lock for longer than its time to live.
#[tokio::test]
async fn a_dropped_future_holds_a_lock_no_longer_than_its_time() {
    let clock = ManualClock::default();
    let store = SharedStore::new(Remote(MemoryStore::builder().clock(clock.clone()).build()));
    let (ours, theirs) = (store.lock(key(), TTL), store.lock(key(), TTL));

    poll_and_drop(ours.try_lock(), 0);
    poll_and_drop(ours.try_lock(), 1);
    let guard = theirs
        .try_lock()
        .await
        .unwrap()
        .expect("the write was never made");
    assert!(guard.release().await.unwrap());

    poll_and_drop(ours.try_lock(), 2);
    assert!(
        theirs.try_lock().await.unwrap().is_none(),
        "it was made, and nobody knows"
    );
    clock.advance(TTL);
    let guard = theirs.try_lock().await.unwrap().unwrap();

    // A drop cannot wait for a store that has to.
    drop(guard);
    assert!(ours.try_lock().await.unwrap().is_none());
    clock.advance(TTL);

    let mut guard = ours.try_lock().await.unwrap().unwrap();
    clock.advance(TTL - SECOND);
    poll_and_drop(guard.extend(), 1);
    clock.advance(Duration::from_millis(500));
    assert!(
        guard.extend().await.unwrap(),
        "the guard is as good as before"
    );
    poll_and_drop(guard.extend(), 2);
    assert!(guard.extend().await.unwrap(), "the token is the same");
    poll_and_drop(guard.release(), 1);
    assert!(theirs.try_lock().await.unwrap().is_none());
    clock.advance(TTL);
    let guard = theirs.try_lock().await.unwrap().unwrap();
    poll_and_drop(guard.release(), 2);
    assert!(ours.try_lock().await.unwrap().is_some(), "it was released");
}

#[tokio::test]
async fn a_counter_ends_with_its_first_increment_and_begins_anew() {
    let (store, clock) = memory();
    let visits = store.counter(Scope::new(Kind::Counter, "visits").key("today"), TTL);
    assert_eq!(visits.get().await.unwrap(), 0);
    assert_eq!(visits.increment(5).await.unwrap(), 5);
    clock.advance(TTL - SECOND);
    assert_eq!(visits.increment(-7).await.unwrap(), -2);
    assert_eq!(visits.get().await.unwrap(), -2);
    clock.advance(SECOND);
    assert_eq!(visits.get().await.unwrap(), 0);
    assert_eq!(visits.increment(1).await.unwrap(), 1);
}

#[tokio::test]
async fn a_counter_never_overflows() {
    let (store, _) = memory();
    for (far, step) in [(i64::MAX, 1), (i64::MIN, -1)] {
        let visits = store.counter(
            Scope::new(Kind::Counter, "visits").key(far.to_string().as_str()),
            TTL,
        );
        assert_eq!(visits.increment(far).await.unwrap(), far);
        assert_eq!(
            visits.increment(step).await.unwrap_err().kind(),
            ErrorKind::Invalid
        );
        assert_eq!(visits.get().await.unwrap(), far);
    }
}

#[tokio::test]
async fn what_is_no_number_is_no_counter() {
    let (store, _) = memory();
    let key = Scope::new(Kind::Counter, "visits").key("");
    let visits = store.counter(key.clone(), TTL);
    store.put(&key, "many", TTL).await.unwrap();
    assert_eq!(
        visits.increment(1).await.unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    assert_eq!(visits.get().await.unwrap_err().kind(), ErrorKind::Corrupt);
    store.put(&key, "41", TTL).await.unwrap();
    assert_eq!(visits.increment(1).await.unwrap(), 42);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_increment_is_lost() {
    let (store, _) = memory();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let visits = store.counter(Scope::new(Kind::Counter, "visits").key(""), TTL);
        tasks.spawn(async move {
            for _ in 0..5000 {
                visits.increment(1).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let visits = store.counter(Scope::new(Kind::Counter, "visits").key(""), TTL);
    assert_eq!(visits.get().await.unwrap(), 40_000);
}
