//! Who a [`Session`] belongs to.

use std::time::Duration;

use super::{
    Session, SessionError, SessionErrorKind, SessionId, SessionInfo, error::Result, subject,
};

impl<L> Session<L> {
    /// Says that the client has proved to be this subject: a user's id, say. At login, and wherever the password is asked for
    /// once more.
    ///
    /// The session gets a new token, so that one that was planted before is worth nothing; it is bound to the subject, and
    /// found by it ([`list`](Self::list), [`revoke_others`](Self::revoke_others), [`Sessions`](super::Sessions)); its absolute
    /// lifetime begins anew. All in one write. What the session holds stays, unless it was another subject's.
    ///
    /// # Errors
    /// [`Committed`](SessionErrorKind::Committed). And as [above](Self#errors). Where the subject has as many sessions as it may
    /// have, and [none is to go for it](super::SessionLimit::reject), the commit fails with
    /// [`LimitReached`](SessionErrorKind::LimitReached).
    pub fn authenticate(&self, subject: impl Into<String>) -> Result<(), SessionError> {
        let subject = subject.into().into_boxed_str();
        self.state.change(|work| {
            work.authenticate(subject);
            Ok(())
        })
    }

    /// Returns who was authenticated, where somebody must be.
    ///
    /// # Errors
    /// [`Unauthenticated`](SessionErrorKind::Unauthenticated) if nobody is: a handler answers 401 by returning it. And as
    /// [above](Self#errors).
    pub async fn require_subject(&self) -> Result<String, SessionError> {
        let subject = self.subject().await?;
        subject.ok_or_else(|| SessionError::of(SessionErrorKind::Unauthenticated))
    }

    /// Returns who was authenticated; `None` where nobody was.
    ///
    /// # Errors
    /// As [above](Self#errors).
    pub async fn subject(&self) -> Result<Option<String>, SessionError> {
        self.state.read(|work| work.subject().map(Into::into)).await
    }

    /// Checks that the subject was authenticated within the last `age`: before what must not be done by somebody who has
    /// found an open browser.
    ///
    /// # Errors
    /// [`Unauthenticated`](SessionErrorKind::Unauthenticated) if nobody is, [`Stale`](SessionErrorKind::Stale) if it was longer
    /// ago. And as [above](Self#errors).
    pub async fn require_fresh(&self, age: Duration) -> Result<(), SessionError> {
        let now = self.state.config.now();
        let authenticated = self.state.read(|work| work.authenticated(now)).await?;
        match authenticated {
            None => Err(SessionError::of(SessionErrorKind::Unauthenticated)),
            Some(then) if then.after(age) < now => Err(SessionError::of(SessionErrorKind::Stale)),
            Some(_) => Ok(()),
        }
    }

    /// Gives the session a new token: wherever the client may do more, or less, than before. [`authenticate`](Self::authenticate)
    /// does it by itself. The old token is worth nothing from the same instant on.
    ///
    /// # Errors
    /// [`Committed`](SessionErrorKind::Committed). And as [above](Self#errors).
    pub fn rotate(&self) -> Result<(), SessionError> {
        self.state.change(|work| {
            work.pending.intent.rotate = true;
            Ok(())
        })
    }

    /// Ends the session: at logout. The client is told to forget its token. What is queued is dropped; what is queued
    /// later, a [flash](Self::flash), say, makes a new session.
    ///
    /// It happens also if the response is an error.
    ///
    /// One trip, if nobody has looked at the session in this request. Then only the token ends that the client has sent: if
    /// another request has given the session a new one at the same moment, that one lives. Look first, at the
    /// [subject](Self::subject), say, and the session of a subject ends under whatever token it has.
    ///
    /// # Errors
    /// [`Committed`](SessionErrorKind::Committed). And as [above](Self#errors).
    pub fn destroy(&self) -> Result<(), SessionError> {
        self.state.change(|work| {
            work.end();
            Ok(())
        })
    }

    /// Lists the live sessions of the subject, the latest activity first. Two trips, beside the one that reads the session.
    ///
    /// # Errors
    /// [`Unauthenticated`](SessionErrorKind::Unauthenticated) if nobody is. And as [above](Self#errors).
    pub async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        let (subject, id) = self.known().await?;
        let config = &self.state.config;
        config.within(subject::list(config, &subject, id)).await
    }

    /// Ends one session of the subject. Returns whether there was one. At once, not with the head of the response.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn revoke(&self, session: SessionId) -> Result<bool, SessionError> {
        let (subject, this) = self.known().await?;
        let config = &self.state.config;
        let revoke = subject::revoke(config, &subject, session);
        let is_ended = config.within(revoke).await?;
        if this == Some(session) {
            self.state.ended();
        }
        Ok(is_ended)
    }

    /// Ends all other sessions of the subject: after a change of the password. Returns how many. At once. Two trips, beside the one
    /// that reads the session.
    ///
    /// # Errors
    /// As [`list`](Self::list); [`Conflict`](SessionErrorKind::Conflict) if new ones appear all the time.
    pub async fn revoke_others(&self) -> Result<usize, SessionError> {
        let (subject, _) = self.known().await?;
        let config = &self.state.config;
        let this = self
            .state
            .read(|work| {
                work.current
                    .as_ref()
                    .map(|current| current.identifier.clone())
            })
            .await?;
        config
            .within(subject::revoke_all(config, &subject, this.as_ref()))
            .await
    }

    /// Ends all sessions of the subject, and this one, as [`destroy`](Self::destroy) does. Returns how many. At once. Two trips, beside the one
    /// that reads the session.
    ///
    /// # Errors
    /// As [`revoke_others`](Self::revoke_others).
    pub async fn revoke_all(&self) -> Result<usize, SessionError> {
        let (subject, _) = self.known().await?;
        let config = &self.state.config;
        let ended = config
            .within(subject::revoke_all(config, &subject, None))
            .await?;
        self.state.ended();
        Ok(ended)
    }

    /// Returns whose the session is, and its name. Whoever has just been authenticated has it first: what is asked or ended at
    /// once must not be for a login that does not happen.
    async fn known(&self) -> Result<(String, Option<SessionId>)> {
        self.state.settle().await?;
        let (subject, id) = self
            .state
            .read(|work| (work.subject().map(str::to_owned), work.id()))
            .await?;
        Ok((
            subject.ok_or_else(|| SessionError::of(SessionErrorKind::Unauthenticated))?,
            id,
        ))
    }
}

#[cfg(test)]
mod tests;
