//! The circuit breaker: when it opens, what it lets through, and who may close it.

mod races;
mod stacks;

use std::{
    sync::{Arc, Mutex, OnceLock},
    task::Poll,
    time::Duration,
};

use tokio_test::{block_on, task};
use tower_upstash::{
    store::{
        BreakerStore, BreakerStoreBuilder, Circuit, Cursor, Decisions, Entries, ErrorKind, Kind,
        MemoryStore, Purge, Scope, SharedStore, Store, Write,
    },
    time::{ManualClock, Timestamp},
};

use super::{
    TTL, answers_at_once, claim,
    flaky::{Flaky, Mood},
    key,
};

const COOL_DOWN: Duration = Duration::from_secs(1);
const DOWN: Mood = Mood::Fails(ErrorKind::Unavailable);

fn breaker<S>(store: S) -> (BreakerStoreBuilder<S>, ManualClock) {
    let clock = ManualClock::default();
    (BreakerStore::builder(store).clock(clock.clone()), clock)
}

/// Asks a store that answers at once, also from where a runtime is running.
fn ping(store: &impl Store) -> Result<(), ErrorKind> {
    let Poll::Ready(answer) = task::spawn(store.ping()).poll() else {
        panic!("a flaky store does not wait");
    };
    answer.map_err(|error| error.kind())
}

fn is_open<S>(store: &BreakerStore<S>) -> bool {
    matches!(store.circuit(), Circuit::Open { .. })
}

#[test]
fn five_failures_in_a_row_open_the_circuit_and_nothing_more_is_sent() {
    let flaky = Flaky::that(DOWN);
    let (store, _) = breaker(flaky.clone());
    let store = store.build();
    for _ in 0..5 {
        assert_eq!(store.circuit(), Circuit::Closed);
        assert_eq!(ping(&store), Err(ErrorKind::Unavailable));
    }
    assert!(is_open(&store));

    let error = block_on(store.acquire(&[claim()])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "store unavailable: circuit breaker is open, since the store was unavailable"
    );
    assert_eq!(answers_at_once(&store), [true; 4], "refused without a wait");
    assert_eq!(flaky.asked(), 5);
    assert_eq!((store.usage().opened, store.usage().rejected), (1, 5));
}

#[test]
fn one_success_begins_the_count_again() {
    let flaky = Flaky::default();
    let (store, _) = breaker(flaky.clone());
    let store = store.failures(2).build();
    for mood in [DOWN, Mood::Answers, DOWN, Mood::Answers, DOWN] {
        flaky.set(mood);
        let _ = ping(&store);
    }
    assert_eq!(store.circuit(), Circuit::Closed);
    assert!(ping(&store).is_err());
    assert!(is_open(&store));
}

#[test]
fn cool_down_doubles_with_each_probe_that_fails_and_begins_anew_once_closed() {
    let flaky = Flaky::that(DOWN);
    let (store, clock) = breaker(flaky.clone());
    let store = store.failures(1).build();
    for _ in 0..2 {
        flaky.set(DOWN);
        assert!(ping(&store).is_err());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let before = flaky.asked();
            clock.advance(Duration::from_secs(seconds) - Duration::from_micros(1));
            assert!(ping(&store).is_err());
            assert_eq!(flaky.asked(), before, "{seconds} s are not over");
            clock.advance(Duration::from_micros(1));
            assert!(ping(&store).is_err());
            assert_eq!(flaky.asked(), before + 1, "{seconds} s are over");
        }
        clock.advance(Duration::from_secs(30));
        flaky.set(Mood::Answers);
        assert_eq!(ping(&store), Ok(()));
        assert_eq!(store.circuit(), Circuit::Closed);
    }
    assert_eq!(store.usage().opened, 16);
}

#[test]
fn circuit_says_until_when_it_is_open_and_why() {
    let (store, clock) = breaker(Flaky::that(Mood::Fails(ErrorKind::Unauthorized)));
    let store = store.failures(1).cool_down(COOL_DOWN * 3).build();
    let end = Timestamp::from_micros(1_700_000_003_000_000);
    let _ = ping(&store);
    let Circuit::Open { until, cause, .. } = store.circuit() else {
        panic!("{store:?}");
    };
    assert_eq!((until, cause), (end, ErrorKind::Unauthorized));
    clock.set(end);
    assert!(is_open(&store), "until somebody calls");
}

