//! What adapters add to the promises: prefixes that keep apart, counts, and nothing lost on the way.

mod breaker;
mod flaky;
mod time_limited;

use std::{pin::pin, time::Duration};

use tower_upstash::{
    quota::Quota,
    store::{
        BreakerStore, Claim, Condition, Cursor, Decisions, Entries, ErrorKind, Key, Kind,
        MemoryStore, MeteredStore, PrefixedStore, Purge, Scope, SharedStore, Store, Tag,
        TimeLimitedStore, Write,
    },
    time::Timer,
};

use crate::support::Remote;

const TTL: Duration = Duration::from_secs(60);

fn key(kind: Kind) -> Key {
    Scope::new(kind, "tests").key("it")
}

fn claim() -> Claim {
    Claim::new(key(Kind::Limit), Quota::per_hour(1))
}

fn answers_at_once(store: &impl Store) -> [bool; 4] {
    let put = Write::put(key(Kind::Data), "", TTL);
    [
        store
            .try_read(&[key(Kind::Data)], &mut Entries::new())
            .is_some(),
        store.try_write(&put.into()).is_some(),
        store
            .try_acquire(&[claim()], &mut Decisions::new())
            .is_some(),
        store
            .try_purges(&Scope::new(Kind::Purge, "tests"), None)
            .is_some(),
    ]
}

#[test]
fn every_adapter_answers_at_once_where_its_store_does() {
    let memory = MemoryStore::new();
    assert_eq!(answers_at_once(&memory), [true; 4]);
    assert_eq!(
        answers_at_once(&SharedStore::new(memory.clone())),
        [true; 4]
    );
    assert_eq!(
        answers_at_once(&PrefixedStore::new(memory.clone(), "p")),
        [true; 4]
    );
    assert_eq!(
        answers_at_once(&MeteredStore::new(memory.clone())),
        [true; 4]
    );
    assert_eq!(
        answers_at_once(&BreakerStore::new(memory.clone())),
        [true; 4]
    );
    assert_eq!(
        answers_at_once(&TimeLimitedStore::new(memory, TTL, Timer::tokio())),
        [true; 4]
    );
}

#[test]
fn no_adapter_answers_at_once_where_its_store_has_to_wait() {
    let remote = Remote::open();
    let metered = MeteredStore::new(remote.clone());
    assert_eq!(
        answers_at_once(&SharedStore::new(remote.clone())),
        [false; 4]
    );
    assert_eq!(
        answers_at_once(&PrefixedStore::new(remote.clone(), "p")),
        [false; 4]
    );
    assert_eq!(
        answers_at_once(&BreakerStore::new(remote.clone())),
        [false; 4]
    );
    assert_eq!(
        answers_at_once(&TimeLimitedStore::new(remote, TTL, Timer::tokio())),
        [false; 4]
    );
    assert_eq!(answers_at_once(&metered), [false; 4]);
    assert_eq!(
        metered.usage().calls(),
        0,
        "the caller calls again, and waits"
    );
}

#[tokio::test]
async fn what_is_answered_at_once_is_kept_under_the_prefix() {
    let memory = MemoryStore::new();
    let prefixed = PrefixedStore::new(memory.clone(), "p");
    assert_eq!(answers_at_once(&prefixed), [true; 4]);
    let store = SharedStore::new(memory);
    assert_eq!(store.get(&key(Kind::Data)).await.unwrap(), None);
    let kept = store
        .get(&Scope::within(key(Kind::Data).scope(), "p").key(key(Kind::Data).identifier().clone()))
        .await
        .unwrap();
    assert!(kept.is_some());
    assert!(store.acquire(&[claim()]).await.unwrap().allowed());
    let log = Scope::new(Kind::Purge, "tests");
    let within = prefixed.try_purges(&log, None).unwrap().unwrap();
    let without = store.try_purges(&log, None).unwrap().unwrap();
    assert_ne!(within.position, without.position);
}

#[tokio::test]
async fn prefixes_do_not_see_each_other() {
    let memory = MemoryStore::new();
    let store = |prefix| SharedStore::new(PrefixedStore::new(memory.clone(), prefix));
    let (one, other) = (store("one"), store("other"));
    let (log, index) = (Scope::new(Kind::Purge, "tests"), key(Kind::Index));
    let before = other.purges(&log, None).await.unwrap().position;

    let put = Write::put(key(Kind::Session), "", TTL).member_of_at_most(index.clone(), 1);
    assert!(one.write(&put.clone().into()).await.unwrap().is_done());
    assert!(one.acquire(&[claim()]).await.unwrap().allowed());
    one.increment(&key(Kind::Counter), 1, TTL).await.unwrap();
    one.purge(&log, Purge::Tags(&[Tag::new("a")]))
        .await
        .unwrap();
    one.purge(&log, Purge::Everything).await.unwrap();

    for kind in [Kind::Session, Kind::Counter] {
        assert_eq!(other.get(&key(kind)).await.unwrap(), None);
    }
    let listed = other.members(&index, Cursor::START).await.unwrap();
    assert!(listed.identifiers.is_empty());
    let purges = other.purges(&log, Some(before)).await.unwrap();
    assert_eq!(purges.position, before);
    assert!(purges.marks.is_empty());

    assert!(other.acquire(&[claim()]).await.unwrap().allowed());
    let absent = put.when(Condition::Absent);
    assert!(other.write(&absent.into()).await.unwrap().is_done());
    assert_eq!(
        other.increment(&key(Kind::Counter), 1, TTL).await.unwrap(),
        1
    );
    other.delete(&key(Kind::Session)).await.unwrap();
    assert!(one.get(&key(Kind::Session)).await.unwrap().is_some());
}

