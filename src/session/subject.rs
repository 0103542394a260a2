//! The sessions of a subject, and how many there may be.
//!
//! Whoever is in the index of a subject is only said to be its session: what counts is what its record says. The other way
//! round, each session of a subject is in the index for as long as its entry lives: the batch that makes it, or gives it a new token,
//! enters it for its longest life.

mod ends;
mod members;
mod room;

use std::{cmp::Reverse, collections::HashSet, fmt};

use serde_core::de::DeserializeOwned;

use self::members::{listing, prune, read};
pub(super) use self::{
    ends::{revoke, revoke_all},
    room::{Room, make_room},
};
use super::{
    SessionError, config::Config, error::Result, id::SessionId, lifetime::Standing, record::Record,
    value,
};
use crate::{
    store::{Identifier, Key},
    time::Timestamp,
};

/// How many sessions a subject may have at a time, and what happens to one more. Logins that race each other do not exceed
/// it.
///
/// What has expired does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    pub(super) most: u32,
    pub(super) evicts: bool,
}

impl SessionLimit {
    /// One more session ends the one whose subject was authenticated longest ago.
    ///
    /// # Panics
    /// If `most` is zero, or more than 1,000: in a `const`, where it is compiled.
    #[must_use]
    pub const fn evict_oldest(most: u32) -> Self {
        Self::checked(most, true)
    }

    /// One more session is refused: the login fails with [`LimitReached`](super::SessionErrorKind::LimitReached) until another one
    /// ends.
    ///
    /// # Panics
    /// If `most` is zero, or more than 1,000: in a `const`, where it is compiled.
    #[must_use]
    pub const fn reject(most: u32) -> Self {
        Self::checked(most, false)
    }

    const fn checked(most: u32, evicts: bool) -> Self {
        assert!(most > 0, "a subject that may have no session cannot log in");
        assert!(
            most as usize <= members::MOST,
            "a subject has at most 1,000 sessions"
        );
        Self { most, evicts }
    }
}

/// What is known of a live session: for a list of devices, or while a stream is open.
///
/// It holds neither the token of the session nor the key that it is stored under: whoever reads such a list cannot use what
/// is in it.
#[derive(Clone)]
pub struct SessionInfo {
    pub(super) record: Box<Record>,
    pub(super) is_current: bool,
}

impl SessionInfo {
    /// Returns the name of the session, which [`Sessions::revoke`](super::Sessions::revoke) takes. Rotation keeps it.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.record.id
    }

    /// Returns when the session was created.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.record.times.created
    }

    /// Returns when its subject was authenticated the last time.
    #[must_use]
    pub const fn authenticated(&self) -> Option<Timestamp> {
        self.record.times.authenticated
    }

    /// Returns the last activity that was written down; there may have been some since, see
    /// [`Lifetime`](super::Lifetime).
    #[must_use]
    pub const fn last_active(&self) -> Timestamp {
        self.record.times.touched
    }

    /// Returns whether it is the session that asks.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        self.is_current
    }

    /// Returns a value that the application has put into the session, such as the name of a device; `None` where there is
    /// none.
    ///
    /// # Errors
    /// [`Value`](super::SessionErrorKind::Value) where the value is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionError> {
        value::read(self.record.data.get(key).as_deref())
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("created", &self.created())
            .field("authenticated", &self.authenticated())
            .field("last_active", &self.last_active())
            .field("is_current", &self.is_current)
            .finish_non_exhaustive()
    }
}

/// Returns the index of a subject.
pub(super) fn index(config: &Config, subject: &str) -> Key {
    config.indexes.key(Identifier::hashed(subject))
}

/// Lists the live sessions of a subject, newest activity first; `current` is the one that asks. Two trips, one more where the
/// index still names what is gone.
pub(super) async fn list(
    config: &Config,
    subject: &str,
    current: Option<SessionId>,
) -> Result<Vec<SessionInfo>> {
    let index = index(config, subject);
    let listing = listing(config, &index).await?;
    let members = read(config, listing.identifiers).await?;
    prune(config, &index, &members).await;
    let now = config.now();
    let mut sessions: Vec<_> = members
        .into_iter()
        .filter_map(|member| member.found.into_record())
        .filter(|record| is_of(record, subject) && is_live(config, record, now))
        .map(|record| SessionInfo {
            is_current: current == Some(record.id),
            record,
        })
        .collect();
    sessions.sort_by_key(|session| Reverse(session.last_active()));
    // One that gets a new token between two reads is seen under both.
    let mut seen = HashSet::new();
    sessions.retain(|session| seen.insert(session.id()));
    Ok(sessions)
}

fn is_of(record: &Record, subject: &str) -> bool {
    record.subject.as_deref() == Some(subject)
}

pub(super) fn is_live(config: &Config, record: &Record, now: Timestamp) -> bool {
    let lifetime = record.lifetime.unwrap_or(config.lifetime);
    matches!(lifetime.standing(&record.times, now), Standing::Live { .. })
}

#[cfg(test)]
pub(super) mod tests;
