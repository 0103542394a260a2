//! Numbers that several add to.

use super::{
    Fixture, Violation,
    trial::{SHORT, TTL},
};
use crate::store::{ErrorKind, Kind, Store};

/// A counter begins at zero, and any number is added, also a negative one.
pub async fn a_counter_begins_at_zero(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_counter_begins_at_zero");
    let [up, down] = &trial.keys(Kind::Counter);
    for (by, sum) in [(1, 1), (41, 42), (0, 42), (-50, -8)] {
        trial.same(trial.increment(up, by).await?, sum, "the sum")?;
    }
    trial.same(trial.increment(down, -3).await?, -3, "the sum")
}

/// A counter lives from its first increment, and later ones do not prolong it.
pub async fn a_counter_lives_from_its_first_increment(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_counter_lives_from_its_first_increment");
    let key = &trial.key(Kind::Counter);
    let first = trial.store().increment(key, 1, SHORT).await;
    trial.answered(first, "an increment")?;
    trial.increment(key, 1).await?;
    trial.pass(SHORT).await;
    trial
        .finds([key], [None], "a counter after its time to live")
        .await?;
    trial.same(
        trial.increment(key, 1).await?,
        1,
        "the first sum of a new life",
    )
}

/// A counter does not end before its time to live, and that of later increments does not shorten it.
pub async fn a_counter_keeps_its_time_to_live(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_counter_keeps_its_time_to_live");
    let key = &trial.key(Kind::Counter);
    trial.increment(key, 1).await?;
    let second = trial.store().increment(key, 1, SHORT).await;
    trial.answered(second, "an increment")?;
    trial.pass(SHORT).await;
    trial
        .finds([key], [Some("2")], "a counter within its time to live")
        .await
}

/// A sum that overflows is refused, and the counter stays as it was.
pub async fn a_counter_does_not_overflow(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_counter_does_not_overflow");
    let [high, low] = &trial.keys(Kind::Counter);
    for (key, most, by) in [(high, i64::MAX, 1), (low, i64::MIN, -1)] {
        trial.increment(key, most).await?;
        let result = trial.store().increment(key, by, TTL).await;
        trial.fails(result, ErrorKind::Invalid, "an increment beyond 64 bits")?;
        let sum = trial.increment(key, 0).await?;
        trial.same(sum, most, "the counter after an overflow")?;
    }
    Ok(())
}

/// A counter is read as a decimal number.
pub async fn a_counter_is_read_in_decimals(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_counter_is_read_in_decimals");
    let [up, down, zero, least] = &trial.keys(Kind::Counter);
    for (key, by) in [(up, 1_234_567), (down, -42), (zero, 0), (least, i64::MIN)] {
        trial.increment(key, by).await?;
    }
    let expected = ["1234567", "-42", "0", "-9223372036854775808"].map(Some);
    trial
        .finds([up, down, zero, least], expected, "the counters")
        .await
}

/// What is not a number is not added to: it is corrupt, and stays as it was.
pub async fn what_is_no_number_is_not_added_to(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("what_is_no_number_is_not_added_to");
    let key = &trial.key(Kind::Counter);
    for value in ["", "ten", "1.5", "9223372036854775808", "1 "] {
        trial.put(key, value, TTL).await?;
        let result = trial.store().increment(key, 1, TTL).await;
        trial.fails(
            result,
            ErrorKind::Corrupt,
            "an increment of what is no number",
        )?;
        trial.finds([key], [Some(value)], "the entry after").await?;
    }
    Ok(())
}

/// A decimal number that was put is added to.
pub async fn a_number_that_was_put_is_added_to(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_number_that_was_put_is_added_to");
    let key = &trial.key(Kind::Counter);
    trial.put(key, "41", TTL).await?;
    trial.same(trial.increment(key, 1).await?, 42, "the sum")?;
    trial.finds([key], [Some("42")], "the entry").await
}
