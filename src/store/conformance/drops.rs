//! Futures that are dropped: the whole effect, or none.

use std::{future::poll_fn, pin::pin, task::Poll};

use super::{Fixture, Violation, limits::TEN, trial::TTL};
use crate::store::{Batch, Claim, Decision, Key, Kind, Purge, Spend, Store, Tag, Write};

/// After how many polls a future is dropped, if it still waits.
const POLLS: std::ops::RangeInclusive<usize> = 1..=4;

/// A write that is dropped leaves all of its batch written, or nothing.
pub async fn a_dropped_write_is_whole_or_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_dropped_write_is_whole_or_nothing");
    for polls in POLLS {
        let [old, changed, new] = &trial.keys(Kind::Session);
        trial.put(old, "old", TTL).await?;
        trial.put(changed, "old", TTL).await?;
        let batch = Batch::from([
            Write::delete(old.clone()),
            Write::put(changed.clone(), "new", TTL),
            Write::put(new.clone(), "new", TTL),
        ]);
        drop_after(polls, trial.store().write(&batch)).await;
        let entries = trial
            .read(&[old.clone(), changed.clone(), new.clone()])
            .await?;
        let seen: Vec<_> = entries
            .iter()
            .map(|entry| entry.as_ref().map(|entry| entry.value().as_ref()))
            .collect();
        let none: [Option<&[u8]>; 3] = [Some(b"old"), Some(b"old"), None];
        let whole: [Option<&[u8]>; 3] = [None, Some(b"new"), Some(b"new")];
        trial.holds(
            seen == none || seen == whole,
            "a dropped write is written half",
        )?;
    }
    Ok(())
}

/// A write that is dropped leaves an entry and its membership, or neither.
pub async fn a_dropped_write_leaves_no_stray_entry(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_dropped_write_leaves_no_stray_entry");
    for polls in POLLS {
        let (key, index) = (trial.key(Kind::Session), trial.key(Kind::Index));
        let put = Write::put(key.clone(), "", TTL).member_of(index.clone());
        drop_after(polls, trial.store().write(&put.into())).await;
        // First the index: the write may still be under way, and has to be whole when it arrives.
        let member = trial.members(&index).await?.contains(key.identifier());
        let entry = trial.get(&key).await?.is_some();
        trial.holds(
            entry || !member,
            "a dropped write left a member without an entry",
        )?;
        let later = trial.members(&index).await?.contains(key.identifier());
        trial.holds(
            later || !entry,
            "a dropped write left an entry out of its index",
        )?;
    }
    Ok(())
}

/// An increment that is dropped is added whole, or not at all.
pub async fn a_dropped_increment_is_whole_or_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_dropped_increment_is_whole_or_nothing");
    for polls in POLLS {
        let key = &trial.key(Kind::Counter);
        drop_after(polls, trial.store().increment(key, 10, TTL)).await;
        let entry = trial.get(key).await?;
        let whole = entry.is_none_or(|entry| entry.value() == "10");
        trial.holds(whole, "a dropped increment added a part")?;
    }
    Ok(())
}

/// An acquire that is dropped has charged all of its limits, or none.
pub async fn a_dropped_acquire_is_whole_or_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_dropped_acquire_is_whole_or_nothing");
    for polls in POLLS {
        let keys: [Key; 6] = trial.keys(Kind::Limit);
        let claims = |spend: Spend| -> Vec<Claim> {
            let keys = keys.iter().zip(TEN);
            keys.map(|(key, quota)| Claim::new(key.clone(), quota).spend(spend))
                .collect()
        };
        drop_after(polls, trial.store().acquire(&claims(Spend::Take(3)))).await;
        let left = trial.acquire(&claims(Spend::Peek(0))).await?;
        let left: Vec<_> = left.iter().map(Decision::remaining).collect();
        let whole = left == [10; 6] || left == [7; 6];
        trial.holds(whole, "a dropped acquire charged some of its limits")?;
    }
    Ok(())
}

/// A purge that is dropped has marked all of its tags, or none.
pub async fn a_dropped_purge_is_whole_or_nothing(fixture: &Fixture) -> Result<(), Violation> {
    let trial = fixture.trial("a_dropped_purge_is_whole_or_nothing");
    for polls in POLLS {
        let (log, tags) = (&trial.scope(Kind::Purge), ["a", "b", "c"].map(Tag::new));
        trial.purges(log, None).await?;
        drop_after(polls, trial.store().purge(log, Purge::Tags(&tags))).await;
        let marks = trial.purges(log, None).await?.marks.len();
        trial.holds(
            marks == 0 || marks == tags.len(),
            "a dropped purge marked some of its tags",
        )?;
    }
    Ok(())
}

async fn drop_after<F: Future>(polls: usize, future: F) {
    let mut future = pin!(future);
    poll_fn(|context| {
        // Whether it is woken or not: a future may be polled at any time.
        let _ = (0..polls).any(|_| future.as_mut().poll(context).is_ready());
        Poll::Ready(())
    })
    .await;
}
