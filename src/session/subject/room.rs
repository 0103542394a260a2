//! Room for one more session of a subject that has as many as it may have.

use super::{
    super::{Event, Fingerprint, SessionLimit, config::Config, error::Result, record::Record},
    index, is_live, is_of,
    members::{Found, Member, delete, listing, read},
};
use crate::{
    store::{Condition, Identifier, Key, MAX_BATCH, Write},
    time::Timestamp,
};

/// The most deletes of the batch of a login: it also puts the new entry, and deletes the old one, or up to five that end.
const MOST: usize = MAX_BATCH - 6;

/// What to do where an index is full.
pub(in super::super) enum Room {
    /// Evict these along with the write, each leaving the index, and try again: the oldest, at most ten. None, if others
    /// have left meanwhile, or if what had expired was in the way, and is not there any more.
    Delete(Vec<Key>),
    /// Nothing can be ended.
    None,
}

/// Finds out what to end so that one more session of the subject fits. `keep` are never ended: the write
/// itself deletes them, and they do not count. Two trips, three where something is in the way that can go at once: what has
/// expired, and what is beyond a limit that used to be higher and does not fit into the batch.
//
// A record that cannot be read is kept as long as the others suffice: it may be of a newer version than this one.
pub(in super::super) async fn make_room(
    config: &Config,
    subject: &str,
    limit: SessionLimit,
    keep: &[Identifier],
) -> Result<Room> {
    let index = index(config, subject);
    let listing = listing(config, &index).await?;
    let members = read(config, listing.identifiers).await?;
    let now = config.now();
    let counts = |record: &Record| is_of(record, subject) && is_live(config, record, now);
    let (mut dead, mut living) = (Vec::new(), Vec::new());
    let others = members.into_iter();
    for Member { identifier, found } in others.filter(|member| !keep.contains(&member.identifier)) {
        let delete = Write::delete(config.key(&identifier)).member_of(index.clone());
        match found {
            // A read that lags behind the listing must not end what is new.
            Found::Gone => dead.push(delete.when(Condition::Absent)),
            Found::Corrupt => living.push((Timestamp::MAX, delete)),
            Found::Record(_, record) if counts(&record) => living.push((since(&record), delete)),
            Found::Record(version, _) => dead.push(delete.when(Condition::Unchanged(version))),
        }
    }
    let surplus = (living.len() + 1).saturating_sub(limit.most as usize);
    if surplus > 0 && !limit.evicts {
        return Ok(Room::None);
    }
    living.sort_by_key(|(since, _)| *since);
    let mut oldest: Vec<Write> = living.into_iter().map(|(_, delete)| delete).collect();
    oldest.truncate(surplus);
    let rest = oldest.split_off(surplus.saturating_sub(MOST).min(oldest.len()));
    let evicted = |session: Fingerprint| Event::Evicted { session };
    // One after the other: there are rarely both.
    for (writes, event) in [(dead, None), (oldest, Some(evicted as fn(_) -> _))] {
        if !writes.is_empty() {
            delete(config, writes, event).await?;
        }
    }
    Ok(Room::Delete(
        rest.iter().map(|write| write.key().clone()).collect(),
    ))
}

/// Returns since when a session is what it is.
fn since(record: &Record) -> Timestamp {
    let times = &record.times;
    times.authenticated.unwrap_or(times.created)
}
