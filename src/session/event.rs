//! What happens to sessions, for audits, metrics and alarms.

use std::fmt;

use crate::store::{self, Identifier};

/// Tells one token from another in logs: 16 hexadecimal digits of a hash of a hash of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    pub(super) fn of(identifier: &Identifier) -> Self {
        let _ = identifier;
        unimplemented!()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// Something that happened to a session.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A session was created.
    Created {
        /// Its token.
        session: Fingerprint,
    },
    /// A session has a new token.
    Rotated {
        /// The old token.
        from: Fingerprint,
        /// The new one.
        to: Fingerprint,
    },
    /// A subject was authenticated.
    Authenticated {
        /// Its token from now on.
        session: Fingerprint,
    },
    /// A session was destroyed by its client.
    Destroyed {
        /// Its token.
        session: Fingerprint,
    },
    /// A session was ended from elsewhere: by [`Sessions`](super::Sessions), or from another session of its subject.
    Revoked {
        /// Its token.
        session: Fingerprint,
    },
    /// A session was ended because its subject had too many.
    Evicted {
        /// Its token.
        session: Fingerprint,
    },
    /// A subject has as many sessions as it may have; a login was refused.
    LimitReached,
    /// Somebody came with a token whose session had expired, and was still there.
    Expired {
        /// The token.
        session: Fingerprint,
        /// There was no activity for too long; else it has lived for too long.
        idle: bool,
    },
    /// Somebody came with a well-formed token that nobody knows (any more).
    Unknown {
        /// The token.
        session: Fingerprint,
    },
    /// Somebody came with several tokens.
    Duplicate {
        /// How many.
        tokens: usize,
    },
    /// Somebody else has written meanwhile: what was queued is done once more.
    Conflict {
        /// Its token.
        session: Fingerprint,
    },
    /// What was queued was dropped: the session is gone, or has another token.
    Dropped {
        /// Its token.
        session: Fingerprint,
    },
    /// What is stored is not a session, or was changed.
    Corrupt {
        /// Its token.
        session: Fingerprint,
    },
    /// A request from another origin wanted to use a session.
    CrossOrigin,
    /// The store could not be asked.
    StoreError {
        /// What went wrong.
        error: &'a store::Error,
    },
}
