//! The sessions of a subject.

use super::{config::Config, error::Result, id::SessionId, record::Record};
use crate::store::{Identifier, Key};

/// How many sessions a subject may have at a time, and what happens to one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    pub(super) most: u32,
    pub(super) evicts: bool,
}

/// What a list tells about a session.
#[derive(Clone)]
pub struct SessionInfo {
    pub(super) record: Record,
    pub(super) is_current: bool,
}

/// Returns the index of a subject.
pub(super) fn index(config: &Config, subject: &str) -> Key {
    let _ = (config, subject);
    unimplemented!()
}

/// Lists the live sessions of a subject; `current` is the one that asks.
pub(super) async fn list(
    config: &Config,
    subject: &str,
    current: Option<SessionId>,
) -> Result<Vec<SessionInfo>> {
    let _ = (config, subject, current);
    unimplemented!()
}

/// Ends the session of a subject that has this name. Returns whether there was one.
pub(super) async fn revoke(config: &Config, subject: &str, id: SessionId) -> Result<bool> {
    let _ = (config, subject, id);
    unimplemented!()
}

/// Ends all sessions of a subject but one, also those that get a new token at the same time. Returns how many.
pub(super) async fn revoke_all(
    config: &Config,
    subject: &str,
    except: Option<&Identifier>,
) -> Result<usize> {
    let _ = (config, subject, except);
    unimplemented!()
}

/// What to do where an index is full.
pub(super) enum Room {
    /// Delete these along with the write, each leaving the index, and try again: first those that are gone, then, if
    /// the limit evicts, the oldest.
    Delete(Vec<Key>),
    /// Nothing can be ended.
    None,
}

/// Finds out what to end so that one more session of the subject fits; never `keep`.
pub(super) async fn make_room(
    config: &Config,
    subject: &str,
    limit: SessionLimit,
    keep: Option<&Identifier>,
) -> Result<Room> {
    let _ = (config, subject, limit, keep);
    unimplemented!()
}
