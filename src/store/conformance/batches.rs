//! All of a batch, or nothing.

use std::time::Duration;

use super::{Fixture, Violation, trial::TTL};
use crate::store::{
    Batch, Condition, ErrorKind, Key, Kind, MAX_BATCH, Refusal, Store, Write, Written,
};

/// A batch happens whole, and answers a version for each put, at its place.
pub async fn a_batch_is_written_whole(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_batch_is_written_whole");
    let [a, b, old] = &trial.keys(Kind::Data);
    trial.put(old, "old", TTL).await?;
    let versions = trial
        .done([
            Write::put(a.clone(), "a", TTL),
            Write::delete(old.clone()),
            Write::put(b.clone(), "b", TTL).when(Condition::Absent),
        ])
        .await?;
    let read = [a, old, b];
    trial
        .finds(read, [Some("a"), None, Some("b")], "the entries")
        .await?;
    let entries = trial.read(&read.map(Key::clone)).await?;
    let expected: Vec<_> = entries
        .into_iter()
        .map(|entry| entry.map(|entry| entry.version()))
        .collect();
    trial.holds(
        versions == expected,
        "the versions of the writes are not those of a read",
    )
}

/// Where one write is refused, nothing of the batch happens, whatever its place, and the place is told.
pub async fn a_refused_batch_changes_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refused_batch_changes_nothing");
    let [kept, new, changed, gone] = &trial.keys(Kind::Data);
    trial.put(kept, "kept", TTL).await?;
    trial.put(changed, "as it was", TTL).await?;
    let others = [
        Write::put(new.clone(), "new", TTL),
        Write::put(changed.clone(), "changed", TTL).when(Condition::Present),
        Write::delete(kept.clone()),
    ];
    for at in 0..=others.len() {
        let mut writes = others.to_vec();
        writes.insert(at, Write::delete(gone.clone()).when(Condition::Present));
        let batch: Batch = writes.into_iter().collect();
        let what = format!("a batch whose write {at} cannot happen");
        trial.refused(batch, at, Refusal::Gone, &what).await?;
        let keys = [kept, new, changed, gone];
        let before = [Some("kept"), None, Some("as it was"), None];
        trial
            .finds(keys, before, &format!("{what} changed entries"))
            .await?;
    }
    Ok(())
}

/// Of several writes that cannot happen, the first is told.
pub async fn a_refusal_tells_the_first_place(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refusal_tells_the_first_place");
    let [free, taken, gone] = &trial.keys(Kind::Data);
    trial.put(taken, "taken", TTL).await?;
    let writes = [
        Write::put(free.clone(), "", TTL),
        Write::put(taken.clone(), "", TTL).when(Condition::Absent),
        Write::delete(gone.clone()).when(Condition::Present),
    ];
    let what = "the first of two writes that cannot happen";
    trial.refused(writes, 1, Refusal::Exists, what).await
}

/// An empty batch does nothing, and is done.
pub async fn an_empty_batch_is_done(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_empty_batch_is_done");
    trial.same(
        trial.done(Batch::new()).await?,
        Vec::new(),
        "versions of no writes",
    )
}

/// A rotation moves an entry, or leaves it where it is if it has changed or the new key is taken.
pub async fn a_rotation_moves_an_entry_or_leaves_it(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_rotation_moves_an_entry_or_leaves_it");
    let [old, new, taken] = &trial.keys(Kind::Session);
    let stale = trial.put(old, "stale", TTL).await?;
    let version = trial.put(old, "old", TTL).await?;
    trial.put(taken, "taken", TTL).await?;
    let store = trial.store();
    let current = trial.entry(old).await?;
    let rotations = [
        (stale, new, Some((1, Refusal::Conflict(current)))),
        (version.clone(), taken, Some((0, Refusal::Exists))),
        (version.clone(), new, None),
        (version, new, Some((0, Refusal::Exists))),
    ];
    for (number, (version, to, refusal)) in rotations.into_iter().enumerate() {
        let rotated = store.rotate((old, version), to, "moved", TTL).await;
        let seen = match trial.answered(rotated, "a rotation")? {
            Written::Done(_) => None,
            Written::Refused { at, why } => Some((at, why)),
        };
        trial.same(seen, refusal, &format!("the refusal of rotation {number}"))?;
        let moved = if number < 2 {
            [Some("old"), None]
        } else {
            [None, Some("moved")]
        };
        trial
            .finds(
                [old, new],
                moved,
                &format!("the entries after rotation {number}"),
            )
            .await?;
    }
    trial
        .finds([taken], [Some("taken")], "the entry of the taken key")
        .await
}

