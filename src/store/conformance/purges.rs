//! What a purge log tells.

use super::{Fixture, Violation, trial::Trial};
use crate::store::{
    Epoch, ErrorKind, Identifier, Kind, MAX_TAGS, Position, Purge, PurgeView, Purges, Stamp, Store,
    Tag,
};

/// A log begins when it is looked at, without marks, and stays the same log.
pub async fn a_fresh_log_has_no_marks(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_fresh_log_has_no_marks");
    let log = &trial.scope(Kind::Purge);
    let first = trial.purges(log, None).await?;
    trial.holds(
        first.complete && first.marks.is_empty(),
        "a fresh log has marks",
    )?;
    for since in [None, Some(first.position)] {
        let again = trial.purges(log, since).await?;
        trial.same(
            again.position,
            first.position,
            "the position of a log at rest",
        )?;
        trial.holds(again.marks.is_empty(), "a log at rest has marks")?;
    }
    Ok(())
}

/// A purge is seen from any earlier position, with an id that grows from purge to purge.
pub async fn a_purge_is_seen_from_earlier_positions(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_purge_is_seen_from_earlier_positions");
    let (log, [a, b]) = (&trial.scope(Kind::Purge), &tags(["a", "b"]));
    let start = trial.purges(log, None).await?.position;
    let first = trial.purge(log, std::slice::from_ref(a)).await?;
    let second = trial.purge(log, std::slice::from_ref(b)).await?;
    let grows = start.id() < first.id() && first.id() < second.id();
    trial.holds(grows, "the ids of positions do not grow")?;
    for since in [None, Some(start)] {
        let seen = trial.purges(log, since).await?;
        trial.same(seen.position, second, "the end of the log")?;
        let marks = mark(&seen, a).zip(mark(&seen, b));
        let marks = marks.ok_or_else(|| trial.violated("a purge is not seen"))?;
        trial.holds(
            marks.0 > start.id() && marks.0 < marks.1,
            "the ids of marks do not grow",
        )?;
    }
    let later = trial.purges(log, Some(first)).await?;
    trial.holds(
        mark(&later, b).is_some(),
        "a purge is not seen from the one before",
    )
}

/// An entry whose lookup was before a purge of one of its tags is not admitted after, also when the purge was during
/// its making.
pub async fn an_entry_from_before_a_purge_is_stale(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_entry_from_before_a_purge_is_stale");
    let (log, [a, b, c]) = (&trial.scope(Kind::Purge), &tags(["a", "b", "c"]));
    let mut view = PurgeView::new();
    trial.refresh(&mut view, log).await?;
    // Twice, so that the second stamp is not from the beginning of the log.
    for _ in 0..2 {
        let stamp = view.stamp().ok_or_else(|| trial.violated("no position"))?;
        trial.holds(view.admits(stamp, [a, b, c]), "a fresh entry is stale")?;
        trial.purge(log, &[a.clone(), b.clone()]).await?;
        trial.refresh(&mut view, log).await?;
        let mut late = PurgeView::new();
        trial.refresh(&mut late, log).await?;
        for view in [&view, &late] {
            trial.holds(
                !view.admits(stamp, [a]),
                "an entry outlived a purge of its tag",
            )?;
            trial.holds(
                !view.admits(stamp, [c, b]),
                "an entry outlived a purge of one of its tags",
            )?;
        }
        trial.holds(
            view.admits(stamp, [c]),
            "a purge of another tag made an entry stale",
        )?;
    }
    Ok(())
}

/// An entry whose lookup was after a purge is good, whoever looks.
pub async fn an_entry_from_after_a_purge_is_good(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_entry_from_after_a_purge_is_good");
    let (log, [a, b]) = (&trial.scope(Kind::Purge), &tags(["a", "b"]));
    let (mut early, mut late) = (PurgeView::new(), PurgeView::new());
    trial.refresh(&mut early, log).await?;
    for _ in 0..2 {
        trial.purge(log, &[a.clone(), b.clone()]).await?;
        trial.refresh(&mut early, log).await?;
    }
    trial.refresh(&mut late, log).await?;
    let stamps = early.stamp().zip(late.stamp());
    let (one, other) = stamps.ok_or_else(|| trial.violated("no position"))?;
    let good = early.admits(other, [a, b]) && late.admits(one, [a, b]);
    trial.holds(good, "a purge made a later entry stale")
}

/// Purging everything begins a new epoch, and no entry from before is good.
pub async fn purging_everything_begins_an_epoch(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("purging_everything_begins_an_epoch");
    let log = &trial.scope(Kind::Purge);
    let mut view = PurgeView::new();
    trial.refresh(&mut view, log).await?;
    trial.purge(log, &tags(["a"])).await?;
    trial.refresh(&mut view, log).await?;
    let stamp = view.stamp().ok_or_else(|| trial.violated("no position"))?;
    let purged = trial.store().purge(log, Purge::Everything).await;
    let position = trial.answered(purged, "a purge of everything")?;
    trial.holds(
        position.epoch() != stamp.epoch(),
        "the epoch is the one before",
    )?;
    trial.refresh(&mut view, log).await?;
    trial.same(view.position(), Some(position), "the position after")?;
    trial.holds(
        !view.admits(stamp, []),
        "an entry outlived a purge of everything",
    )
}

