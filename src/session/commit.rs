//! How what was queued is written: once, on conditions, and again where others were faster.

use std::{mem, pin::pin, sync::Arc};

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
        let turn = self.turn().await;
        let mut commit = Commit {
            state: self,
            pending: self.work().take_pending(),
            touches,
            attempts: 0,
            room: Vec::new(),
            is_done: false,
        };
        let written = self.config.within_pinned(pin!(commit.run(&turn))).await;
        commit.is_done = true;
        match written {
            Err(error) if error.is_late() && commit.attempts > 1 => Err(conflict()),
            written => written,
        }
    }
}

/// One commit that is under way.
pub(super) struct Commit<'a> {
    pub(super) state: &'a State,
    pub(super) pending: Pending,
    touches: bool,
    attempts: u32,
    /// What must go so that a subject may have one session more.
    pub(super) room: Vec<Key>,
    is_done: bool,
}

impl Commit<'_> {
    async fn run(&mut self, turn: &Turn<'_>) -> Result<()> {
        if self.pending.ending.is_none() && !self.pending.is_nothing() {
            self.state.load_in(turn).await?;
        }
        while let Some(step) = self.next_step()? {
            self.attempts += 1;
            if self.attempts > MOST_ATTEMPTS {
                return Err(conflict());
            }
            match self.state.config.store.write(&step.batch).await {
                Ok(Written::Done(versions)) => {
                    self.done(step, versions);
                    return Ok(());
                }
                Ok(Written::Refused { at, why }) => {
                    // Rare, and large.
                    if !Box::pin(self.refused(&step, at, why)).await? {
                        return Ok(());
                    }
                }
                Err(error) => {
                    let heard = self.state.config.heard(Err(error));
                    // Activity that could not be written down is no failure of the request.
                    return if step.kind == Kind::Touch {
                        Ok(())
                    } else {
                        heard
                    };
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
        self.step(plan, current.as_deref(), now)
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
        let identifier = &current.identifier;
        let fresh = self.state.judge(&current.token, identifier, Some(entry))?;
        let Some(fresh) = fresh else {
            return Ok(self.drop_all(step));
        };
        self.state.work().current = Some(fresh);
        if step.kind == Kind::Touch {
            return Ok(false); // Somebody else's activity is as good.
        }
        self.state.config.tell_with(|| Event::Conflict {
            session: Fingerprint::of(identifier),
        });
        Ok(true)
    }

    /// The session is gone, or has another token: nothing brings it back, and its cookie may be a newer one already.
    fn drop_all(&mut self, step: &Step) -> bool {
        let gone = self.state.work().current.take();
        if let Some(current) = gone.filter(|_| step.kind != Kind::Touch) {
            self.state.config.tell_with(|| Event::Dropped {
                session: Fingerprint::of(&current.identifier),
            });
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
        if let Some((subject, id)) = ended.as_deref().and_then(Current::named) {
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
        let current = self.state.work().current.clone();
        let keep = current.as_ref().map(|current| &current.identifier);
        match subject::make_room(config, subject, limit, keep).await? {
            Room::Delete(keys) => {
                self.room = keys;
                Ok(())
            }
            Room::None => {
                let index = subject::index(config, subject);
                config.tell_with(|| Event::LimitReached {
                    subject: Fingerprint::of(index.identifier()),
                });
                Err(limit_reached())
            }
        }
    }

    fn done(&mut self, step: Step, versions: Vec<Option<Version>>) {
        let version = versions.into_iter().nth(step.ends).flatten();
        let after = step.put.zip(version).map(|(mut put, version)| {
            // Nobody else has it yet.
            Arc::make_mut(&mut put).version = version;
            put
        });
        let telling = self.telling(step.kind, after.as_deref());
        let mut work = self.state.work();
        let before = mem::replace(&mut work.current, after.clone());
        work.telling = telling.or(work.telling.take());
        drop(work);
        self.tell(step.kind, before.as_deref(), after.as_deref());
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
