//! What changes of a session while its request runs.

use std::{mem, sync::Arc};

use super::{
    super::{
        SessionError, SessionErrorKind, SessionId, error::Result, record::Record, token::Token,
    },
    Current, Ending, Pending, Phase, Telling, Work,
};
use crate::time::Timestamp;

impl Work {
    pub(super) fn forget_view(&mut self) {
        self.view = None;
        self.changes += 1;
    }

    /// Returns what the session will go on from: nothing of another subject's.
    pub(super) fn base(&self) -> Option<&Record> {
        let record = &self.current.as_ref()?.record;
        (!self.pending.intent.is_for_another(record)).then_some(record)
    }

    /// Takes note of what is stored now. If the session was ended meanwhile, that is what ends.
    pub(in crate::session) fn learn(&mut self, current: Option<Arc<Current>>) {
        self.forget_view();
        match &mut self.pending.ending {
            Some(ending) => ending.current = current.or(ending.current.take()),
            None => self.current = current,
        }
    }

    /// Says that the session could not be read. If it was ended meanwhile, that is of no interest.
    pub(in crate::session) fn fail(&mut self, error: &SessionError) {
        if let Phase::Unread = self.phase {
            self.phase = Phase::Failed(error.clone());
        }
    }

    /// Takes back the end of a session that could not be written: it is tried again with the head.
    pub(in crate::session) fn end_later(&mut self, ending: Option<Ending>) {
        let ending = ending.or(self.pending.ending.take());
        self.pending.ending = ending;
    }

    /// Drops what is queued, except the end of the session.
    pub(in crate::session) fn discard(&mut self) {
        let ending = self.pending.ending.take();
        self.pending = Pending {
            ending,
            ..Pending::default()
        };
        self.forget_view();
    }

    /// Takes what is to be written.
    pub(in crate::session) fn take_pending(&mut self) -> Pending {
        self.forget_view();
        mem::take(&mut self.pending)
    }

    /// Ends the session; what comes later is another one.
    pub(in crate::session) fn end(&mut self) {
        let current = self.current.take();
        let earlier = self.pending.ending.take();
        self.pending = Pending {
            ending: earlier.or(Some(Ending { current })),
            ..Pending::default()
        };
        self.forget_view();
        self.is_gone = false;
        self.phase = Phase::Read;
    }

    /// Forgets that anything was to be written or deleted: the session was ended by other means. The client is told.
    pub(in crate::session) fn ended(&mut self, is_sealed: bool) {
        self.current = None;
        self.end();
        self.pending.ending = None;
        if !is_sealed {
            self.telling = Some(Telling::Removal);
        }
    }

    /// Says who is authenticated. What another one has left behind is not seen from here on.
    pub(in crate::session) fn authenticate(&mut self, subject: Box<str>) {
        self.pending.intent.subject = Some(subject);
        self.forget_view();
    }

    pub(in crate::session) fn id(&self) -> Option<SessionId> {
        self.base().map(|record| record.id)
    }

    /// Returns when the subject was authenticated.
    pub(in crate::session) fn authenticated(&self, now: Timestamp) -> Option<Timestamp> {
        if self.pending.intent.subject.is_some() {
            return Some(now);
        }
        let record = &self.current.as_ref()?.record;
        record.subject.as_ref().and(record.times.authenticated)
    }

    /// Returns the token that the client will hold; makes one where that will be another, or the first one.
    pub(in crate::session) fn token_to_come(&mut self, is_sealed: bool) -> Result<Token> {
        let intent = &mut self.pending.intent;
        let stays = !intent.rotate && intent.subject.is_none();
        let current = self.current.as_ref();
        if let Some(current) = current.filter(|_| stays) {
            return Ok(current.token.clone());
        }
        if is_sealed {
            return Err(SessionError::of(SessionErrorKind::Committed));
        }
        if self.is_gone && stays {
            return Err(SessionError::of(SessionErrorKind::Gone));
        }
        intent.create = true;
        let token = match (&self.pending.next, current) {
            (Some(next), _) => next.clone(),
            (None, Some(current)) => current.token.rotated()?,
            (None, None) => Token::generate()?,
        };
        self.pending.next = Some(token.clone());
        Ok(token)
    }

    /// Returns who is authenticated, or will be.
    pub(in crate::session) fn subject(&self) -> Option<&str> {
        let stored = || self.current.as_ref()?.record.subject.as_deref();
        self.pending.intent.subject.as_deref().or_else(stored)
    }
}
