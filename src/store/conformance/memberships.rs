//! How long who joined an index is a member of it.

use super::{
    Fixture, Violation,
    indexes::{join, join_at_most, join_for, leave},
    trial::{SHORT, TTL},
};
use crate::store::{Condition, Kind, Refusal, Write};

/// A membership lasts as long as it is told to, but no shorter than its entry: until then the index lists the member, and
/// counts it, also where the entry is gone.
pub async fn a_membership_may_outlive_its_entry(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_membership_may_outlive_its_entry");
    let ([brief, long, next], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial
        .done([
            join_for(brief, index, SHORT).membership_ttl(TTL),
            join_for(long, index, TTL).membership_ttl(SHORT),
        ])
        .await?;
    trial.pass(SHORT).await;
    let kept = "the members are not those whose memberships last";
    trial
        .finds([brief, long], [None, Some("")], "the entries")
        .await?;
    trial.lists(index, [brief, long], kept).await?;
    let third = join_at_most(next, index, 2);
    let full = "a third member of two, one of whose entries is gone";
    trial.refused(third, 0, Refusal::IndexFull, full).await?;
    trial.done(join(next, &trial.key(Kind::Index))).await?;
    trial.lists(index, [brief, long], kept).await
}

/// A membership that outlives its entry ends by itself: whoever joins next finds it pruned, and it does not count.
pub async fn a_membership_of_its_own_life_ends(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_membership_of_its_own_life_ends");
    let ([brief, next], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    let life = SHORT * 2;
    trial
        .done(join_for(brief, index, SHORT).membership_ttl(life))
        .await?;
    trial.pass(life).await;
    trial.done(join_at_most(next, index, 1)).await?;
    trial
        .lists(index, [next], "a membership outlived its own end")
        .await
}

/// A put that names no index changes no membership, whatever its time to live.
pub async fn a_put_without_an_index_changes_no_membership(
    fixture: &Fixture,
) -> Result<(), Violation> {
    let trial = fixture.trial("a_put_without_an_index_changes_no_membership");
    let (key, index) = (&trial.key(Kind::Session), &trial.key(Kind::Index));
    let version = trial.done(join(key, index)).await?.pop().flatten();
    let version = version.ok_or_else(|| trial.violated("a put answered no version"))?;
    let again = Write::put(key.clone(), "again", TTL).when(Condition::Unchanged(version));
    trial.done(again).await?;
    let member = "an entry that was put again is no member any more";
    trial.lists(index, [key], member).await?;
    trial.put(key, "brief", SHORT).await?;
    trial.pass(SHORT).await;
    trial.lists(index, [key], member).await
}

/// A delete takes the member out of the index also where the entry is gone, and makes room.
pub async fn who_is_gone_can_leave_an_index(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("who_is_gone_can_leave_an_index");
    let ([expired, deleted, stays], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial
        .done([
            join_for(expired, index, SHORT).membership_ttl(TTL),
            join(deleted, index),
            join(stays, index),
        ])
        .await?;
    trial.done(Write::delete(deleted.clone())).await?;
    trial.pass(SHORT).await;
    let gone = "a member whose entry is gone cannot be taken out";
    trial.done(leave(expired, index)).await?;
    trial.lists(index, [deleted, stays], gone).await?;
    trial
        .done([leave(deleted, index), join_at_most(expired, index, 2)])
        .await?;
    trial.lists(index, [expired, stays], gone).await
}
