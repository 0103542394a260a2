//! What happens to sessions, for audits, metrics and alarms.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::store::{self, Identifier};

/// Tells one token, or one subject, from another in logs: 16 hexadecimal digits of a hash of a hash of it.
///
/// It leads nowhere: neither to the token nor to where the session is stored. Of a token with 256 random bits, it is as good
/// as unique; who knows a list of all subjects can tell which one it stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Returns how events name a subject, to find those of one.
    #[must_use]
    pub fn of_subject(subject: &str) -> Self {
        Self::of(&Identifier::hashed(subject))
    }

    /// Takes the identifier of the key of a session, or of the index of a subject: both are hashes.
    pub(super) fn of(identifier: &Identifier) -> Self {
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(identifier.to_text()).into();
        Self(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
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
///
/// `Display` is a line for logs: `session rotated from=… to=…`. Neither that nor `Debug` has a token, a key or a subject in
/// it. An event is told at once, so that the time of whoever writes it down is its own; what is told of a write happened in the
/// store before.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A session was created.
    Created {
        /// Its token.
        session: Fingerprint,
    },
    /// A session has a new token. The old one lets nobody in any more.
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
        /// The subject.
        subject: Fingerprint,
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
    LimitReached {
        /// The subject.
        subject: Fingerprint,
    },
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
    /// Somebody came with several tokens. Where nobody else could set a cookie for this host, somebody tries to.
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
    /// What is stored is not a session, was changed, or was sealed with a key that is not in the keyring.
    Corrupt {
        /// Its token.
        session: Fingerprint,
    },
    /// A request from another origin wanted to use a session.
    CrossOrigin,
    /// A request came without a CSRF token of its session.
    CsrfToken {
        /// The token of the session.
        session: Fingerprint,
    },
    /// The store could not be asked.
    StoreError {
        /// What went wrong.
        error: &'a store::Error,
    },
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created { session } => write!(f, "session created session={session}"),
            Self::Rotated { from, to } => write!(f, "session rotated from={from} to={to}"),
            Self::Authenticated { session, subject } => {
                write!(
                    f,
                    "session authenticated session={session} subject={subject}"
                )
            }
            Self::Destroyed { session } => write!(f, "session destroyed session={session}"),
            Self::Revoked { session } => write!(f, "session revoked session={session}"),
            Self::Evicted { session } => write!(f, "session evicted session={session}"),
            Self::LimitReached { subject } => {
                write!(f, "session limit reached subject={subject}")
            }
            Self::Expired { session, idle } => {
                write!(f, "session expired session={session} idle={idle}")
            }
            Self::Unknown { session } => write!(f, "session unknown session={session}"),
            Self::Duplicate { tokens } => write!(f, "session duplicate tokens={tokens}"),
            Self::Conflict { session } => write!(f, "session conflict session={session}"),
            Self::Dropped { session } => write!(f, "session writes dropped session={session}"),
            Self::Corrupt { session } => write!(f, "session corrupt session={session}"),
            Self::CrossOrigin => f.write_str("session refused to another origin"),
            Self::CsrfToken { session } => {
                write!(f, "session without its CSRF token session={session}")
            }
            Self::StoreError { error } => write!(f, "session store failed error=\"{error}\""),
        }
    }
}

#[cfg(test)]
mod tests;
