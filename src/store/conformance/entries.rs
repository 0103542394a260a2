//! What a read answers.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Fixture, Violation,
    trial::{SHORT, TTL},
};
use crate::store::{ErrorKind, Key, Kind, MAX_READ, Store, Write};

/// Entries are answered in the order of the keys, a missing one as `None`, one that was asked for twice, twice.
pub async fn entries_come_in_the_order_of_their_keys(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("entries_come_in_the_order_of_their_keys");
    let [a, b, missing] = &trial.keys(Kind::Data);
    trial.put(a, "a", TTL).await?;
    trial.put(b, "b", TTL).await?;
    let (keys, values) = ([b, missing, a, b], [Some("b"), None, Some("a"), Some("b")]);
    trial.finds(keys, values, "entries b, none, a, b").await?;
    trial.holds(
        trial.read(&[]).await?.is_empty(),
        "a read of no keys has answers",
    )
}

/// A value is any bytes, also none.
pub async fn values_are_any_bytes(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("values_are_any_bytes");
    let key = trial.key(Kind::Data);
    let all: Bytes = (0..=u8::MAX).collect();
    for value in [all, Bytes::new(), Bytes::from_static(b"\0\r\n\"")] {
        trial.put(&key, value.clone(), TTL).await?;
        let stored = trial.entry(&key).await?.into_value();
        let what = format!("a value of {} bytes came back changed", value.len());
        trial.holds(stored == value, &what)?;
    }
    Ok(())
}

/// A value of the largest size is stored whole, and one byte more is refused. Checked up to one mebibyte.
pub async fn values_are_stored_up_to_the_largest(fixture: &Fixture) -> Result<(), Violation> {
    const MOST: usize = 1 << 20;
    let trial = fixture.trial("values_are_stored_up_to_the_largest");
    let key = trial.key(Kind::Data);
    let max = trial.store().limits().max_value;
    let value: Bytes = (0..max.min(MOST)).map(|at| at as u8).collect();
    trial.put(&key, value.clone(), TTL).await?;
    let stored = trial.entry(&key).await?.into_value();
    trial.holds(stored == value, "the largest value came back changed")?;
    if max > MOST {
        return Ok(());
    }
    let larger = Write::put(key.clone(), vec![0; max + 1], TTL);
    let result = trial.store().write(&larger.into()).await;
    trial.fails(result, ErrorKind::TooLarge, "a value beyond the limit")?;
    let stored = trial.entry(&key).await?.into_value();
    trial.holds(
        stored == value,
        "a write that was refused changed the value",
    )
}

/// An entry is not returned any more once its time to live has passed.
pub async fn an_expired_entry_is_not_returned(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_expired_entry_is_not_returned");
    let [brief, briefer] = &trial.keys(Kind::Data);
    trial.put(brief, "", SHORT).await?;
    trial.put(briefer, "", Duration::from_nanos(1)).await?;
    trial.pass(SHORT).await;
    let what = "entries after their time to live";
    trial.finds([brief, briefer], [None, None], what).await
}

/// An entry lives until its time to live has passed, on its own or beside others.
pub async fn an_entry_lives_until_its_end(fixture: &Fixture) -> Result<(), Violation> {
    const LIFE: Duration = Duration::from_millis(1500);
    let trial = fixture.trial("an_entry_lives_until_its_end");
    let [short, long] = &trial.keys(Kind::Data);
    trial.put(short, "s", LIFE).await?;
    trial.put(long, "l", TTL).await?;
    trial.pass(SHORT).await;
    let what = "entries within their time to live";
    trial
        .finds([short, long], [Some("s"), Some("l")], what)
        .await
}

/// A put replaces the time to live, to a longer or a shorter one.
pub async fn a_put_replaces_the_time_to_live(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_put_replaces_the_time_to_live");
    let [longer, shorter] = &trial.keys(Kind::Data);
    for (key, first, then) in [(longer, SHORT, TTL), (shorter, TTL, SHORT)] {
        trial.put(key, "first", first).await?;
        trial.put(key, "then", then).await?;
    }
    trial.pass(SHORT).await;
    let what = "entries that now live longer, and shorter";
    trial
        .finds([longer, shorter], [Some("then"), None], what)
        .await
}

/// Other bytes have another version, and the same bytes the same, under any key.
pub async fn a_version_follows_the_bytes(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_version_follows_the_bytes");
    let [a, b] = &trial.keys(Kind::Data);
    let mut versions = Vec::new();
    for (key, value) in [(a, "1"), (a, "2"), (a, "1"), (b, "1")] {
        trial.put(key, value, TTL).await?;
        versions.push(trial.entry(key).await?.version());
    }
    trial.holds(versions[0] != versions[1], "other bytes, same version")?;
    let same = versions[0] == versions[2] && versions[0] == versions[3];
    trial.holds(same, "same bytes, other version")
}

/// A write answers the version that a read gives.
pub async fn a_write_answers_the_version_of_a_read(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_write_answers_the_version_of_a_read");
    let key = trial.key(Kind::Data);
    for value in [
        "",
        "1",
        "a longer value, which a store may keep a digest of",
    ] {
        let written = trial.put(&key, value, TTL).await?;
        let read = trial.entry(&key).await?;
        trial.holds(read.version() == written, "a read gives another version")?;
    }
    Ok(())
}

/// Up to [`MAX_READ`] keys are read at once, and more are refused.
pub async fn up_to_16_keys_are_read_at_once(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("up_to_16_keys_are_read_at_once");
    let keys: [Key; MAX_READ + 1] = trial.keys(Kind::Data);
    let most = &keys[..MAX_READ];
    trial.put(&keys[MAX_READ - 1], "last", TTL).await?;
    let entries = trial.read(most).await?;
    trial.same(entries.len(), MAX_READ, "the number of entries")?;
    let last = entries.last().is_some_and(Option::is_some);
    trial.holds(last, "the last entry is not there")?;
    let result = trial.store().read(&keys).await;
    trial.fails(result, ErrorKind::TooLarge, "a read of 17 keys")
}

/// A [`ping`](Store::ping) is answered.
pub async fn a_ping_is_answered(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_ping_is_answered");
    trial.answered(trial.store().ping().await, "a ping")
}
