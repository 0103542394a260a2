//! How what was queued is written: once, on conditions, and again where others were faster.

use std::mem;

use super::{
    Event, Fingerprint, SessionError, SessionErrorKind, SessionId,
    error::Result,
    plan::plan,
    state::{Current, Pending, Phase, State, Turn},
    step::{Kind, Step},
    subject::{self, Room},
};
use crate::store::{Entry, Key, Refusal, Store, Version, Written};

/// More than this, and somebody else writes all the time.
const MOST_ATTEMPTS: u32 = 1000;

impl State {
    /// Writes what is queued, within the time limit.
    ///
    /// Whoever drops this while it runs does not know what became of it, and neither do we: the session is not used any
    /// more in this request.
    pub(super) async fn commit(&self, touches: bool) -> Result<()> {
        let mut commit = Commit {
            state: self,
            pending: Pending::default(),
            touches,
            attempts: 0,
            asking: None,
            room: Vec::new(),
            is_done: false,
        };
        // Whoever has the turn may never be polled again: that, too, is waited for within the limit.
        let written = self.config.within(async {
            let turn = self.turn().await;
            commit.pending = self.work().take_pending();
            commit.run(&turn).await
        });
        let written = written.await;
        commit.is_done = true;
        let Err(error) = written else {
            return Ok(());
        };
        if commit.is_touch() {
            // Activity that could not be written down is no failure of the request.
            return Ok(());
        }
        if error.is_late() && commit.attempts > 1 && commit.asking.is_none() {
            return Err(conflict());
        }
        let is_unread = error.is_late() && commit.attempts == 0;
        if commit.asking.is_some() || is_unread {
            // It may have been written: what was read before is not to be believed any more. Or nothing was read, and
            // nobody waits for that again.
            self.fail(&error);
        }
        Err(error)
    }

    /// Returns whether anything is to be written, or the activity.
    pub(super) fn has_work(&self, touches: bool) -> bool {
        let work = self.work();
        if !work.pending.is_nothing() {
            return true;
        }
        let Some(current) = work.current.as_ref().filter(|_| touches) else {
            return false;
        };
        let lifetime = self.config.lifetime_of(&current.record);
        lifetime.is_touch_due(&current.record.times, self.config.now())
    }
}

/// One commit that is under way.
pub(super) struct Commit<'a> {
    pub(super) state: &'a State,
    pub(super) pending: Pending,
    touches: bool,
    attempts: u32,
    /// What has been sent, as long as it is not known what became of it.
    asking: Option<Kind>,
    /// What must go so that a subject may have one session more.
    pub(super) room: Vec<Key>,
    is_done: bool,
}

