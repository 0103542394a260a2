//! When a write happens, and why not.

use super::{
    Fixture, Violation,
    trial::{SHORT, TTL, Trial},
};
use crate::store::{Condition, Key, Kind, Refusal, Version, Write};

/// [`Condition::Always`] writes whatever is stored.
pub async fn an_always_write_happens(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_always_write_happens");
    let key = &trial.key(Kind::Data);
    for value in ["new", "changed"] {
        trial.done(put(key, value, Condition::Always)).await?;
        trial.finds([key], [Some(value)], "the value").await?;
    }
    for what in ["a deleted entry", "what was not there"] {
        trial.done(delete(key, Condition::Always)).await?;
        trial.finds([key], [None], what).await?;
    }
    Ok(())
}

/// [`Condition::Absent`] writes where there is no entry; else the refusal is [`Refusal::Exists`].
pub async fn an_absent_write_demands_no_entry(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_absent_write_demands_no_entry");
    let key = &trial.key(Kind::Data);
    trial.done(delete(key, Condition::Absent)).await?;
    trial.done(put(key, "first", Condition::Absent)).await?;
    for write in [
        put(key, "second", Condition::Absent),
        delete(key, Condition::Absent),
    ] {
        let what = "a write on an entry, where none was to be";
        trial.refused(write, 0, Refusal::Exists, what).await?;
        trial
            .finds([key], [Some("first")], "the entry after")
            .await?;
    }
    Ok(())
}

/// [`Condition::Present`] writes where there is an entry; else the refusal is [`Refusal::Gone`].
pub async fn a_present_write_demands_an_entry(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_present_write_demands_an_entry");
    let key = &trial.key(Kind::Data);
    for write in [
        put(key, "new", Condition::Present),
        delete(key, Condition::Present),
    ] {
        let what = "a write on no entry, where one was to be";
        trial.refused(write, 0, Refusal::Gone, what).await?;
        trial.finds([key], [None], "the entry after").await?;
    }
    trial.put(key, "first", TTL).await?;
    trial.done(put(key, "second", Condition::Present)).await?;
    trial.finds([key], [Some("second")], "the entry").await?;
    trial.done(delete(key, Condition::Present)).await?;
    trial.finds([key], [None], "the entry").await
}

/// [`Condition::Unchanged`] writes where the entry has that version.
pub async fn an_unchanged_write_demands_the_version(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_unchanged_write_demands_the_version");
    let key = &trial.key(Kind::Data);
    let first = trial.put(key, "first", TTL).await?;
    let versions = trial
        .done(put(key, "second", Condition::Unchanged(first.clone())))
        .await?;
    let second = versions.into_iter().next().flatten();
    let second = second.ok_or_else(|| trial.violated("a put answered no version"))?;
    for write in [
        put(key, "third", unchanged(&first)),
        delete(key, unchanged(&first)),
    ] {
        let written = trial.write(write).await?;
        trial.holds(!written.is_done(), "a write on a changed entry")?;
        trial
            .finds([key], [Some("second")], "the entry after")
            .await?;
    }
    trial
        .done(delete(key, Condition::Unchanged(second)))
        .await?;
    trial.finds([key], [None], "the entry").await
}

/// Where the version is another, the refusal is [`Refusal::Conflict`], with the entry as it is.
pub async fn a_conflict_tells_the_current_entry(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_conflict_tells_the_current_entry");
    let key = &trial.key(Kind::Data);
    let stale = trial.put(key, "stale", TTL).await?;
    trial.put(key, "current", TTL).await?;
    let current = trial.entry(key).await?;
    for write in [
        put(key, "new", unchanged(&stale)),
        delete(key, unchanged(&stale)),
    ] {
        let why = Refusal::Conflict(current.clone());
        trial
            .refused(write, 0, why, "a write on a changed entry")
            .await?;
    }
    trial
        .done(put(key, "new", unchanged(&current.version())))
        .await
        .map(|_| ())
}

/// A write on an entry that was deleted meanwhile does not bring it back: the refusal is [`Refusal::Gone`].
pub async fn a_deleted_entry_does_not_come_back(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_deleted_entry_does_not_come_back");
    let key = &trial.key(Kind::Session);
    let version = trial.put(key, "signed in", TTL).await?;
    trial.done(delete(key, Condition::Always)).await?;
    stays_gone(trial, key, &version, "a deleted entry").await
}

/// For every condition, an entry that has expired is not there.
pub async fn an_expired_entry_counts_as_gone(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_expired_entry_counts_as_gone");
    let [session, lock] = &trial.keys(Kind::Session);
    let version = trial.put(session, "signed in", SHORT).await?;
    trial.put(lock, "held", SHORT).await?;
    trial.pass(SHORT).await;
    stays_gone(trial, session, &version, "an expired entry").await?;
    trial
        .done(put(lock, "held anew", Condition::Absent))
        .await?;
    trial
        .finds([lock], [Some("held anew")], "the new entry")
        .await
}

async fn stays_gone(
    trial: Trial<'_>,
    key: &Key,
    version: &Version,
    what: &str,
) -> Result<(), Violation> {
    for condition in [unchanged(version), Condition::Present] {
        for write in [
            put(key, "back", condition.clone()),
            delete(key, condition.clone()),
        ] {
            trial.refused(write, 0, Refusal::Gone, what).await?;
        }
    }
    trial.finds([key], [None], what).await
}

fn put(key: &Key, value: &'static str, condition: Condition) -> Write {
    Write::put(key.clone(), value, TTL).when(condition)
}

fn delete(key: &Key, condition: Condition) -> Write {
    Write::delete(key.clone()).when(condition)
}

fn unchanged(version: &Version) -> Condition {
    Condition::Unchanged(version.clone())
}
