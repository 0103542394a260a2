//! What a layer is told to do.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Extensions, Response};

use super::{
    Event, Keyring, Lifetime, SessionCookie, SessionError, SessionErrorKind, SessionLimit,
    Transport,
    error::Result,
    handle::{Main, insert},
    record::{Record, Seal},
    state::State,
};
use crate::{
    store::{self, ErrorKind, Identifier, Key, Kind, Scope, SharedStore},
    time::{Clock, SystemClock, Timer, Timestamp},
};

pub(super) type OnEvent = Arc<dyn Fn(&Event<'_>) + Send + Sync>;
pub(super) type OnError = Arc<dyn Fn(&SessionError) -> Response<Bytes> + Send + Sync>;

/// What is stored is read up to this size, also where less may be written by now.
const CEILING: usize = 1 << 20;

#[derive(Clone)]
pub(super) struct Config {
    pub(super) store: SharedStore,
    pub(super) scope: Scope,
    pub(super) indexes: Scope,
    pub(super) lifetime: Lifetime,
    pub(super) transports: Vec<Transport>,
    pub(super) per_subject: Option<SessionLimit>,
    pub(super) max_bytes: usize,
    pub(super) max_keys: usize,
    pub(super) keyring: Option<Keyring>,
    pub(super) trusted_origins: Vec<Box<str>>,
    pub(super) clears_site_data: bool,
    pub(super) time_limit: Duration,
    pub(super) timer: Option<Timer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_event: Option<OnEvent>,
    pub(super) on_error: Option<OnError>,
    /// Puts the handle of a request where handlers find it, under the type of the layer's marker.
    pub(super) insert: fn(&mut Extensions, Arc<State>),
}

impl Config {
    pub(super) fn new(store: SharedStore) -> Self {
        Self {
            store,
            scope: Scope::new(Kind::Session, "session"),
            indexes: Scope::new(Kind::Index, "session"),
            lifetime: Lifetime::default(),
            transports: vec![Transport::cookie(SessionCookie::host("id"))],
            per_subject: None,
            max_bytes: 64 << 10,
            max_keys: 128,
            keyring: None,
            trusted_origins: Vec::new(),
            clears_site_data: false,
            time_limit: Duration::from_secs(2),
            timer: Timer::of_platform(),
            clock: Arc::new(SystemClock::new()),
            on_event: None,
            on_error: None,
            insert: insert::<Main>,
        }
    }

    pub(super) fn set_name(&mut self, name: &str) {
        self.scope = Scope::new(Kind::Session, name);
        self.indexes = Scope::new(Kind::Index, name);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(hook) = &self.on_event {
            hook(event);
        }
    }

    /// As [`tell`](Self::tell), for events that cost something to make: without anybody who listens, they are not made.
    pub(super) fn tell_with<'a>(&self, event: impl FnOnce() -> Event<'a>) {
        if let Some(hook) = &self.on_event {
            hook(&event());
        }
    }

    /// Returns the key of a session.
    pub(super) fn key(&self, identifier: &Identifier) -> Key {
        self.scope.key(identifier.clone())
    }

    /// Returns the lifetime of a session.
    pub(super) fn lifetime_of(&self, record: &Record) -> Lifetime {
        record.lifetime.unwrap_or(self.lifetime)
    }

    /// Waits for what the store is asked, but not for longer than the time limit.
    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.within_pinned(pin!(work)).await
    }

    /// As [`within`](Self::within), for what lies where it waits: an argument would be there twice.
    pub(super) async fn within_pinned<T>(
        &self,
        work: Pin<&mut impl Future<Output = Result<T>>>,
    ) -> Result<T> {
        let answer = match &self.timer {
            Some(timer) => timer.within(self.time_limit, work).await,
            None => Some(work.await),
        };
        answer.unwrap_or_else(|| {
            self.heard(Err(store::Error::new(
                ErrorKind::Timeout,
                "no answer within the time limit",
            )))
        })
    }

    /// Tells of an error of the store.
    pub(super) fn heard<T>(&self, answer: store::Result<T>) -> Result<T> {
        answer.map_err(|error| {
            self.tell_with(|| Event::StoreError { error: &error });
            error.into()
        })
    }

    /// Checks the size of what is to be stored.
    pub(super) fn check_size(&self, record: &Record) -> Result<()> {
        if record.data.len() > self.max_keys {
            let why = "more keys than a session may have";
            return Err(SessionError::new(SessionErrorKind::TooLarge, why));
        }
        if record.data.size() > self.max_bytes {
            let why = "more data than a session may hold";
            return Err(SessionError::new(SessionErrorKind::TooLarge, why));
        }
        Ok(())
    }

    pub(super) fn encode(&self, identifier: &Identifier, record: &Record) -> Result<Bytes> {
        let place = self.place(identifier);
        record.encode(self.seal(&place))
    }

    #[inline]
    pub(super) fn decode(&self, identifier: &Identifier, bytes: &Bytes) -> Result<Record> {
        let place = self.place(identifier);
        Record::decode(bytes, self.seal(&place), self.max_bytes.max(CEILING))
    }

    /// Only what is sealed is bound to its place.
    fn place(&self, identifier: &Identifier) -> String {
        match self.keyring {
            Some(_) => self.key(identifier).to_text(),
            None => String::new(),
        }
    }

    const fn seal<'a>(&'a self, place: &'a str) -> Seal<'a> {
        Seal {
            keyring: self.keyring.as_ref(),
            place,
        }
    }
}
