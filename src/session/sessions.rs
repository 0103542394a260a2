//! The sessions of subjects, outside of requests.

use std::{fmt, sync::Arc};

use super::{SessionError, SessionId, SessionInfo, config::Config, subject};

/// The sessions of subjects, outside of requests: for the pages of administrators, and in jobs, such as what follows a change
/// of a password. Cheap to clone.
///
/// Everything here waits for the store as long as the layer's time limit, and no longer.
///
/// # Global databases
/// Where a store reads from replicas, such as an Upstash database of several regions, a session that has ended is found by
/// others until its end has reached their region; a list may be as much behind. On a single region both are immediate.
#[derive(Clone)]
pub struct Sessions {
    config: Arc<Config>,
}

impl Sessions {
    pub(super) const fn new(config: Arc<Config>) -> Self {
        Self { config }
    }

    /// Lists the live sessions of a subject, newest activity first: at most 1,000. Two trips, one more for each further
    /// hundred.
    ///
    /// One that cannot be read is left out, and [told](super::Event::Corrupt). One that gets a new token at this moment may
    /// be missing.
    ///
    /// # Errors
    /// [`Store`](super::SessionErrorKind::Store).
    pub async fn list(&self, subject: &str) -> Result<Vec<SessionInfo>, SessionError> {
        let work = subject::list(&self.config, subject, None);
        self.config.within(work).await
    }

    /// Ends a session of a subject, also if it gets a new token at the same time. Returns whether there was one; a session
    /// of another subject is left alone. Three trips, two more for each round in which a token changed, or where the index
    /// still names what has expired.
    ///
    /// # Errors
    /// [`Store`](super::SessionErrorKind::Store): it may have been ended, repeat it.
    /// [`Conflict`](super::SessionErrorKind::Conflict): its token changed all the time.
    ///
    /// # Cancellation
    /// Dropping the future leaves the session ended or not.
    pub async fn revoke(&self, subject: &str, session: SessionId) -> Result<bool, SessionError> {
        let work = subject::revoke(&self.config, subject, session);
        self.config.within(work).await
    }

    /// Ends all sessions of a subject, also those that get a new token at the same time. Two trips, one if there is none, and
    /// one more for each hundred, and for each round in which there was a new one.
    ///
    /// Returns how many tokens it ended: one that expired a moment ago counts, and a session whose token changed meanwhile
    /// counts twice. A login that runs at the same time is ended, or comes after all of this: change a password first, then
    /// call this.
    ///
    /// # Errors
    /// [`Store`](super::SessionErrorKind::Store): some may have been ended, repeat it.
    /// [`Conflict`](super::SessionErrorKind::Conflict): somebody logged in, or got a new token, all the time.
    ///
    /// # Cancellation
    /// Dropping the future leaves some sessions ended, and others not.
    pub async fn revoke_all(&self, subject: &str) -> Result<usize, SessionError> {
        let work = subject::revoke_all(&self.config, subject, None);
        self.config.within(work).await
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
