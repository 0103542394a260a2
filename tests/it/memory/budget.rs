//! Byte budgets: a full one refuses or evicts, and none reaches into another.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tower_upstash::{
    quota::Quota,
    store::{
        Batch, Budgets, Claim, Condition, Cursor, Entries, Error, ErrorKind, Key, Kind,
        MemoryEvent, MemoryStore, Scope, Store, Write, Written,
    },
    time::ManualClock,
};

use super::{acquire, claims::left};

const MINUTE: Duration = Duration::from_secs(60);

struct Small {
    store: MemoryStore,
    clock: ManualClock,
    events: Arc<Mutex<Vec<MemoryEvent>>>,
}

fn small() -> Small {
    let (clock, events) = (ManualClock::default(), Arc::new(Mutex::new(Vec::new())));
    let log = Arc::clone(&events);
    let store = MemoryStore::builder()
        .budgets(
            Budgets::default()
                .limits(1 << 20)
                .sessions(64 << 10)
                .cache(64 << 10)
                .data(64 << 10),
        )
        .clock(clock.clone())
        .on_event(move |event| log.lock().unwrap().push(event))
        .build();
    Small {
        store,
        clock,
        events,
    }
}

fn key(kind: Kind, number: usize) -> Key {
    Scope::new(kind, "test").key(number.to_string().as_str())
}

fn write(store: &MemoryStore, batch: impl Into<Batch>) -> Result<Written, Error> {
    store.try_write(&batch.into()).unwrap()
}

fn put(store: &MemoryStore, kind: Kind, number: usize, bytes: usize) -> Result<Written, Error> {
    write(store, Write::put(key(kind, number), vec![7; bytes], MINUTE))
}

/// Puts what has room.
fn stored(store: &MemoryStore, kind: Kind, number: usize, bytes: usize) {
    let written = put(store, kind, number, bytes);
    assert!(
        written.is_ok_and(|written| written.is_done()),
        "{kind:?}: {bytes} bytes"
    );
}

fn has(store: &MemoryStore, key: &Key) -> bool {
    let mut entries = Entries::new();
    store
        .try_read(std::slice::from_ref(key), &mut entries)
        .unwrap()
        .unwrap();
    entries.into_first().is_some()
}

/// Puts until the budget is full, and returns how many entries there are.
fn fill(store: &MemoryStore, kind: Kind, bytes: usize) -> usize {
    let full = (0..100_000).find(|number| put(store, kind, *number, bytes).is_err());
    full.expect("a budget is finite")
}