/// Whether three calls that fail like this open the circuit. If not, checks that a success begins the count of other
/// failures again, and that what says nothing leaves it.
fn counts(kind: ErrorKind, call: &impl AsyncFn(&SharedStore) -> bool) -> bool {
    let flaky = Flaky::that(Mood::Fails(kind));
    let (store, _) = breaker(flaky.clone());
    let store = store.failures(3).build();
    let shared = SharedStore::from(store.clone());
    for _ in 0..3 {
        assert!(block_on(call(&shared)), "told to fail");
    }
    let opened = is_open(&store);
    if !opened {
        flaky.set(DOWN);
        let _ = (ping(&store), ping(&store));
        flaky.set(Mood::Fails(kind));
        assert!(block_on(call(&shared)));
        flaky.set(DOWN);
        let _ = ping(&store);
        assert_eq!(is_open(&store), kind != ErrorKind::Corrupt);
    }
    opened
}

#[test]
fn what_will_fail_again_is_a_failure_and_what_the_caller_did_is_not() {
    let read = async |store: &SharedStore| store.get(&key(Kind::Data)).await.is_err();
    let members = async |store: &SharedStore| {
        let listed = store.members(&key(Kind::Index), Cursor::START).await;
        listed.is_err()
    };
    let write = async |store: &SharedStore| store.put(&key(Kind::Data), "", TTL).await.is_err();
    let acquire = async |store: &SharedStore| store.acquire(&[claim()]).await.is_err();
    let increment = async |store: &SharedStore| {
        let sum = store.increment(&key(Kind::Counter), 1, TTL).await;
        sum.is_err()
    };
    let log = || Scope::new(Kind::Purge, "tests");
    let purge = async |store: &SharedStore| store.purge(&log(), Purge::Everything).await.is_err();
    let purges = async |store: &SharedStore| store.purges(&log(), None).await.is_err();

    let table = [
        (ErrorKind::Unavailable, true, true),
        (ErrorKind::Timeout, true, true),
        (ErrorKind::Unauthorized, true, false),
        (ErrorKind::QuotaExceeded, true, false),
        (ErrorKind::TooLarge, false, false),
        (ErrorKind::Corrupt, false, false),
        (ErrorKind::Unsupported, false, false),
        (ErrorKind::Invalid, false, false),
    ];
    for (kind, reads, writes) in table {
        assert_eq!(counts(kind, &read), reads, "read: {kind}");
        assert_eq!(counts(kind, &members), reads, "members: {kind}");
        assert_eq!(counts(kind, &write), writes, "write: {kind}");
        assert_eq!(counts(kind, &acquire), writes, "acquire: {kind}");
        assert_eq!(counts(kind, &increment), writes, "increment: {kind}");
        assert_eq!(counts(kind, &purge), writes, "purge: {kind}");
        assert_eq!(counts(kind, &purges), writes, "purges: {kind}");
    }
}

#[test]
fn calls_that_are_answered_at_once_are_counted_too() {
    let flaky = Flaky::that(DOWN);
    let (store, clock) = breaker(flaky.clone());
    let store = store.failures(3).build();
    let put = Write::put(key(Kind::Data), "", TTL).into();
    let read = || store.try_read(&[key(Kind::Data)], &mut Entries::new());
    let acquire = || store.try_acquire(&[claim()], &mut Decisions::new());
    assert!(read().unwrap().is_err());
    assert!(store.try_write(&put).unwrap().is_err());
    assert!(acquire().unwrap().is_err());
    assert!(is_open(&store));

    clock.advance(COOL_DOWN);
    flaky.set(Mood::Answers);
    assert!(acquire().unwrap().is_ok());
    assert_eq!(store.circuit(), Circuit::Closed);
    assert_eq!(flaky.asked(), 4);

    flaky.set(DOWN);
    let purges = || store.try_purges(&Scope::new(Kind::Purge, "tests"), None);
    for _ in 0..3 {
        assert!(purges().unwrap().is_err());
    }
    assert!(is_open(&store));
}