/// From a position that the log does not know, all marks are answered.
pub async fn an_unknown_position_is_told_all_marks(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_unknown_position_is_told_all_marks");
    let (log, [a]) = (&trial.scope(Kind::Purge), &tags(["a"]));
    let before = trial.purges(log, None).await?.position;
    let purged = trial.store().purge(log, Purge::Everything).await;
    trial.answered(purged, "a purge of everything")?;
    let end = trial.purge(log, std::slice::from_ref(a)).await?;
    let foreign = Position::new(Epoch::new(!end.epoch().as_u128()), end.id(), end.nonce());
    let beyond = Position::new(end.epoch(), end.id() + 1, end.nonce());
    for since in [before, foreign, beyond] {
        let seen = trial.purges(log, Some(since)).await?;
        trial.holds(
            seen.complete,
            "marks since an unknown position are said to be all since",
        )?;
        trial.holds(mark(&seen, a).is_some(), "a mark is missing")?;
    }
    Ok(())
}

/// Many purges later, whether all are answered one by one or only where they ended, no mark is missing.
pub async fn a_late_reader_misses_no_mark(fixture: &Fixture) -> Result<(), Violation> {
    const ROUNDS: usize = 6;
    let trial = fixture.trial("a_late_reader_misses_no_mark");
    let log = &trial.scope(Kind::Purge);
    let start = trial.purges(log, None).await?.position;
    let mut all = Vec::new();
    for round in 0..ROUNDS {
        let names = (0..MAX_TAGS).map(|at| format!("{round}-{at}"));
        let tags: Vec<_> = names.map(Tag::new).collect();
        trial.purge(log, &tags).await?;
        all.extend(tags);
    }
    let mut view = PurgeView::new();
    for since in [Some(start), None] {
        view.apply(trial.purges(log, since).await?);
        let stamp = Stamp::new(start.epoch(), start.id());
        let missed = all.iter().filter(|tag| view.admits(stamp, [*tag])).count();
        trial.same(missed, 0, "tags whose purge is missed")?;
    }
    Ok(())
}

/// Up to [`MAX_TAGS`] tags are purged at once, and more are refused. A tag is any bytes.
pub async fn up_to_256_tags_are_purged_at_once(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("up_to_256_tags_are_purged_at_once");
    let log = &trial.scope(Kind::Purge);
    let mut tags: Vec<_> = (0..=u8::MAX)
        .map(|byte| Tag::new(Identifier::new([byte, b':', b' '])))
        .collect();
    trial.purge(log, &tags).await?;
    let seen = trial.purges(log, None).await?;
    let missing = tags.iter().filter(|tag| mark(&seen, tag).is_none()).count();
    trial.same(missing, 0, "tags that were purged and are not seen")?;
    tags.push(Tag::new("one more"));
    let result = trial.store().purge(log, Purge::Tags(&tags)).await;
    trial.fails(result, ErrorKind::TooLarge, "a purge of 257 tags")
}

/// Only a log is purged, and looked at.
pub async fn only_a_log_is_purged(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("only_a_log_is_purged");
    for kind in [Kind::Cache, Kind::Data, Kind::Index, Kind::Limit] {
        let scope = &trial.scope(kind);
        let result = trial.store().purge(scope, Purge::Everything).await;
        trial.fails(result, ErrorKind::Invalid, "a purge of what is no log")?;
        let result = trial.store().purges(scope, None).await;
        trial.fails(result, ErrorKind::Invalid, "a look at what is no log")?;
    }
    Ok(())
}

/// A purge in one log is not seen in another.
pub async fn logs_are_apart(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("logs_are_apart");
    let [log, other] = [trial.scope(Kind::Purge), trial.scope(Kind::Purge)];
    let before = trial.purges(&other, None).await?.position;
    trial.purge(&log, &tags(["a"])).await?;
    let purged = trial.store().purge(&log, Purge::Everything).await;
    trial.answered(purged, "a purge of everything")?;
    still(trial, &trial.purges(&other, Some(before)).await?, before)
}

fn still(trial: Trial<'_>, seen: &Purges, before: Position) -> Result<(), Violation> {
    trial.same(seen.position, before, "the position of the other log")?;
    trial.holds(seen.marks.is_empty(), "a purge is seen in another log")
}

fn tags<const N: usize>(names: [&str; N]) -> [Tag; N] {
    names.map(Tag::new)
}

fn mark(purges: &Purges, tag: &Tag) -> Option<u128> {
    let mut marks = purges.marks.iter();
    marks.find(|(each, _)| each == tag).map(|(_, id)| *id)
}