#[test]
fn a_full_budget_of_sessions_refuses_and_says_so() {
    for kind in [Kind::Session, Kind::Data, Kind::Lock] {
        let Small { store, events, .. } = small();
        let count = fill(&store, kind, 100);
        assert!(
            (300..=340).contains(&count),
            "{count} of 196 bytes in 64 KiB"
        );
        assert_eq!(*events.lock().unwrap(), [MemoryEvent::Full(kind)]);
        let error = put(&store, kind, 99_999, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
        assert!(
            (0..count).all(|number| has(&store, &key(kind, number))),
            "somebody was logged out"
        );
        assert!(!has(&store, &key(kind, 99_999)));
    }
}

#[test]
fn a_full_store_still_updates_deletes_and_rotates() {
    let Small { store, .. } = small();
    let count = fill(&store, Kind::Session, 100);
    for number in 0..count {
        let update =
            Write::put(key(Kind::Session, number), vec![8; 100], MINUTE).when(Condition::Present);
        assert!(write(&store, update).unwrap().is_done());
    }
    let rotate = [
        Write::put(key(Kind::Session, 5000), vec![9; 100], MINUTE).when(Condition::Absent),
        Write::delete(key(Kind::Session, 0)),
    ];
    assert!(write(&store, rotate).unwrap().is_done());
    assert!(put(&store, Kind::Session, 6000, 100).is_err());
    assert!(
        write(&store, Write::delete(key(Kind::Session, 1)))
            .unwrap()
            .is_done()
    );
    assert!(put(&store, Kind::Session, 6000, 100).unwrap().is_done());
}

/// Members of an index are paid for, and given back when they end.
#[test]
fn an_index_takes_room_until_its_members_end() {
    let Small { store, clock, .. } = small();
    let index = Scope::new(Kind::Index, "of").key("alice");
    let join = |number: usize| {
        let put = Write::put(key(Kind::Session, number), vec![1; 100], MINUTE);
        write(&store, put.member_of(index.clone()))
    };
    let count = (0..1000).find(|number| join(*number).is_err()).unwrap();
    assert!(
        (120..=150).contains(&count),
        "{count} of 196 + 256 bytes in 64 KiB"
    );
    for number in 0..count {
        let delete = Write::delete(key(Kind::Session, number)).member_of(index.clone());
        assert!(write(&store, delete).unwrap().is_done());
    }
    let again = (0..1000)
        .find(|number| join(1000 + number).is_err())
        .unwrap();
    assert_eq!(again, count, "leaving gives back what joining took");
    clock.advance(MINUTE);
    let page = tokio_test::block_on(store.members(&index, Cursor::START)).unwrap();
    assert!(page.identifiers.is_empty());
    let again = (0..1000)
        .find(|number| join(2000 + number).is_err())
        .unwrap();
    assert_eq!(again, count, "ending gives back what joining took");
}

/// What fits the budget is stored, whatever has to go; only what never fits is refused.
#[test]
fn the_cache_evicts_until_a_response_fits() {
    let Small { store, events, .. } = small();
    for number in 0..1000 {
        stored(&store, Kind::Cache, number, 1000);
        assert!(
            has(&store, &key(Kind::Cache, number)),
            "what was just stored is there"
        );
    }
    let evicted = events.lock().unwrap().len();
    assert!(evicted >= 1000 - (64 << 10) / 1096, "{evicted} evicted");
    assert!(
        events
            .lock()
            .unwrap()
            .iter()
            .all(|event| *event == MemoryEvent::CacheEvicted)
    );

    let largest = (64 << 10) - 96;
    for bytes in [largest - 256, largest - 100, largest - 1, largest] {
        stored(&store, Kind::Cache, 5000, bytes);
        stored(&store, Kind::Cache, 5001, bytes);
    }
    let error = put(&store, Kind::Cache, 5002, largest + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(
        events.lock().unwrap().last(),
        Some(&MemoryEvent::Full(Kind::Cache))
    );
}

#[test]
fn a_flood_of_one_kind_never_touches_another() {
    let Small { store, .. } = small();
    let (used_up, quota) = (
        Scope::new(Kind::Limit, "used").key("up"),
        Quota::per_hour(1),
    );
    stored(&store, Kind::Session, 0, 100);
    stored(&store, Kind::Data, 0, 100);
    acquire(&store, &[Claim::new(used_up.clone(), quota)]);
    for number in 1..2000 {
        stored(&store, Kind::Cache, number, 1000);
    }
    assert!(has(&store, &key(Kind::Session, 0)) && has(&store, &key(Kind::Data, 0)));
    stored(&store, Kind::Cache, 0, 100);
    fill(&store, Kind::Session, 100);
    assert!(has(&store, &key(Kind::Data, 0)) && has(&store, &key(Kind::Cache, 0)));
    fill(&store, Kind::Data, 100);
    assert!(has(&store, &key(Kind::Cache, 0)) && has(&store, &key(Kind::Session, 0)));
    assert_eq!(left(&store, &used_up, quota), 0);
}

#[test]
fn a_value_beyond_the_largest_is_too_large_for_every_kind() {
    let store = MemoryStore::builder().max_value(1000).build();
    for kind in [Kind::Session, Kind::Cache, Kind::Data] {
        assert!(put(&store, kind, 0, 1000).unwrap().is_done());
        assert_eq!(
            put(&store, kind, 1, 1001).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
    }
}

/// A refused batch takes no room, however often it is refused and for whatever reason.
#[test]
fn refused_writes_take_no_room() {
    let Small { store, .. } = small();
    stored(&store, Kind::Session, 0, 100);
    for number in 1..5000 {
        let batch = [
            Write::put(key(Kind::Session, number), vec![1; 1000], MINUTE),
            Write::put(key(Kind::Data, number), vec![1; 1000], MINUTE),
            Write::put(key(Kind::Session, 0), vec![1; 1000], MINUTE).when(Condition::Absent),
        ];
        assert!(!write(&store, batch).unwrap().is_done());
        // Room for the session, none for the entry beside it.
        let batch = [
            Write::put(key(Kind::Session, number), vec![1; 1000], MINUTE),
            Write::put(key(Kind::Data, number), vec![1; 65 << 10], MINUTE),
        ];
        assert_eq!(
            write(&store, batch).unwrap_err().kind(),
            ErrorKind::QuotaExceeded
        );
    }
    assert!((300..=340).contains(&fill(&store, Kind::Session, 100)));
}
