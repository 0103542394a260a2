//! Purges that must not be lost, over a store that fails.

use std::sync::atomic::AtomicBool;

use super::*;

/// In memory, and told to fail.
#[derive(Default)]
struct Failing {
    memory: MemoryStore,
    fails: Arc<AtomicBool>,
}

impl Failing {
    fn ask(&self) -> Result<&MemoryStore> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "told to fail")),
            false => Ok(&self.memory),
        }
    }
}

impl Store for Failing {
    async fn read(&self, keys: &[Key]) -> Result<Entries> {
        self.ask()?.read(keys).await
    }

    async fn write(&self, batch: &Batch) -> Result<Written> {
        self.ask()?.write(batch).await
    }

    async fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        self.ask()?.increment(key, by, ttl).await
    }

    async fn acquire(&self, claims: &[Claim]) -> Result<Decisions> {
        self.ask()?.acquire(claims).await
    }

    async fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        self.ask()?.members(index, cursor).await
    }

    async fn purge(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        self.ask()?.purge(log, what).await
    }

    async fn purges(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        self.ask()?.purges(log, since).await
    }
}

fn failing() -> (Arc<AtomicBool>, SharedStore, Arc<Purging>) {
    let failing = Failing::default();
    let fails = Arc::clone(&failing.fails);
    let store = SharedStore::new(failing);
    let purging = purging(&store);
    let poll = purging.due(NOW, Duration::ZERO).expect("always");
    assert!(purging.poll_at_once(&store, &poll).is_none());
    done(purging.poll(&store, &poll)).expect("up");
    (fails, store, purging)
}

#[test]
fn a_durable_purge_that_fails_is_not_served_here_and_tried_again() {
    let (fails, store, purging) = failing();
    let stamp = purging.stamp();
    let (a, b) = ([tag("a")], [tag("b")]);
    fails.store(true, Ordering::SeqCst);
    let purged = done(purging.purge_durably(&store, Purge::Tags(&a)));
    assert_eq!(
        purged.map_err(|error| error.kind()),
        Err(ErrorKind::Unavailable)
    );
    assert!(purging.owes());
    assert!(!purging.admits(stamp, &a) && purging.admits(stamp, &b));
    let retried = done(purging.retry(&store)).expect("it is owed");
    assert!(retried.is_err() && !purging.admits(stamp, &a));

    fails.store(false, Ordering::SeqCst);
    assert!(matches!(done(purging.retry(&store)), Some(Ok(()))));
    assert!(!purging.owes() && done(purging.retry(&store)).is_none());
    assert!(!purging.admits(stamp, &a) && purging.admits(stamp, &b));
    let poll = purging.due(NOW, Duration::ZERO).expect("always");
    done(purging.poll(&store, &poll)).expect("up");
    assert!(purging.admits(purging.stamp(), &a));
}

#[test]
fn a_purge_that_is_not_durable_leaves_nothing_behind_when_it_fails() {
    let (fails, store, purging) = failing();
    fails.store(true, Ordering::SeqCst);
    assert!(done(purging.purge(&store, Purge::Everything)).is_err());
    assert!(!purging.owes() && purging.admits(purging.stamp(), &[]));
    assert!(purging.due(NOW, LAG).is_some(), "its outcome is unknown");
}

#[test]
fn a_durable_purge_that_is_dropped_is_left_to_a_retry() {
    let (_, store, purging) = failing();
    let stamp = purging.stamp();
    let a = [tag("a")];
    let attempt = purging.owed.owe(Purge::Tags(&a));
    assert!(done(purging.retry(&store)).is_none(), "it is under way");
    assert!(!purging.admits(stamp, &a), "and may fail");
    drop(attempt);
    assert!(matches!(done(purging.retry(&store)), Some(Ok(()))));
}

#[test]
fn too_many_durable_purges_become_one_of_everything() {
    let (fails, store, purging) = failing();
    let stamp = purging.stamp();
    let tags: Vec<Tag> = (0..1_u64 << 14).map(Tag::new).collect();
    let [one, other] = [[tag("a")], [tag("b")]];
    fails.store(true, Ordering::SeqCst);
    let _ = done(purging.purge_durably(&store, Purge::Tags(&tags)));
    assert!(purging.admits(stamp, &one));
    let _ = done(purging.purge_durably(&store, Purge::Tags(&one)));
    assert!(!purging.admits(stamp, &other) && !purging.admits(stamp, &[]));
    fails.store(false, Ordering::SeqCst);
    assert!(matches!(done(purging.retry(&store)), Some(Ok(()))));
    assert!(!purging.owes());
    let poll = purging.due(NOW, LAG).expect("nothing is known");
    done(purging.poll(&store, &poll)).expect("up");
    assert_ne!(
        purging.stamp().map(|stamp| stamp.epoch()),
        stamp.map(|stamp| stamp.epoch())
    );
}
