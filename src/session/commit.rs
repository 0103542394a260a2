//! How what was queued is written: once, on conditions, and again where others were faster.

use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{
    Event, Fingerprint, SessionError, SessionErrorKind, SessionId,
    error::Result,
    pace,
    plan::plan,
    state::{Current, Ending, Pending, Phase, State, Turn},
    step::{Kind, Step},
    subject::{self, Room},
};
use crate::{
    store::{Entry, Key, Refusal, Store, Version, Written},
    time::Timer,
};

/// More than this, and somebody else writes all the time.
const MOST_ATTEMPTS: u32 = 1000;

impl State {
    /// Writes what is queued, within the time limit.
    ///
    /// Whoever drops this while it runs does not know what became of it, and neither do we: the session is not used any
    /// more in this request.
    pub(super) async fn commit(&self, touches: bool) -> Result<Outcome> {
        let (has_begun, has_taken) = (AtomicBool::new(false), AtomicBool::new(false));
        let commit = async {
            let turn = self.turn().await;
            let mut commit = Commit::begin(self, touches);
            has_begun.store(true, Ordering::Relaxed);
            has_taken.store(!commit.is_over, Ordering::Relaxed);
            let outcome = commit.run(&turn).await;
            commit.end(outcome)
        };
        // Ended before it is looked at: it counts itself.
        let outcome = {
            let commit = pin!(commit);
            self.config.within_pinned(commit).await
        };
        let mut work = self.work();
        if outcome.is_ok() || has_taken.into_inner() {
            return outcome;
        }
        if !has_begun.into_inner() {
            let is_nothing = work.pending.is_nothing() && work.commits == 0;
            work.discard();
            return if is_nothing {
                Ok(Outcome::Written)
            } else {
                outcome
            };
        }
        // Activity that could not be written down is no failure of the request.
        Ok(Outcome::Written)
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    /// The session is gone, and what was to be written to it with it.
    Gone,
}

/// One commit that is under way.
pub(super) struct Commit<'a> {
    pub(super) state: &'a State,
    pub(super) pending: Pending,
    pub(super) touches: bool,
    attempts: u32,
    /// Whether the last attempt was refused since somebody else was faster.
    is_conflict: bool,
    /// Whether something has been sent of which it is not known what became of it.
    is_asking: bool,
    /// What must go so that a subject may have one session more.
    pub(super) room: Vec<Key>,
    /// Whether nothing is lost if this is dropped.
    is_over: bool,
    /// Whether the session is to end, by the wish of whoever has it.
    is_end: bool,
}

impl<'a> Commit<'a> {
    fn begin(state: &'a State, touches: bool) -> Self {
        let pending = {
            let mut work = state.work();
            work.commits += 1;
            work.take_pending()
        };
        Self {
            is_end: pending.ending.is_some(),
            state,
            is_over: pending.is_nothing(),
            pending,
            touches,
            attempts: 0,
            is_conflict: false,
            is_asking: false,
            room: Vec::new(),
        }
    }

    async fn run(&mut self, turn: &Turn<'_>) -> Result<Outcome> {
        if self.pending.ending.is_none() && !self.pending.is_nothing() {
            self.load(turn).await?;
        }
        let config = &self.state.config;
        let elapsed = config.timer.as_ref().map(Timer::stopwatch);
        while let Some(step) = self.next_step()? {
            self.attempts += 1;
            // Given up while nothing is under way, so that it is known that nothing was written.
            let is_late = elapsed
                .as_ref()
                .is_some_and(|elapsed| elapsed() >= config.time_limit / 2);
            if self.attempts > MOST_ATTEMPTS || self.is_conflict && is_late {
                return Err(conflict());
            }
            self.is_asking = true;
            let written = config.heard(config.store.write(&step.batch).await)?;
            self.is_asking = false;
            match written {
                Written::Done(versions) => {
                    self.done(step, versions);
                    return Ok(Outcome::Written);
                }
                Written::Refused { at, why } => {
                    self.is_conflict = matches!(why, Refusal::Conflict(_));
                    // Rare, and large.
                    if let Some(outcome) = Box::pin(self.refused(&step, at, why)).await? {
                        return Ok(outcome);
                    }
                    if self.is_conflict
                        && let (Some(timer), Some(elapsed)) = (&config.timer, &elapsed)
                    {
                        pace::pause(timer, self.attempts, elapsed()).await;
                    }
                }
            }
        }
        Ok(self.nothing())
    }

    /// Reads what is to be written to. Whoever has proved who he is gets a new session in the place of one that cannot be
    /// read.
    async fn load(&mut self, turn: &Turn<'_>) -> Result<()> {
        let loaded = self.state.load_in(turn).await;
        let is_corrupt = |error: &SessionError| error.kind() == SessionErrorKind::Corrupt;
        if self.pending.intent.subject.is_some() && loaded.as_ref().is_err_and(is_corrupt) {
            self.pending.ending = Some(Ending { current: None });
            self.state.work().phase = Phase::Read;
            return Ok(());
        }
        loaded
    }

    /// Nothing is to be written: because nothing changes, or because there is nothing to change.
    fn nothing(&self) -> Outcome {
        if self.state.work().is_gone && !self.pending.is_nothing() {
            Outcome::Gone
        } else {
            Outcome::Written
        }
    }

    /// What may have been written or not makes what was read before worth nothing.
    fn end(mut self, outcome: Result<Outcome>) -> Result<Outcome> {
        if let Err(error) = &outcome {
            let mut work = self.state.work();
            if self.is_asking && !self.is_over {
                work.phase = Phase::Failed(error.clone());
            }
            let ending = self.pending.ending.take();
            work.end_later(ending.filter(|_| self.is_end));
        }
        self.is_over = true;
        outcome
    }

