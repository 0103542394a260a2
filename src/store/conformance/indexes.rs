//! Who is a member of an index.

use std::time::Duration;

use super::{
    Fixture, Violation,
    trial::{SHORT, TTL},
};
use crate::store::{
    Batch, Condition, Cursor, ErrorKind, Identifier, Key, Kind, Refusal, Store, Write,
};

/// An entry joins its index when it is put, and no other.
pub async fn an_entry_joins_its_index(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_entry_joins_its_index");
    let ([a, b, c, d], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial
        .done([join(a, index), join(b, &trial.key(Kind::Index))])
        .await?;
    trial.done(join(c, index)).await?;
    trial.done(join(c, index)).await?;
    trial.put(d, "of no index", TTL).await?;
    trial
        .lists(index, [a, c], "the members are not those that joined")
        .await
}

/// An entry leaves its index when it is deleted, and a write that is refused changes no index.
pub async fn an_entry_leaves_its_index_when_deleted(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_entry_leaves_its_index_when_deleted");
    let ([stays, leaves], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial
        .done([join(stays, index), join(leaves, index)])
        .await?;
    trial.done(leave(leaves, index)).await?;
    trial
        .lists(index, [stays], "a deleted entry is still a member")
        .await?;
    trial.done(leave(stays, index)).await?;
    trial
        .lists(index, [], "an index that all have left has members")
        .await
}

/// A batch that is refused changes no index.
pub async fn a_refused_batch_changes_no_index(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_refused_batch_changes_no_index");
    let ([member, new, gone], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial.done(join(member, index)).await?;
    let present = Write::delete(gone.clone()).when(Condition::Present);
    let batch = [join(new, index), leave(member, index), present];
    trial
        .refused(batch, 2, Refusal::Gone, "a batch on an entry that is gone")
        .await?;
    trial
        .lists(
            index,
            [member],
            "a batch that was refused changed the index",
        )
        .await
}

/// A membership ends with the entry: at the latest, the next that joins finds it pruned. A put prolongs it.
pub async fn a_membership_ends_with_the_entry(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_membership_ends_with_the_entry");
    let ([brief, renewed, next], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial
        .done([
            join_for(brief, index, SHORT),
            join_for(renewed, index, SHORT),
        ])
        .await?;
    trial.done(join(renewed, index)).await?;
    trial.pass(SHORT).await;
    trial.done(join(next, index)).await?;
    trial
        .lists(
            index,
            [renewed, next],
            "the members are not those that live",
        )
        .await
}

/// An index lives as long as any member, also one that joined before members with a shorter life.
pub async fn an_index_lives_as_long_as_its_members(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_index_lives_as_long_as_its_members");
    let ([long, brief], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial.done(join(long, index)).await?;
    trial.done(join_for(brief, index, SHORT)).await?;
    trial.pass(SHORT).await;
    let members = trial.members(index).await?;
    trial.holds(
        members.contains(long.identifier()),
        "an index ended before its members",
    )
}

/// Members that end first are listed first.
pub async fn members_that_end_first_come_first(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("members_that_end_first_come_first");
    let (keys, index) = (trial.keys::<5>(Kind::Session), trial.key(Kind::Index));
    for (key, seconds) in keys.iter().zip([300, 100, 500, 200, 400]) {
        trial
            .done(join_for(key, &index, Duration::from_secs(seconds)))
            .await?;
    }
    let expected = [1, 3, 0, 4, 2].map(|at: usize| keys[at].identifier().clone());
    let members = trial.members(&index).await?;
    trial.holds(
        members == expected,
        "the members are not in the order of their ends",
    )
}

/// More than 100 members are listed page by page: each once, none left out, in order.
pub async fn a_long_index_is_listed_in_pages(fixture: &Fixture) -> Result<(), Violation> {
    const MEMBERS: usize = 250;
    let trial = fixture.trial("a_long_index_is_listed_in_pages");
    let (scope, index) = (trial.scope(Kind::Session), trial.key(Kind::Index));
    let keys: Vec<_> = (0..MEMBERS).map(|at| scope.key(at.to_string())).collect();
    for (part, keys) in keys.chunks(16).enumerate() {
        let ttl = |at: usize| TTL + Duration::from_secs((part * 16 + at) as u64);
        let joins = keys.iter().enumerate();
        let joins = joins.map(|(at, key)| join_for(key, &index, ttl(at)));
        trial.done(joins.collect::<Batch>()).await?;
    }
    let pages = trial.pages(&index).await?;
    let largest = pages.iter().map(Vec::len).max().unwrap_or_default();
    trial.holds(largest <= 100, "a page of more than 100 members")?;
    let expected: Vec<Identifier> = keys.iter().map(|key| key.identifier().clone()).collect();
    trial.holds(
        pages.concat() == expected,
        "the pages do not list each member once, in order",
    )
}

/// An index with `at_most` members refuses another, and the batch that brings it.
pub async fn a_full_index_refuses(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_full_index_refuses");
    let ([a, b, c, other], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    for key in [a, b] {
        trial.done(join_at_most(key, index, 2)).await?;
    }
    let batch = [
        Write::put(other.clone(), "", TTL),
        join_at_most(c, index, 2),
    ];
    trial
        .refused(batch, 1, Refusal::IndexFull, "a third member of two")
        .await?;
    let unchanged = "a batch that found the index full changed something";
    trial.finds([c, other], [None, None], unchanged).await?;
    trial.lists(index, [a, b], unchanged).await?;
    let none = trial.key(Kind::Index);
    trial
        .refused(
            join_at_most(c, &none, 0),
            0,
            Refusal::IndexFull,
            "a first of none",
        )
        .await
}

/// Two that join in one batch are both counted.
pub async fn all_that_join_are_counted(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("all_that_join_are_counted");
    let ([a, b, c], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    let batch = [join_at_most(a, index, 1), join_at_most(b, index, 1)];
    let written = trial.write(batch).await?;
    trial.holds(!written.is_done(), "two joined an index of one at once")?;
    trial
        .lists(index, [], "a batch that found the index full changed it")
        .await?;
    trial
        .done([join_at_most(a, index, 2), join_at_most(c, index, 2)])
        .await
        .map(|_| ())
}

/// Who leaves in a batch makes room for who joins, wherever it stands: a rotation works at the limit.
pub async fn who_leaves_makes_room(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("who_leaves_makes_room");
    let ([a, b, c], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial.done(join_at_most(a, index, 1)).await?;
    trial
        .done([join_at_most(b, index, 1), leave(a, index)])
        .await?;
    trial
        .done([leave(b, index), join_at_most(c, index, 1)])
        .await?;
    trial
        .lists(index, [c], "the member is not the last that joined")
        .await
}

/// An entry that leaves without having been a member makes no room.
pub async fn a_stranger_that_leaves_makes_no_room(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_stranger_that_leaves_makes_no_room");
    let ([a, b, stranger], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial.done(join_at_most(a, index, 1)).await?;
    let batch = [leave(stranger, index), join_at_most(b, index, 1)];
    trial
        .refused(batch, 1, Refusal::IndexFull, "a second member of one")
        .await
}

/// An entry that is a member already is not counted again.
pub async fn a_member_is_counted_once(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_member_is_counted_once");
    let (key, index) = (&trial.key(Kind::Session), &trial.key(Kind::Index));
    for _ in 0..3 {
        trial.done(join_at_most(key, index, 1)).await?;
    }
    trial
        .lists(index, [key], "the members are not the one that joined")
        .await
}

/// A member whose entry has expired does not count.
pub async fn an_expired_member_is_not_counted(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_expired_member_is_not_counted");
    let ([long, brief, next], index) = (&trial.keys(Kind::Session), &trial.key(Kind::Index));
    trial
        .done([join(long, index), join_for(brief, index, SHORT)])
        .await?;
    trial.pass(SHORT).await;
    trial.done(join_at_most(next, index, 2)).await?;
    trial
        .lists(index, [long, next], "the members are not those that live")
        .await
}

/// An index that nobody joined has no members.
pub async fn an_unknown_index_has_no_members(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("an_unknown_index_has_no_members");
    let index = &trial.key(Kind::Index);
    trial.done(leave(&trial.key(Kind::Session), index)).await?;
    trial
        .lists(index, [], "an index that nobody joined has members")
        .await?;
    let far = trial.store().members(index, Cursor::START).await;
    let next = trial.answered(far, "a listing")?.next;
    trial.holds(
        next.is_none(),
        "an index that nobody joined has a second page",
    )
}

/// Only an index has members.
pub async fn only_an_index_has_members(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("only_an_index_has_members");
    for kind in [Kind::Session, Kind::Data, Kind::Limit, Kind::Purge] {
        let members = trial.store().members(&trial.key(kind), Cursor::START).await;
        trial.fails(members, ErrorKind::Invalid, "a listing of what is no index")?;
    }
    Ok(())
}

pub(super) fn join(key: &Key, index: &Key) -> Write {
    join_for(key, index, TTL)
}

pub(super) fn join_for(key: &Key, index: &Key, ttl: Duration) -> Write {
    Write::put(key.clone(), "", ttl).member_of(index.clone())
}

pub(super) fn join_at_most(key: &Key, index: &Key, most: u32) -> Write {
    Write::put(key.clone(), "", TTL).member_of_at_most(index.clone(), most)
}

pub(super) fn leave(key: &Key, index: &Key) -> Write {
    Write::delete(key.clone()).member_of(index.clone())
}
