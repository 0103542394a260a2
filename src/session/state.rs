//! The session of one request: what was read of it, and what is to be written.

mod guard;
mod turn;
mod work;

use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;

use self::guard::Guard;
pub(super) use self::turn::Turn;
use super::{
    Event, SessionError, SessionErrorKind,
    commit::Outcome,
    config::Config,
    data::Data,
    error::Result,
    headers::Tell,
    log::{Log, Operation, Told},
    plan::Intent,
    record::Record,
    token::Token,
    transport::Presented,
};
use crate::{
    response_cache::Personal,
    store::{Identifier, Version},
};

/// What a request may queue beyond the keys of a session: a handler that takes names from its client must stop somewhere.
const MOST_OPERATIONS: usize = 1000;

/// What all handles of a request share.
pub(super) struct State {
    pub(super) config: Arc<Config>,
    pub(super) presented: Presented,
    is_cross_origin: bool,
    /// [`USED`] and [`SEALED`].
    flags: AtomicU8,
    personal: OnceLock<Personal>,
    /// Made when it is first asked for: most requests do not.
    work: Mutex<Option<Work>>,
}

/// Somebody has looked at the session.
const USED: u8 = 1;
/// The head has left, or is about to.
const SEALED: u8 = 2;

/// What changes.
#[derive(Default)]
pub(super) struct Work {
    pub(super) phase: Phase,
    /// Whether somebody is asking the store.
    is_busy: bool,
    waiting: Vec<Waker>,
    /// The session as it is stored.
    pub(super) current: Option<Arc<Current>>,
    /// Its data, with what is to be written.
    view: Option<Box<Data>>,
    /// Counts what makes a view void.
    changes: u64,
    /// How many commits are under way, which the head of the response waits for.
    pub(super) commits: u32,
    pub(super) pending: Pending,
    /// What the response tells the client.
    pub(super) telling: Option<Telling>,
    /// A commit was dropped half way, and nobody knows what became of it.
    pub(super) is_abandoned: bool,
    /// The session is gone: what is written to it is dropped.
    pub(super) is_gone: bool,
    pub(super) is_no_activity: bool,
}

#[derive(Default)]
pub(super) enum Phase {
    #[default]
    Unread,
    Read,
    Failed(SessionError),
}

/// A session that is stored.
#[derive(Clone)]
pub(super) struct Current {
    pub(super) token: Token,
    pub(super) identifier: Identifier,
    pub(super) version: Version,
    pub(super) record: Record,
    /// Whether the activity was to be written down when it was read.
    pub(super) is_touch_due: bool,
}

/// What is to be written.
#[derive(Clone, Default)]
pub(super) struct Pending {
    pub(super) log: Log,
    pub(super) intent: Intent,
    /// The next token, where it had to be known before the commit.
    pub(super) next: Option<Token>,
    pub(super) ending: Option<Ending>,
}

/// A session that is to end.
#[derive(Clone)]
pub(super) struct Ending {
    /// What is known of it.
    pub(super) current: Option<Arc<Current>>,
}

/// What a response tells its client.
#[derive(Clone)]
pub(super) enum Telling {
    Token(Token, Option<std::time::Duration>),
    Removal,
}

impl State {
    #[inline]
    pub(super) const fn new(
        config: Arc<Config>,
        presented: Presented,
        is_cross_origin: bool,
    ) -> Self {
        Self {
            config,
            presented,
            is_cross_origin,
            flags: AtomicU8::new(0),
            personal: OnceLock::new(),
            work: Mutex::new(None),
        }
    }

