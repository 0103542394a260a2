//! One attempt of a commit: a batch, and what it means when it is done.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Event, Fingerprint,
    commit::Commit,
    error::Result,
    plan::Plan,
    record::Record,
    state::{Current, Ending, Telling},
    subject,
    token::Token,
};
use crate::{
    store::{Batch, Condition, Identifier, MAX_BATCH, Version, Write},
    time::Timestamp,
};

/// A batch: what ends, the record that is put, what it replaces, and what makes room for it.
pub(super) struct Step {
    pub(super) kind: Kind,
    pub(super) batch: Batch,
    /// How many of its writes end a session.
    pub(super) ends: usize,
    pub(super) put: Option<Put>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Touch,
    Create,
    Replace,
    Rotate,
}

/// A record on its way into the store.
pub(super) struct Put {
    /// What lies there then; its version is the store's to say.
    current: Arc<Current>,
    /// Whether it enters the index of its subject. It stays there for as long as the session may live at all, so that later
    /// writes need not name the index.
    joins: bool,
}

impl Put {
    pub(super) fn into_current(mut self, version: Version) -> Arc<Current> {
        // Nobody else has it yet, so nothing is cloned.
        Arc::make_mut(&mut self.current).version = version;
        self.current
    }
}

impl Commit<'_> {
    /// Makes a batch of a plan; none if there is nothing to do.
    pub(super) fn step(
        &mut self,
        plan: Plan,
        current: Option<&Current>,
        now: Timestamp,
    ) -> Result<Option<Step>> {
        let mut writes = self.endings();
        let ends = writes.len();
        // Not more than is needed: a write is large.
        writes.reserve_exact(1 + usize::from(matches!(plan, Plan::Rotate(_))) + self.room.len());
        let (kind, record) = match plan {
            Plan::Nothing if ends == 0 => return Ok(None),
            Plan::Nothing => (Kind::End, None),
            Plan::Touch(record) => (Kind::Touch, Some(record)),
            Plan::Create(record) => (Kind::Create, Some(record)),
            Plan::Replace(record) => (Kind::Replace, Some(record)),
            Plan::Rotate(record) => (Kind::Rotate, Some(record)),
        };
        let put = match record {
            None => None,
            Some(record) => {
                let put = self.place(kind, record, current, now)?;
                writes.push(self.put(kind, &put, current, now)?);
                Some(put)
            }
        };
        if kind == Kind::Rotate {
            writes.extend(current.map(|current| self.leave(current)));
        }
        self.vacate(&mut writes);
        Ok(Some(Step {
            kind,
            batch: writes.into_iter().collect(),
            ends,
            put,
        }))
    }

    /// Adds what makes room, as far as the batch has any.
    fn vacate(&self, writes: &mut Vec<Write>) {
        let Some(subject) = &self.pending.intent.subject else {
            return;
        };
        let index = subject::index(&self.state.config, subject);
        for key in &self.room {
            let is_known = writes.iter().any(|write| write.key() == key);
            if !is_known && writes.len() < MAX_BATCH {
                writes.push(Write::delete(key.clone()).member_of(index.clone()));
            }
        }
    }

    /// Ends what the client has presented, and what is known of it.
    fn endings(&self) -> Vec<Write> {
        let Some(Ending { current }) = &self.pending.ending else {
            return Vec::new();
        };
        let config = &self.state.config;
        let known = current.as_ref().map(|current| {
            let write = Write::delete(config.key(&current.identifier));
            match &current.record.subject {
                // One that got a new token meanwhile is not there: that is the one to end.
                Some(subject) => write
                    .when(Condition::Present)
                    .member_of(subject::index(config, subject)),
                None => write,
            }
        });
        let intent = &self.pending.intent;
        // Its place is for the one that is made in the same write.
        let index = config.per_subject.and(intent.subject.as_deref());
        let index = index.map(|subject| subject::index(config, subject));
        let others = self.unknown_endings().map(|token| {
            let write = Write::delete(config.key(&token.identifier()));
            match &index {
                Some(index) => write.member_of(index.clone()),
                None => write,
            }
        });
        known.into_iter().chain(others).collect()
    }

    /// Returns the tokens that end although nothing was read by them.
    fn unknown_endings(&self) -> impl Iterator<Item = &Token> {
        let ending = self.pending.ending.as_ref();
        let known = ending.and_then(|ending| ending.current.as_ref());
        let tokens = ending.map_or(&[][..], |_| self.state.presented.tokens());
        let is_other = move |token: &&Token| known.is_none_or(|known| known.token != **token);
        tokens.iter().filter(is_other)
    }

    /// Returns where lies what ends in the same write.
    pub(super) fn ended(&self) -> Vec<Identifier> {
        let ending = self.pending.ending.as_ref();
        let known = ending.and_then(|ending| ending.current.as_ref());
        let known = known.map(|current| current.identifier.clone());
        let unknown = self.unknown_endings().map(Token::identifier);
        known.into_iter().chain(unknown).collect()
    }

    /// Says where a record goes.
    fn place(
        &mut self,
        kind: Kind,
        mut record: Record,
        current: Option<&Current>,
        now: Timestamp,
    ) -> Result<Put> {
        let (token, identifier) = match (kind, current) {
            (Kind::Touch | Kind::Replace, Some(current)) => {
                (current.token.clone(), current.identifier.clone())
            }
            _ => {
                let token = match (self.pending.next.take(), current) {
                    (Some(token), _) => token,
                    (None, Some(current)) => current.token.rotated()?,
                    (None, None) => Token::generate()?,
                };
                // Kept for the next attempt: a form may hold its CSRF token.
                self.pending.next = Some(token.clone());
                let identifier = token.identifier();
                (token, identifier)
            }
        };
        // Its lifetime may be longer than when it entered: by its own, or by a new set-up.
        let end = now.after(
            self.state
                .config
                .lifetime_of(&record)
                .longest(&record.times, now),
        );
        let is_in = matches!(kind, Kind::Touch | Kind::Replace) && record.indexed == Some(end);
        let joins = record.subject.is_some() && !is_in;
        if joins {
            record.indexed = Some(end);
        }
        let current = Current {
            token,
            identifier,
            version: Version::new(Bytes::new()),
            record,
            is_touch_due: !self.touches && current.is_some_and(|current| current.is_touch_due),
        };
        Ok(Put {
            current: Arc::new(current),
            joins,
        })
    }

    fn put(
        &self,
        kind: Kind,
        put: &Put,
        current: Option<&Current>,
        now: Timestamp,
    ) -> Result<Write> {
        let config = &self.state.config;
        let Current {
            identifier, record, ..
        } = &*put.current;
        let lifetime = config.lifetime_of(record);
        // What was there before limits were lowered may stay, or nobody who has it could load a page.
        let is_new = || current.is_none_or(|current| current.record.data != record.data);
        config
            .check_size(record)
            .or_else(|error| if is_new() { Err(error) } else { Ok(()) })?;
        let bytes = config.encode(identifier, record)?;
        let ttl = lifetime.ttl(&record.times, now);
        let condition = match (kind, current) {
            (Kind::Touch | Kind::Replace, Some(current)) => {
                Condition::Unchanged(current.version.clone())
            }
            _ => Condition::Absent,
        };
        let write = Write::put(config.key(identifier), bytes, ttl)
            .exact()
            .when(condition);
        Ok(match &record.subject {
            Some(subject) if put.joins => {
                let index = subject::index(config, subject);
                let limit = config
                    .per_subject
                    .filter(|_| self.pending.intent.subject.is_some());
                let write = match limit {
                    Some(limit) => write.member_of_at_most(index, limit.most),
                    None => write.member_of(index),
                };
                write.membership_ttl(lifetime.longest(&record.times, now))
            }
            _ => write,
        })
    }

    /// Takes away what lies under the old token.
    fn leave(&self, current: &Current) -> Write {
        let config = &self.state.config;
        let write = Write::delete(config.key(&current.identifier))
            .when(Condition::Unchanged(current.version.clone()));
        match &current.record.subject {
            Some(subject) => write.member_of(subject::index(config, subject)),
            None => write,
        }
    }

    /// Returns what the client is told when the step is done.
    pub(super) fn telling(&self, kind: Kind, current: Option<&Current>) -> Option<Telling> {
        let Some(current) = current else {
            let held = self.state.presented.any
                || self
                    .pending
                    .ending
                    .as_ref()
                    .is_some_and(|ending| ending.current.is_some());
            return (kind == Kind::End && held).then_some(Telling::Removal);
        };
        let config = &self.state.config;
        let max_age = config
            .lifetime_of(&current.record)
            .max_age(&current.record.times, config.now());
        let is_new = matches!(kind, Kind::Create | Kind::Rotate);
        (is_new || max_age.is_some() || self.pending.intent.lifetime.is_some())
            .then(|| Telling::Token(current.token.clone(), max_age))
    }

    /// Tells of what was done.
    pub(super) fn tell(&self, kind: Kind, before: Option<&Current>, after: Option<&Current>) {
        let config = &self.state.config;
        if config.on_event.is_none() {
            return;
        }
        let fingerprint = |current: &Current| Fingerprint::of(&current.identifier);
        for identifier in self.ended() {
            let session = Fingerprint::of(&identifier);
            config.tell(&Event::Destroyed { session });
        }
        match (kind, before.map(fingerprint), after.map(fingerprint)) {
            (Kind::Create, _, Some(session)) => config.tell_with(|| Event::Created { session }),
            (Kind::Rotate, Some(from), Some(to)) => {
                config.tell_with(|| Event::Rotated { from, to });
            }
            _ => {}
        }
        for key in &self.room {
            let session = Fingerprint::of(key.identifier());
            config.tell_with(|| Event::Evicted { session });
        }
        if let (Some(subject), Some(after)) = (&self.pending.intent.subject, after) {
            config.tell(&Event::Authenticated {
                session: fingerprint(after),
                subject: Fingerprint::of_subject(subject),
            });
        }
    }
}
