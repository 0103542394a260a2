//! How sessions are ended from elsewhere, also those that get a new token at the same time.

use std::collections::HashSet;

use super::{
    super::{
        Event, Fingerprint, SessionError, SessionErrorKind, config::Config, error::Result,
        id::SessionId,
    },
    index, is_of,
    members::{Found, delete, listing, prune, read},
};
use crate::{
    join::join,
    store::{Batch, Condition, Identifier, Key, Store, Write, together},
};

/// More than this, and somebody rotates, or logs in, all the time.
const MOST_ROUNDS: usize = 16;

/// Ends the session of a subject that has this name, also if it gets a new token at the same time. Returns whether there was
/// one. Three trips.
//
// A delete on the condition that the entry is there ends the session: it has one token at any time, and rotation needs the
// old entry. If no record has the name, it is not live, unless its token changed between the listing and the reading: then
// what was listed is gone. No token comes back, so what was found gone in an earlier round says nothing any more; if
// nothing else is gone, the session was not there when the index was listed.
pub(in super::super) async fn revoke(
    config: &Config,
    subject: &str,
    id: SessionId,
) -> Result<bool> {
    let index = index(config, subject);
    let mut gone = HashSet::new();
    for round in 0..MOST_ROUNDS {
        let listing = listing(config, &index).await?;
        let mut is_certain = listing.is_exact || listing.is_complete && round > 0;
        let mut named = None;
        let members = read(config, listing.identifiers).await?;
        // Also so that the next listing has room for those that are there.
        prune(config, &index, &members).await;
        for member in members {
            match member.found {
                Found::Gone => is_certain &= !gone.insert(member.identifier),
                Found::Record(_, record) if record.id == id && is_of(&record, subject) => {
                    named = Some(member.identifier);
                }
                Found::Record(..) | Found::Corrupt => {}
            }
        }
        match named {
            Some(identifier) if end(config, &index, &identifier).await? => return Ok(true),
            None if is_certain => return Ok(false),
            Some(_) | None => {}
        }
    }
    Err(conflict())
}

/// Ends the session under a token, if it still has it.
async fn end(config: &Config, index: &Key, identifier: &Identifier) -> Result<bool> {
    let delete = Write::delete(config.key(identifier))
        .when(Condition::Present)
        .member_of(index.clone());
    let written = config.store.write(&Batch::from(delete)).await;
    let is_done = config.heard(written)?.is_done();
    if is_done {
        config.tell(&revoked(Fingerprint::of(identifier)));
    }
    Ok(is_done)
}

/// Ends all sessions of a subject but one, also those that get a new token at the same time. Returns how many tokens were in
/// its index. Two trips, one more for each round that finds something new.
//
// Done is who has seen, on one page and hence at one instant, an index without anybody (but `except`). Each live session
// of the subject is in there, as the batch that makes it, or gives it a new token, enters it for its longest life. So nothing was left at that instant, and nothing
// comes of it later: rotation is one batch, and needs the old entry; what comes is a new login. That holds in whatever
// order a store runs what is joined: a listing that runs before the deletes still names what they delete, is not empty,
// and makes for one more round. A login may end up in a round too; whoever revokes at the same time cannot tell them apart.
pub(in super::super) async fn revoke_all(
    config: &Config,
    subject: &str,
    except: Option<&Identifier>,
) -> Result<usize> {
    let index = index(config, subject);
    let mut ended = HashSet::new();
    let mut listed = listing(config, &index).await?;
    for _ in 0..MOST_ROUNDS {
        listed.identifiers.retain(|each| Some(each) != except);
        if listed.identifiers.is_empty() && listed.is_exact {
            return Ok(ended.len());
        }
        let writes = listed.identifiers.iter();
        let writes = writes
            .map(|each| Write::delete(config.key(each)).member_of(index.clone()))
            .collect();
        let deleted = delete(config, writes, Some(revoked));
        let (deleted, again) = together(join(deleted, listing(config, &index))).await;
        deleted?;
        ended.extend(listed.identifiers);
        listed = again?;
    }
    Err(conflict())
}

fn revoked(session: Fingerprint) -> Event<'static> {
    Event::Revoked { session }
}

const fn conflict() -> SessionError {
    SessionError::new(
        SessionErrorKind::Conflict,
        "sessions of the subject came and went while they were to be ended",
    )
}
