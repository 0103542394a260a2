//! What a layer is told to do.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Extensions, Response};

use super::{
    Event, Keyring, Lifetime, SessionCookie, SessionError, SessionLimit, Transport,
    error::Result,
    record::{Record, Seal},
};
use crate::{
    store::{Identifier, Key, Kind, Scope, SharedStore},
    time::{Clock, SystemClock, Timer, Timestamp},
};

pub(super) type OnEvent = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

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
    pub(super) time_limit: Duration,
    pub(super) timer: Option<Timer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) on_event: Option<OnEvent>,
}

impl Config {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(hook) = &self.on_event {
            hook(event);
        }
    }

    /// Returns the key of a session.
    pub(super) fn key(&self, identifier: &Identifier) -> Key {
        self.scope.key(identifier.clone())
    }

    /// Waits for what the store is asked, but not for longer than the time limit.
    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let _ = work;
        unimplemented!()
    }

    pub(super) fn decode(&self, identifier: &Identifier, bytes: &Bytes) -> Result<Record> {
        let place = identifier.to_text();
        let seal = Seal {
            keyring: self.keyring.as_ref(),
            place: &place,
        };
        Record::decode(bytes, seal, self.max_bytes)
    }
}
