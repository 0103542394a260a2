//! What is written of a session: a pure function of what is stored, what is to be done, and the time.

use super::{
    Lifetime, SessionId, config::Config, data::Data, error::Result, lifetime::Times, log::Log,
    record::Record,
};
use crate::time::Timestamp;

/// What is to be done beside changes of the data.
#[derive(Clone, Default)]
pub(super) struct Intent {
    /// A new token.
    pub(super) rotate: bool,
    /// A session, even an empty one.
    pub(super) create: bool,
    /// Who was authenticated.
    pub(super) subject: Option<Box<str>>,
    pub(super) lifetime: Option<Lifetime>,
}

/// What to write.
pub(super) enum Plan {
    Nothing,
    /// The activity alone.
    Touch(Record),
    /// A session where none was.
    Create(Record),
    /// The session, under the token that it has.
    Replace(Record),
    /// The session, under a new token.
    Rotate(Record),
}

impl Intent {
    pub(super) const fn is_nothing(&self) -> bool {
        !self.rotate && !self.create && self.subject.is_none() && self.lifetime.is_none()
    }

    /// Returns whether a session is made where there is none.
    pub(super) const fn makes(&self) -> bool {
        self.create || self.subject.is_some()
    }

    /// Returns whether somebody else is authenticated than before: what one user has left behind is not the next one's.
    pub(super) fn is_for_another(&self, stored: &Record) -> bool {
        let (old, new) = (stored.subject.as_deref(), self.subject.as_deref());
        old.zip(new).is_some_and(|(old, new)| old != new)
    }
}

/// Says what to write. `touches`: the request is activity.
pub(super) fn plan(
    config: &Config,
    stored: Option<&Record>,
    (log, intent): (&Log, &Intent),
    touches: bool,
    now: Timestamp,
) -> Result<Plan> {
    let Some(stored) = stored else {
        return create(log, intent, now);
    };
    if intent.is_for_another(stored) {
        return Ok(match create(log, intent, now)? {
            Plan::Create(record) => Plan::Rotate(record),
            plan => plan,
        });
    }
    let mut record = stored.clone();
    log.apply(&mut record.data)?;
    let is_changed = record.data != stored.data
        || intent
            .lifetime
            .is_some_and(|lifetime| stored.lifetime != Some(lifetime));
    let rotates = intent.rotate || intent.subject.is_some();
    if !is_changed && !rotates {
        if !touches || !config.lifetime_of(stored).is_touch_due(&stored.times, now) {
            return Ok(Plan::Nothing);
        }
        record.written(touches, now);
        return Ok(Plan::Touch(record));
    }
    record.written(touches, now);
    record.lifetime = intent.lifetime.or(record.lifetime);
    if let Some(subject) = &intent.subject {
        record.subject = Some(subject.clone());
        record.times.authenticated = Some(now);
    }
    Ok(if rotates {
        Plan::Rotate(record)
    } else {
        Plan::Replace(record)
    })
}

fn create(log: &Log, intent: &Intent, now: Timestamp) -> Result<Plan> {
    let mut data = Data::default();
    log.apply(&mut data)?;
    if data.is_empty() && !intent.makes() {
        return Ok(Plan::Nothing);
    }
    Ok(Plan::Create(Record {
        writes: 0,
        id: SessionId::generate()?,
        times: Times {
            created: now,
            authenticated: intent.subject.is_some().then_some(now),
            touched: now,
        },
        lifetime: intent.lifetime,
        indexed: None,
        subject: intent.subject.clone(),
        data,
    }))
}

impl Record {
    /// Says that it is written now: other bytes than ever before. `touches`: this is activity.
    fn written(&mut self, touches: bool, now: Timestamp) {
        self.writes = self.writes.wrapping_add(1);
        if touches {
            self.times.touched = now;
        }
        // Where a clock was wrong, its limits count from now on, and not from a time that is to come.
        let times = &mut self.times;
        times.created = times.created.min(now);
        times.authenticated = times.authenticated.map(|then| then.min(now));
    }
}