#[tokio::test]
async fn prefixes_that_look_alike_are_apart() {
    let memory = MemoryStore::new();
    let nested = PrefixedStore::new(PrefixedStore::new(memory.clone(), "a"), "b");
    let stores = [
        SharedStore::new(memory.clone()),
        PrefixedStore::new(memory.clone(), "").into(),
        PrefixedStore::new(memory.clone(), "a").into(),
        PrefixedStore::new(memory.clone(), "a:b").into(),
        PrefixedStore::new(memory, "a%3Ab").into(),
        nested.into(),
    ];
    for store in &stores {
        let put = Write::put(key(Kind::Data), "", TTL).when(Condition::Absent);
        assert!(store.write(&put.into()).await.unwrap().is_done());
    }
}

#[tokio::test]
async fn metered_store_counts_every_call_once() {
    let metered = MeteredStore::new(MemoryStore::new());
    let store = SharedStore::new(metered.clone());
    let log = Scope::new(Kind::Purge, "tests");
    store.get(&key(Kind::Data)).await.unwrap();
    for _ in 0..2 {
        store.put(&key(Kind::Data), "", TTL).await.unwrap();
    }
    for _ in 0..3 {
        store.increment(&key(Kind::Counter), 1, TTL).await.unwrap();
    }
    for _ in 0..4 {
        let _ = store.acquire(&[claim()]).await.unwrap();
    }
    for _ in 0..5 {
        store
            .members(&key(Kind::Index), Cursor::START)
            .await
            .unwrap();
    }
    store.purge(&log, Purge::Everything).await.unwrap();
    store.purges(&log, None).await.unwrap();
    store.ping().await.unwrap();

    let usage = metered.usage();
    assert_eq!((usage.reads, usage.writes, usage.increments), (1, 2, 3));
    assert_eq!((usage.acquires, usage.members), (4, 5));
    assert_eq!((usage.purges, usage.pings), (2, 1));
    assert_eq!((usage.refused, usage.cancelled), (3, 0));
    assert_eq!(usage.calls(), 18);
}

#[tokio::test]
async fn metered_store_counts_refused_writes() {
    let metered = MeteredStore::new(MemoryStore::new());
    let store = SharedStore::new(metered.clone());
    let absent = Write::put(key(Kind::Data), "", TTL).when(Condition::Absent);
    for done in [true, false, false] {
        let written = store.write(&absent.clone().into()).await.unwrap();
        assert_eq!(written.is_done(), done);
    }
    assert_eq!(metered.usage().refused, 2);
    assert_eq!(metered.usage().errors(ErrorKind::Invalid), 0);
}

#[tokio::test]
async fn metered_store_counts_errors_by_kind() {
    let remote = Remote::open();
    let memory = MeteredStore::new(MemoryStore::new());
    let waiting = MeteredStore::new(remote.clone());
    remote.set_down(true);
    assert!(waiting.read(&[key(Kind::Data)]).await.is_err());
    assert!(waiting.acquire(&[claim()]).await.is_err());
    let keys = vec![key(Kind::Data); 17];
    assert!(
        memory
            .try_read(&keys, &mut Entries::new())
            .unwrap()
            .is_err()
    );
    assert!(
        memory
            .write(&Write::delete(key(Kind::Limit)).into())
            .await
            .is_err()
    );

    assert_eq!(waiting.usage().errors(ErrorKind::Unavailable), 2);
    assert_eq!(waiting.usage().calls(), 2);
    assert_eq!(memory.usage().errors(ErrorKind::TooLarge), 1);
    assert_eq!(memory.usage().errors(ErrorKind::Invalid), 1);
    assert_eq!(memory.usage().errors(ErrorKind::Unavailable), 0);
}

#[tokio::test]
async fn metered_store_counts_calls_that_were_dropped() {
    let remote = Remote::with_turns(0);
    let metered = MeteredStore::new(remote.clone());
    {
        let claims = [claim()];
        let call = pin!(metered.acquire(&claims));
        let mut call = tokio_test::task::spawn(call);
        tokio_test::assert_pending!(call.poll());
        assert_eq!(metered.usage().acquires, 1);
        assert_eq!(metered.usage().cancelled, 0);
    }
    assert_eq!(metered.usage().cancelled, 1);

    drop(metered.read(&[]));
    assert_eq!(
        metered.usage().reads,
        0,
        "a future that was never polled is no call"
    );

    remote.give_turn();
    let _ = metered.acquire(&[claim()]).await.unwrap();
    let usage = metered.usage();
    assert_eq!((usage.acquires, usage.cancelled), (2, 1));
}