#[test]
fn a_full_store_stays_readable() {
    let memory = MemoryStore::builder().max_value(1 << 10);
    let budgets = tower_upstash::store::Budgets::default();
    let (store, _) = breaker(memory.budgets(budgets.data(0)).build());
    let store = store.failures(1).build();
    let shared = SharedStore::from(store);
    let full = block_on(shared.put(&key(Kind::Data), "", TTL)).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(block_on(shared.get(&key(Kind::Data))).unwrap(), None);
}

/// A token for reading only had five writes refused, and the circuit opened for the reads that worked.
#[test]
fn a_store_that_may_only_be_read_stays_readable() {
    let flaky = Flaky::that(Mood::Fails(ErrorKind::Unauthorized));
    let (store, _) = breaker(flaky.clone());
    let store = store.failures(1).build();
    assert!(block_on(store.acquire(&[claim()])).is_err());
    assert_eq!(store.usage().circuit, Circuit::Closed);
    flaky.set(Mood::Answers);
    assert_eq!(ping(&store), Ok(()));
}

#[test]
fn a_clock_that_goes_back_begins_the_pause_again_and_no_more() {
    let flaky = Flaky::that(DOWN);
    let (store, clock) = breaker(flaky.clone());
    let store = store.failures(1).build();
    let _ = ping(&store);
    clock.set(Timestamp::from_micros(0));
    let _ = ping(&store);
    assert_eq!(flaky.asked(), 1);
    clock.advance(COOL_DOWN);
    flaky.set(Mood::Answers);
    assert_eq!(ping(&store), Ok(()));
}

#[test]
fn changes_are_reported_once_each() {
    let flaky = Flaky::that(DOWN);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (store, clock) = breaker(flaky.clone());
    let changes = Arc::clone(&seen);
    let store = store
        .failures(2)
        .on_change(move |circuit| changes.lock().unwrap().push(circuit))
        .build();
    let taken = || std::mem::take(&mut *seen.lock().unwrap());

    let _ = ping(&store);
    assert_eq!(taken(), []);
    let _ = (ping(&store), ping(&store));
    assert_eq!(taken(), [store.circuit()]);
    clock.advance(COOL_DOWN);
    let _ = ping(&store);
    assert_eq!(taken(), [Circuit::HalfOpen, store.circuit()]);
    clock.advance(COOL_DOWN * 2);
    flaky.set(Mood::Answers);
    let _ = (ping(&store), ping(&store));
    assert_eq!(taken(), [Circuit::HalfOpen, Circuit::Closed]);
}

#[test]
fn the_hook_may_ask_the_store() {
    let flaky = Flaky::that(DOWN);
    let itself: Arc<OnceLock<BreakerStore<Flaky>>> = Arc::default();
    let (store, clock) = breaker(flaky.clone());
    let store = store.failures(1).on_change({
        let itself = Arc::clone(&itself);
        move |_| {
            let store = itself.get().unwrap();
            let _ = (store.circuit(), format!("{store:?}"), ping(store));
        }
    });
    let store = itself.get_or_init(|| store.build());
    let _ = ping(store);
    clock.advance(COOL_DOWN);
    flaky.set(Mood::Answers);
    assert_eq!(ping(store), Ok(()), "the hook did not take the probe");
    // The failure, the probe, and what the hook asked when closed.
    assert_eq!(flaky.asked(), 3);
}

#[test]
#[should_panic(expected = "before the first failure")]
fn a_circuit_that_opens_without_a_failure_is_refused() {
    let _ = BreakerStore::builder(MemoryStore::new()).failures(0);
}

#[test]
fn debug_output_shows_the_circuit_and_the_counts_only() {
    let store = BreakerStore::new(MemoryStore::new());
    assert_eq!(
        format!("{store:?}"),
        "BreakerStore { usage: BreakerUsage { circuit: Closed, opened: 0, rejected: 0 }, .. }"
    );
}
