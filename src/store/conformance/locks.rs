//! Locks, which are made of conditional writes.

use super::{
    Fixture, Violation,
    trial::{SHORT, TTL},
};
use crate::store::Kind;

/// A lock has one holder at a time, until it is released.
pub async fn a_lock_has_one_holder(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_lock_has_one_holder");
    let lock = trial.store().lock(trial.key(Kind::Lock), TTL);
    for _ in 0..2 {
        let guard = trial.answered(lock.try_lock().await, "a lock")?;
        let mut guard = guard.ok_or_else(|| trial.violated("a free lock was not taken"))?;
        let second = trial.answered(lock.try_lock().await, "a lock")?;
        trial.holds(second.is_none(), "a lock has two holders")?;
        trial.holds(
            trial.answered(guard.extend().await, "extending")?,
            "a lock was lost",
        )?;
        trial.holds(
            trial.answered(guard.release().await, "releasing")?,
            "a lock was lost",
        )?;
    }
    Ok(())
}

/// A lock that has expired is free, and who held it neither extends nor releases that of the next holder.
pub async fn an_expired_lock_is_nobodys(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_expired_lock_is_nobodys");
    let key = trial.key(Kind::Lock);
    let brief = trial.store().lock(key.clone(), SHORT);
    let first = trial.answered(brief.try_lock().await, "a lock")?;
    let mut first = first.ok_or_else(|| trial.violated("a free lock was not taken"))?;
    trial.pass(SHORT).await;
    let second = trial.answered(trial.store().lock(key, TTL).try_lock().await, "a lock")?;
    let second = second.ok_or_else(|| trial.violated("an expired lock was not free"))?;
    let extended = trial.answered(first.extend().await, "extending")?;
    trial.holds(!extended, "a lock was extended after its end")?;
    trial.holds(
        !trial.answered(first.release().await, "releasing")?,
        "a lost lock was released",
    )?;
    let kept = trial.answered(second.release().await, "releasing")?;
    trial.holds(kept, "the next holder lost the lock")
}