    fn next_step(&mut self) -> Result<Option<Step>> {
        let now = self.state.config.now();
        let (current, is_gone) = {
            let work = self.state.work();
            if work.pending.ending.is_some() && self.pending.ending.is_none() {
                return Ok(None); // Another task has ended the session: nothing is to be written, or made, any more.
            }
            (work.current.clone(), work.is_gone)
        };
        if is_gone && self.pending.intent.subject.is_none() && self.pending.ending.is_none() {
            return Ok(None);
        }
        let stored = current.as_ref().map(|current| &current.record);
        let todo = (&self.pending.log, &self.pending.intent);
        let plan = plan(&self.state.config, stored, todo, self.touches, now)?;
        self.step(plan, current.as_deref(), now)
    }

    /// Returns what became of it, or nothing if there is to be another attempt.
    async fn refused(&mut self, step: &Step, at: usize, why: Refusal) -> Result<Option<Outcome>> {
        match why {
            Refusal::IndexFull => self.make_room().await?,
            // Two tokens of 256 bits that are alike: there is no such thing, but another one is free.
            Refusal::Exists => self.pending.next = None,
            Refusal::Gone if at < step.ends => self.end_successor().await?,
            Refusal::Gone => return Ok(self.lost(step)),
            Refusal::Conflict(entry) => return self.replay(step, &entry),
        }
        Ok(None)
    }

    /// Others have written: what they wrote is the new beginning.
    fn replay(&mut self, step: &Step, entry: &Entry) -> Result<Option<Outcome>> {
        let Some(current) = self.state.work().current.clone() else {
            return Ok(Some(Outcome::Gone));
        };
        let identifier = &current.identifier;
        let fresh = self.state.judge(&current.token, identifier, Some(entry))?;
        let Some(fresh) = fresh else {
            return Ok(self.lost(step));
        };
        self.state.work().learn(Some(fresh));
        if step.kind == Kind::Touch {
            return Ok(Some(Outcome::Written)); // Somebody else's activity is as good.
        }
        self.state.config.tell_with(|| Event::Conflict {
            session: Fingerprint::of(identifier),
        });
        Ok(None)
    }

    /// The session is gone, or has another token: nothing brings it back, and its cookie may be a newer one already. But who
    /// has just proved who he is gets another one, without what the old one held.
    fn lost(&mut self, step: &Step) -> Option<Outcome> {
        let mut work = self.state.work();
        let gone = work.current.take();
        work.learn(None);
        work.is_gone = work.pending.ending.is_none();
        // Nor may what an earlier commit of this request has made be told.
        work.telling = None;
        drop(work);
        if let Some(current) = gone.filter(|_| step.kind != Kind::Touch) {
            self.state.config.tell_with(|| Event::Dropped {
                session: Fingerprint::of(&current.identifier),
            });
        }
        self.pending
            .intent
            .subject
            .is_none()
            .then_some(Outcome::Gone)
    }

    /// What was to end has got a new token since it was read: that ends instead.
    async fn end_successor(&mut self) -> Result<()> {
        let ending = self.pending.ending.as_ref();
        let ended = ending.and_then(|ending| ending.current.clone());
        if let Some((subject, id)) = ended.as_deref().and_then(Current::named) {
            subject::revoke(&self.state.config, subject, id).await?;
        }
        // Not before: whoever tries again must know whom.
        if let Some(ending) = &mut self.pending.ending {
            ending.current = None;
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
        keep.extend(current.map(|current| current.identifier.clone()));
        match subject::make_room(config, subject, limit, &keep).await? {
            Room::Delete(keys) => {
                self.room = keys;
                Ok(())
            }
            Room::None => {
                config.tell_with(|| Event::LimitReached {
                    subject: Fingerprint::of_subject(subject),
                });
                Err(limit_reached())
            }
        }
    }

    fn done(&mut self, step: Step, versions: Vec<Option<Version>>) {
        let version = versions.into_iter().nth(step.ends).flatten();
        let put = step.put.zip(version);
        let after = put.map(|(put, version)| put.into_current(version));
        let telling = self.telling(step.kind, after.as_deref());
        let mut work = self.state.work();
        let before = work.current.take();
        work.learn(after.clone());
        work.telling = telling.or(work.telling.take());
        work.is_gone = false;
        drop(work);
        self.tell(step.kind, before.as_deref(), after.as_deref());
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        let mut work = self.state.work();
        work.commits -= 1;
        if !self.is_over {
            work.phase = Phase::Failed(SessionError::abandoned());
            // An end is tried again, and then known.
            work.is_abandoned |= !self.pending.is_only_an_end();
            let ending = self.pending.ending.take();
            work.end_later(ending.filter(|_| self.is_end));
        }
    }
}

impl Current {
    /// Returns by what a session is found that has got a new token.
    fn named(&self) -> Option<(&str, SessionId)> {
        Some((self.record.subject.as_deref()?, self.record.id))
    }
}

impl SessionError {
    pub(super) const fn abandoned() -> Self {
        let why = "a commit was given up half way: its outcome is unknown";
        Self::new(SessionErrorKind::Store, why)
    }
}

fn conflict() -> SessionError {
    SessionError::of(SessionErrorKind::Conflict)
}

fn limit_reached() -> SessionError {
    SessionError::of(SessionErrorKind::LimitReached)
}
