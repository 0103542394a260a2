//! How what was queued is written: once, on conditions, and again where others were faster.

use std::mem;

use super::{
    Event, Fingerprint, SessionError, SessionErrorKind, SessionId,
    error::Result,
    plan::plan,
    state::{Current, Pending, Phase, State},
    step::{Kind, Step},
    subject::{self, Room},
    token::Token,
};
use crate::store::{Entry, Identifier, Key, Refusal, Store, Version, Written};

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
            room: Vec::new(),
            stage: Stage::Waiting,
        };
        let written = self.config.within(commit.run()).await;
        commit.finish(written)
    }

    /// Returns whether anything is to be written, or the activity.
    pub(super) fn has_work(&self, touches: bool) -> bool {
        let work = self.work();
        // What another task commits is told by this head, or by none.
        if !work.pending.is_nothing() || work.commits > 0 {
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
    /// What must go so that a subject may have one session more.
    pub(super) room: Vec<Key>,
    stage: Stage,
}

/// How far a commit is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// For its turn.
    Waiting,
    Begun,
    /// It writes activity, and nothing else.
    Touching,
    Done,
}

impl Commit<'_> {
    async fn run(&mut self) -> Result<()> {
        let turn = self.state.turn().await;
        self.begin();
        if self.pending.ending.is_none() && !self.pending.is_nothing() {
            self.state.load_in(&turn).await?;
        }
        while let Some(step) = self.next_step()? {
            if step.kind == Kind::Touch {
                self.stage = Stage::Touching;
            }
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
                    if !self.refused(&step, at, why).await? {
                        return Ok(());
                    }
                }
                Err(error) => return self.state.config.heard(Err(error)),
            }
        }
        Ok(())
    }

    fn begin(&mut self) {
        let mut work = self.state.work();
        self.pending = work.take_pending();
        work.commits += 1;
        self.stage = Stage::Begun;
    }

    fn finish(mut self, written: Result<()>) -> Result<()> {
        let stage = self.stage;
        if stage != Stage::Waiting {
            self.stage = Stage::Done;
        }
        let Err(error) = written else {
            return Ok(());
        };
        match stage {
            Stage::Waiting => self.state.discard(),
            // Activity that could not be written down is no failure of the request.
            Stage::Touching => return Ok(()),
            Stage::Begun | Stage::Done => {
                let ending = self.pending.ending.take();
                self.state.work().end_later(ending);
            }
        }
        Err(if error.is_late() && self.attempts > 1 {
            conflict()
        } else {
            error
        })
    }

    fn next_step(&mut self) -> Result<Option<Step>> {
        let now = self.state.config.now();
        let current = {
            let work = self.state.work();
            if work.pending.ending.is_some() && self.pending.ending.is_none() {
                return Ok(None); // Another task has ended the session: nothing is to be written, or made, any more.
            }
            work.current.clone()
        };
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
        self.state.work().learn(Some(Current {
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
        let gone = {
            let mut work = self.state.work();
            let gone = work.current.take();
            work.learn(None);
            gone
        };
        if let Some(current) = gone.filter(|_| step.kind != Kind::Touch) {
            let session = Fingerprint::of(&current.identifier);
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
        let leaving = self.leaving();
        match subject::make_room(config, subject, limit, &leaving).await? {
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

    /// Returns what the batch deletes anyway.
    fn leaving(&self) -> Vec<Identifier> {
        let current = self.state.work().current.clone();
        let known = self
            .pending
            .ending
            .iter()
            .filter_map(|ending| ending.current.as_ref());
        let presented = self
            .pending
            .ending
            .iter()
            .flat_map(|_| &self.state.presented.tokens);
        let known = known
            .chain(&current)
            .map(|current| current.identifier.clone());
        known.chain(presented.map(Token::identifier)).collect()
    }

    fn done(&mut self, step: Step, versions: Vec<Option<Version>>) {
        let mut work = self.state.work();
        let before = mem::take(&mut work.current);
        let version = versions.into_iter().nth(step.ends).flatten();
        let put = step.put.zip(version);
        let after = put.map(|(put, version)| put.into_current(version));
        let telling = self.telling(step.kind, after.as_ref());
        work.telling = telling.or(work.telling.take());
        work.learn(after.clone());
        drop(work);
        self.tell(step.kind, before.as_ref(), after.as_ref());
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        if self.stage == Stage::Waiting {
            return; // Nothing was taken.
        }
        let mut work = self.state.work();
        work.commits -= 1;
        if self.stage != Stage::Done {
            work.phase = Phase::Failed(SessionError::abandoned());
            work.end_later(self.pending.ending.take());
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