/// Deleting what is not there succeeds.
pub async fn deleting_what_is_not_there_is_done(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("deleting_what_is_not_there_is_done");
    let versions = trial.done(Write::delete(trial.key(Kind::Data))).await?;
    trial.same(versions, vec![None], "the versions of a delete")
}

/// Up to [`MAX_BATCH`] writes make a batch, and more are refused.
pub async fn up_to_16_writes_make_a_batch(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("up_to_16_writes_make_a_batch");
    let keys: [Key; MAX_BATCH + 1] = trial.keys(Kind::Data);
    let puts = |many: usize| -> Batch {
        let keys = keys.iter().take(many);
        keys.map(|key| Write::put(key.clone(), "", TTL)).collect()
    };
    let result = trial.store().write(&puts(MAX_BATCH + 1)).await;
    trial.fails(result, ErrorKind::TooLarge, "a batch of 17 writes")?;
    let first = trial.get(&keys[0]).await?;
    trial.holds(first.is_none(), "a batch that is too large wrote something")?;
    trial.done(puts(MAX_BATCH)).await?;
    let entries = trial.read(&keys[..MAX_BATCH]).await?;
    trial.holds(
        entries.iter().all(Option::is_some),
        "a batch of 16 writes is not whole",
    )
}

/// Two writes of one key, or of one member of an index, are refused: their order would mean something.
pub async fn a_batch_writes_a_key_once(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_batch_writes_a_key_once");
    let key = trial.key(Kind::Data);
    let twice = [Write::put(key.clone(), "", TTL), Write::delete(key.clone())];
    let result = trial.store().write(&twice.into()).await;
    trial.fails(result, ErrorKind::Invalid, "two writes of one key")?;
    let index = trial.key(Kind::Index);
    let member = || Write::put(trial.key(Kind::Session), "", TTL).member_of(index.clone());
    let result = trial.store().write(&[member(), member()].into()).await;
    trial.fails(result, ErrorKind::Invalid, "two writes of one member")
}

/// A time to live of zero is refused, and what was there stays.
pub async fn a_time_to_live_is_not_zero(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_time_to_live_is_not_zero");
    let key = &trial.key(Kind::Counter);
    trial.put(key, "1", TTL).await?;
    let store = trial.store();
    let result = store.put(key, "2", Duration::ZERO).await;
    trial.fails(
        result,
        ErrorKind::Invalid,
        "a put with a time to live of zero",
    )?;
    let session = Write::put(trial.key(Kind::Session), "", TTL).member_of(trial.key(Kind::Index));
    let result = store
        .write(&session.membership_ttl(Duration::ZERO).into())
        .await;
    trial.fails(
        result,
        ErrorKind::Invalid,
        "a membership with a time to live of zero",
    )?;
    let result = store.increment(key, 1, Duration::ZERO).await;
    trial.fails(
        result,
        ErrorKind::Invalid,
        "an increment with a time to live of zero",
    )?;
    trial.finds([key], [Some("1")], "the entry").await
}

/// The longest time to live that a duration can say is taken.
pub async fn a_time_to_live_may_be_huge(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_time_to_live_may_be_huge");
    let [entry, number] = &trial.keys(Kind::Counter);
    trial.put(entry, "put", Duration::MAX).await?;
    let sum = trial.store().increment(number, 1, Duration::MAX).await;
    trial.answered(sum, "an increment with a huge time to live")?;
    trial
        .finds([entry, number], [Some("put"), Some("1")], "the entries")
        .await?;
    let (member, index) = (trial.key(Kind::Session), &trial.key(Kind::Index));
    let join = Write::put(member.clone(), "", TTL).member_of(index.clone());
    trial.done(join.membership_ttl(Duration::MAX)).await?;
    trial
        .lists(index, [&member], "who joined for long is no member")
        .await?;
    // They would stay in a database for ten years.
    let leave = Write::delete(member).member_of(index.clone());
    trial
        .done([
            Write::delete(entry.clone()),
            Write::delete(number.clone()),
            leave,
        ])
        .await
        .map(|_| ())
}