    pub(super) fn work(&self) -> Guard<'_> {
        Guard::of(&self.work)
    }

    /// Takes the mark of a cache that lies outside.
    pub(super) fn set_personal(&self, personal: Personal) {
        // Nobody else has the state yet.
        let _ = self.personal.set(personal);
    }

    /// Returns the mark for a cache that lies inside.
    pub(super) fn personal(&self) -> Personal {
        let personal = self.personal.get_or_init(Personal::new).clone();
        if self.is_used() {
            personal.mark();
        }
        personal
    }

    pub(super) fn is_used(&self) -> bool {
        self.has(USED)
    }

    /// Whoever looks at a session, or changes it: from here on, the response is for one user.
    pub(super) fn touch(&self) -> Result<()> {
        if self.flags.fetch_or(USED, Ordering::SeqCst) & USED == 0 {
            if let Some(personal) = self.personal.get() {
                personal.mark();
            }
            if self.is_cross_origin {
                self.config.tell_with(|| Event::CrossOrigin);
            }
        }
        if self.is_cross_origin {
            return Err(SessionError::of(SessionErrorKind::CrossOrigin));
        }
        Ok(())
    }

    /// Changes what is to be written.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut Work) -> Result<R>) -> Result<R> {
        self.touch()?;
        let mut work = self.work();
        if self.has(SEALED) {
            return Err(SessionError::of(SessionErrorKind::Committed));
        }
        change(&mut work)
    }

    pub(super) fn push(&self, operation: Operation) -> Result<()> {
        self.change(|work| {
            if work.pending.log.len() >= self.config.max_keys.saturating_add(MOST_OPERATIONS) {
                let why = "one request changes the session too often";
                return Err(SessionError::new(SessionErrorKind::TooLarge, why));
            }
            work.forget_view();
            work.pending.log.push(operation);
            Ok(())
        })
    }

    /// Returns the value of a key.
    pub(super) async fn value(&self, key: &str) -> Result<Option<Bytes>> {
        self.touch()?;
        let told = self.work().pending.log.tells(key);
        match told {
            Told::Value(value) => return Ok(Some(value)),
            Told::Absent => return Ok(None),
            Told::Nothing => {}
        }
        self.load().await?;
        self.view(|data| data.get(key))
    }

    /// Returns whether there is a session, or will be.
    pub(super) async fn exists(&self) -> Result<bool> {
        let is_certain = self
            .read(|work| work.current.is_some() || work.pending.intent.makes())
            .await?;
        Ok(is_certain || self.view(Data::is_empty).is_ok_and(|is_empty| !is_empty))
    }

    /// Looks at the data as they will be.
    fn view<R>(&self, look: impl FnOnce(&Data) -> R) -> Result<R> {
        let (mut data, log, changes) = {
            let work = self.work();
            if let Some(view) = &work.view {
                return Ok(look(view));
            }
            let stored = work.base().map(|record| &record.data);
            if work.pending.log.is_empty() {
                return Ok(look(stored.unwrap_or(&Data::default())));
            }
            let data = stored.cloned().unwrap_or_default();
            (data, work.pending.log.clone(), work.changes)
        };
        // Not under the lock: an update is code of the user's, and may look at the session itself.
        log.apply(&mut data)?;
        let seen = look(&data);
        let mut work = self.work();
        if work.changes == changes {
            work.view = Some(Box::new(data));
        }
        Ok(seen)
    }

    /// Writes what is queued, for somebody who waits for it.
    pub(super) async fn commit_now(&self) -> Result<()> {
        let touches = self.change(|work| match &work.phase {
            // What failed before was dropped, and is not written by now.
            Phase::Failed(error) if work.pending.is_nothing() => Err(error.clone()),
            _ => Ok(!work.is_no_activity),
        })?;
        match self.commit(touches).await? {
            Outcome::Written => Ok(()),
            Outcome::Gone => Err(SessionError::of(SessionErrorKind::Gone)),
        }
    }

    /// Writes what is queued, if the client is to have a new token by it.
    pub(super) async fn settle(&self) -> Result<()> {
        if self.work().pending.has_token_to_come() {
            self.commit_now().await?;
        }
        Ok(())
    }

    /// Looks at the session, which is read if it was not.
    pub(super) async fn read<R>(&self, look: impl FnOnce(&mut Work) -> R) -> Result<R> {
        self.touch()?;
        self.load().await?;
        Ok(look(&mut self.work()))
    }

    /// Says that the head is about to leave, unless somebody has looked at the session. Without a lock.
    pub(super) fn seal_unused(&self) -> bool {
        self.flags
            .compare_exchange(0, SEALED, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }

    /// Says that the head is about to leave. Whoever holds the lock sees it from the next time on.
    pub(super) fn seal(&self) {
        self.flags.fetch_or(SEALED, Ordering::SeqCst);
    }

    /// Says that the request is over: what is queued will not be written, and whoever queues more is told.
    ///
    /// An update may hold the session that holds it, and neither would ever be freed.
    pub(super) fn close(&self) {
        if self.flags.fetch_or(SEALED, Ordering::SeqCst) & USED == 0 {
            return;
        }
        let mut work = self.work();
        let unwritten = (!work.pending.is_nothing()).then(|| work.take_pending());
        drop(work);
        drop(unwritten);
    }

    /// Says that the session was ended by other means. The client is told, and other tokens that it holds end as well.
    pub(super) fn ended(&self) {
        let mut work = self.work();
        let is_sealed = self.has(SEALED);
        work.ended(is_sealed);
        if !is_sealed && self.presented.tokens().len() > 1 {
            work.pending.ending = Some(Ending { current: None });
        }
    }

    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::SeqCst) & flag != 0
    }

    /// Returns the token that the client will hold.
    pub(super) fn token_to_come(&self) -> Result<Token> {
        let mut work = self.work();
        let is_sealed = self.has(SEALED);
        work.token_to_come(is_sealed)
    }

    /// Takes what the response tells its client.
    pub(super) fn take_telling(&self) -> Option<Telling> {
        self.work().telling.take()
    }
}

impl Pending {
    pub(super) fn is_nothing(&self) -> bool {
        self.log.is_empty() && self.intent.is_nothing() && self.ending.is_none()
    }

    pub(super) fn is_only_an_end(&self) -> bool {
        self.log.is_empty() && self.intent.is_nothing()
    }

    fn has_token_to_come(&self) -> bool {
        let intent = &self.intent;
        intent.rotate || intent.create || intent.subject.is_some()
    }
}

impl Telling {
    pub(super) fn with<R>(&self, tell: impl FnOnce(&Tell<'_>) -> R) -> R {
        match self {
            Self::Token(token, max_age) => tell(&Tell::Token(&token.text(), *max_age)),
            Self::Removal => tell(&Tell::Removal),
        }
    }
}
