//! The session of one request: what was read of it, and what is to be written.

use std::{
    future::poll_fn,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Poll, Waker},
};

use bytes::Bytes;

use super::{
    Event, SessionError, SessionErrorKind, SessionId,
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
    time::Timestamp,
};

/// What all handles of a request share.
pub(super) struct State {
    pub(super) config: Arc<Config>,
    pub(super) presented: Presented,
    is_cross_origin: bool,
    /// [`USED`] and [`SEALED`].
    flags: AtomicU8,
    personal: OnceLock<Personal>,
    work: Mutex<Work>,
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
    pub(super) pending: Pending,
    /// What the response tells the client.
    pub(super) telling: Option<Telling>,
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
    pub(super) fn new(config: &Arc<Config>, presented: Presented, is_cross_origin: bool) -> Self {
        Self {
            config: Arc::clone(config),
            presented,
            is_cross_origin,
            flags: AtomicU8::new(0),
            personal: OnceLock::new(),
            work: Mutex::default(),
        }
    }

    pub(super) fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.change(|work| work.push(operation))
    }

    /// Returns the value of a key.
    pub(super) async fn value(&self, key: &str) -> Result<Option<Bytes>> {
        self.touch()?;
        if let Some(known) = self.known(key) {
            return known;
        }
        self.load().await?;
        self.work().view(|data| data.get(key))
    }

    /// Returns the value of a key, if the store need not be asked for it.
    fn known(&self, key: &str) -> Option<Result<Option<Bytes>>> {
        let mut work = self.work();
        match work.pending.log.tells(key) {
            Told::Value(value) => Some(Ok(Some(value))),
            Told::Absent => Some(Ok(None)),
            Told::Nothing => {
                let known = self.loaded(&work)?;
                Some(known.and_then(|()| work.view(|data| data.get(key))))
            }
        }
    }

    /// Writes what is queued, for somebody who waits for it.
    pub(super) async fn commit_now(&self) -> Result<()> {
        let touches = self.change(|work| Ok(!work.is_no_activity))?;
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

    /// Forgets that anything was to be written or deleted: the session was ended by other means. The client is told.
    pub(super) fn ended(&self) {
        let mut work = self.work();
        let is_sealed = self.has(SEALED);
        work.ended(is_sealed);
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

    /// Waits until nobody else asks the store for this request.
    pub(super) async fn turn(&self) -> Turn<'_> {
        poll_fn(|cx| {
            let mut work = self.work();
            if !work.is_busy {
                work.is_busy = true;
                return Poll::Ready(());
            }
            if !work.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                work.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
        Turn(self)
    }

    /// Takes what the response tells its client.
    pub(super) fn take_telling(&self) -> Option<Telling> {
        self.work().telling.take()
    }
}

/// The right to ask the store, which others wait for.
pub(super) struct Turn<'a>(&'a State);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut work = self.0.work();
        work.is_busy = false;
        let waiting = mem::take(&mut work.waiting);
        drop(work);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Work {
    fn push(&mut self, operation: Operation) -> Result<()> {
        if let Some(view) = &mut self.view {
            operation.apply(view)?;
        }
        self.pending.log.push(operation);
        Ok(())
    }

    /// Looks at the data as they will be.
    fn view<R>(&mut self, look: impl FnOnce(&Data) -> R) -> Result<R> {
        let base = base(self.current.as_deref(), &self.pending.intent);
        let stored = base.map(|current| &current.record.data);
        if self.pending.log.is_empty() {
            return Ok(look(stored.unwrap_or(&Data::default())));
        }
        if self.view.is_none() {
            let mut data = stored.cloned().unwrap_or_default();
            self.pending.log.apply(&mut data)?;
            self.view = Some(Box::new(data));
        }
        Ok(look(self.view.get_or_insert_default()))
    }

    /// Drops what is queued, except the end of the session.
    pub(super) fn discard(&mut self) {
        let ending = self.pending.ending.take();
        self.pending = Pending {
            ending,
            ..Pending::default()
        };
        self.view = None;
    }

    /// Knows another state of what is stored, and returns the one before. What was queued meanwhile is seen on top of that.
    pub(super) fn renew(&mut self, current: Option<Arc<Current>>) -> Option<Arc<Current>> {
        self.view = None;
        mem::replace(&mut self.current, current)
    }

    /// Takes what is to be written.
    pub(super) fn take_pending(&mut self) -> Pending {
        self.view = None;
        mem::take(&mut self.pending)
    }

    /// Ends the session; what comes later is another one.
    pub(super) fn end(&mut self) {
        let current = self.current.take();
        let earlier = self.pending.ending.take();
        self.pending = Pending {
            ending: earlier.or(Some(Ending { current })),
            ..Pending::default()
        };
        self.view = None;
        self.is_gone = false;
        self.phase = Phase::Read;
    }

    fn ended(&mut self, is_sealed: bool) {
        self.current = None;
        self.end();
        self.pending.ending = None;
        if !is_sealed {
            self.telling = Some(Telling::Removal);
        }
    }

    /// Says who is authenticated. What another one has left behind is not seen from here on.
    pub(super) fn authenticate(&mut self, subject: Box<str>) {
        self.pending.intent.subject = Some(subject);
        self.view = None;
    }

    /// Returns whether a session is going to be made, if there is none.
    pub(super) fn is_wanted(&mut self) -> bool {
        let intent = &self.pending.intent;
        intent.create
            || intent.subject.is_some()
            || self.view(Data::is_empty).is_ok_and(|is_empty| !is_empty)
    }

    pub(super) fn id(&self) -> Option<SessionId> {
        let base = base(self.current.as_deref(), &self.pending.intent);
        base.map(|current| current.record.id)
    }

    /// Returns when the subject was authenticated.
    pub(super) fn authenticated(&self, now: Timestamp) -> Option<Timestamp> {
        if self.pending.intent.subject.is_some() {
            return Some(now);
        }
        let record = &self.current.as_ref()?.record;
        record.subject.as_ref().and(record.times.authenticated)
    }

    /// Returns the token that the client will hold; makes one where that will be another, or the first one.
    fn token_to_come(&mut self, is_sealed: bool) -> Result<Token> {
        let intent = &mut self.pending.intent;
        let stays = !intent.rotate && intent.subject.is_none();
        let current = self.current.as_ref();
        if let Some(current) = current.filter(|_| stays) {
            return Ok(current.token.clone());
        }
        if is_sealed {
            return Err(SessionError::of(SessionErrorKind::Committed));
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
    pub(super) fn subject(&self) -> Option<&str> {
        let stored = || self.current.as_ref()?.record.subject.as_deref();
        self.pending.intent.subject.as_deref().or_else(stored)
    }
}

/// Returns what the session will go on from: nothing of another subject's.
fn base<'a>(current: Option<&'a Current>, intent: &Intent) -> Option<&'a Current> {
    current.filter(|current| !intent.is_for_another(&current.record))
}

impl Pending {
    pub(super) fn is_nothing(&self) -> bool {
        self.log.is_empty() && self.intent.is_nothing() && self.ending.is_none()
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