impl Commit<'_> {
    /// Returns whether nothing but activity was to be written down.
    fn is_touch(&self) -> bool {
        self.asking == Some(Kind::Touch)
            || (self.pending.is_nothing() && self.state.work().pending.is_nothing())
    }

    async fn run(&mut self, turn: &Turn<'_>) -> Result<()> {
        if self.pending.ending.is_none() && !self.pending.is_nothing() {
            self.state.load_in(turn).await?;
            if let Some(session) = self.state.work().gone {
                self.state.config.tell(&Event::Dropped { session });
                return Ok(());
            }
        }
        while let Some(step) = self.next_step()? {
            self.attempts += 1;
            if self.attempts > MOST_ATTEMPTS {
                return Err(conflict());
            }
            self.asking = Some(step.kind);
            let written = self.state.config.store.write(&step.batch).await;
            let written = self.state.config.heard(written)?;
            self.asking = None;
            match written {
                Written::Done(versions) => {
                    self.done(step, versions);
                    return Ok(());
                }
                Written::Refused { at, why } => {
                    if !self.refused(&step, at, why).await? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn next_step(&mut self) -> Result<Option<Step>> {
        let now = self.state.config.now();
        let current = self.state.work().current.clone();
        let stored = current.as_ref().map(|current| &current.record);
        let todo = (&self.pending.log, &self.pending.intent);
        let plan = plan(&self.state.config, stored, todo, self.touches, now)?;
        self.step(plan, current.as_ref(), now)
    }

    /// Returns whether to go on.
    async fn refused(&mut self, step: &Step, at: usize, why: Refusal) -> Result<bool> {
        match why {
            Refusal::IndexFull => self.make_room().await.map(|()| true),
            // Two tokens of 256 bits that are alike: there is no such thing, but another one is free.
            Refusal::Exists => {
                self.pending.next = None;
                Ok(true)
            }
            Refusal::Gone if at < step.ends => self.end_successor().await.map(|()| true),
            Refusal::Gone => Ok(self.drop_all(step)),
            Refusal::Conflict(entry) => self.replay(step, &entry),
        }
    }

    /// Others have written: what they wrote is the new beginning.
    fn replay(&mut self, step: &Step, entry: &Entry) -> Result<bool> {
        let Some(current) = self.state.work().current.clone() else {
            return Ok(false);
        };
        let fresh = self.state.judge(&current.identifier, Some(entry))?;
        let Some((entry, record)) = fresh else {
            return Ok(self.drop_all(step));
        };
        let session = Fingerprint::of(&current.identifier);
        self.state.work().renew(Some(Current {
            version: entry.version(),
            record,
            ..current
        }));
        if step.kind == Kind::Touch {
            return Ok(false); // Somebody else's activity is as good.
        }
        self.state.config.tell(&Event::Conflict { session });
        Ok(true)
    }

    /// The session is gone, or has another token: nothing brings it back, and its cookie may be a newer one already.
    fn drop_all(&mut self, step: &Step) -> bool {
        let mut work = self.state.work();
        let gone = work.current.take();
        let gone = gone.map(|current| Fingerprint::of(&current.identifier));
        work.renew(None);
        work.gone = gone;
        // Nor may what an earlier commit of this request has made be told.
        work.telling = None;
        drop(work);
        if let Some(session) = gone.filter(|_| step.kind != Kind::Touch) {
            self.state.config.tell(&Event::Dropped { session });
        }
        false
    }

    /// What was to end has got a new token since it was read: that ends instead.
    async fn end_successor(&mut self) -> Result<()> {
        let ended = self
            .pending
            .ending
            .as_mut()
            .and_then(|ending| ending.current.take());
        if let Some((subject, id)) = ended.as_ref().and_then(Current::named) {
            subject::revoke(&self.state.config, subject, id).await?;
        }
        Ok(())
    }

    async fn make_room(&mut self) -> Result<()> {
        let config = &self.state.config;
        let (Some(limit), Some(subject)) = (config.per_subject, &self.pending.intent.subject)
        else {
            return Err(limit_reached());
        };
        let mut keep = self.ended();
        let current = self.state.work().current.clone();
        keep.extend(current.map(|current| current.identifier));
        match subject::make_room(config, subject, limit, &keep).await? {
            Room::Delete(keys) => {
                self.room = keys;
                Ok(())
            }
            Room::None => {
                let index = subject::index(config, subject);
                let subject = Fingerprint::of(index.identifier());
                config.tell(&Event::LimitReached { subject });
                Err(limit_reached())
            }
        }
    }

    fn done(&mut self, step: Step, versions: Vec<Option<Version>>) {
        let mut work = self.state.work();
        let before = mem::take(&mut work.current);
        let version = versions.into_iter().nth(step.ends).flatten();
        let put = step.put.zip(version);
        work.renew(put.map(|(put, version)| put.into_current(version)));
        let telling = self.telling(step.kind, work.current.as_ref());
        work.telling = telling.or(work.telling.take());
        let after = work.current.clone();
        drop(work);
        self.tell(step.kind, before.as_ref(), after.as_ref());
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.state.work().phase = Phase::Failed(SessionError::abandoned());
        }
    }
}

impl Current {
    /// Returns by what a session is found that has got a new token.
    fn named(&self) -> Option<(&str, SessionId)> {
        Some((self.record.subject.as_deref()?, self.record.id))
    }
}

fn conflict() -> SessionError {
    SessionError::of(SessionErrorKind::Conflict)
}

fn limit_reached() -> SessionError {
    SessionError::of(SessionErrorKind::LimitReached)
}
