//! The connection: one, shared by all calls, made at the first of them and again when it breaks.
//!
//! redis-rs reconnects where the socket tells that it is broken. It would keep for good a connection that answers
//! nothing any more, and a handshake that was refused: those are given up here.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    Client, Cmd, ErrorKind, RedisError, RedisResult, ServerError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::runtime::Handle;

use crate::store::{Error, ErrorKind as Kind, Result};

/// So many calls in a row without an answer in time end a connection.
const SILENT: u32 = 8;

pub(super) struct Connection {
    // None: the connection is the caller's, who has set it up.
    source: Option<(Client, ConnectionManagerConfig)>,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    manager: Option<ConnectionManager>,
    number: u64,
    silent: u32,
}

impl Connection {
    pub(super) fn new(client: Client, connect: Duration, call: Duration) -> Self {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(call))
            // A call that finds the server away fails at once, and the next one tries again.
            .set_number_of_retries(0);
        Self {
            source: Some((client, config)),
            current: Mutex::default(),
        }
    }

    /// Sends a command once: redis-rs repeats connecting, never a command.
    pub(super) async fn send(&self, command: &Cmd) -> Result<RedisResult<Value>> {
        let (number, mut manager) = self.manager()?;
        let answer = manager.send_packed_command(command).await;
        self.heard(number, answer.as_ref().err());
        Ok(answer)
    }

    fn manager(&self) -> Result<(u64, ConnectionManager)> {
        // redis-rs would panic.
        Handle::try_current().map_err(|error| {
            Error::invalid("a call from outside of a tokio runtime").with_source(error)
        })?;
        let mut current = self.lock();
        if let Some(manager) = &current.manager {
            return Ok((current.number, manager.clone()));
        }
        let (client, config) = self
            .source
            .clone()
            .ok_or(Error::new(Kind::Unavailable, "the connection was given up"))?;
        let manager = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|error| failure(&error))?;
        current.manager = Some(manager.clone());
        current.number += 1;
        current.silent = 0;
        Ok((current.number, manager))
    }

    /// Gives up a connection that has become useless.
    fn heard(&self, number: u64, error: Option<&RedisError>) {
        let mut current = self.lock();
        if current.number != number || self.source.is_none() {
            return;
        }
        let useless = match error {
            Some(error) if error.is_timeout() => {
                current.silent += 1;
                current.silent >= SILENT
            }
            _ => {
                current.silent = 0;
                error.is_some_and(is_refused_handshake)
            }
        };
        if useless {
            current.manager = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<ConnectionManager> for Connection {
    fn from(manager: ConnectionManager) -> Self {
        Self {
            source: None,
            current: Mutex::new(Current {
                manager: Some(manager),
                ..Current::default()
            }),
        }
    }
}

/// Returns whether an error comes from setting up a connection, which redis-rs then remembers for all later calls; the
/// socket's own errors it tries again after.
fn is_refused_handshake(error: &RedisError) -> bool {
    let is_reply = ServerError::try_from(error.clone()).is_ok();
    let lacks_login = matches!(error.code(), Some("NOAUTH" | "WRONGPASS"));
    lacks_login || !(is_reply || error.is_io_error())
}

/// Returns what a failure that is no reply means. Errors of the socket show addresses at most; other texts are not shown.
pub(super) fn failure(error: &RedisError) -> Error {
    let (kind, message) = match error.kind() {
        ErrorKind::Io if error.is_timeout() => (Kind::Timeout, "no answer within the time limit"),
        ErrorKind::AuthenticationFailed => (
            Kind::Unauthorized,
            "the server refused the user or the password",
        ),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            (Kind::Unavailable, "the server does not speak Redis")
        }
        ErrorKind::RESP3NotSupported => (
            Kind::Unsupported,
            "the server does not speak RESP3, which the URL demands",
        ),
        ErrorKind::InvalidClientConfig => (Kind::Invalid, "the connection is set up wrongly"),
        // Replies to calls do not come here.
        ErrorKind::Server(_) => (
            Kind::Unavailable,
            "the server refused the handshake; is the number of the database right?",
        ),
        _ => (Kind::Unavailable, "the connection failed"),
    };
    let failure = Error::new(kind, message);
    if error.is_io_error() {
        failure.with_source(error.clone())
    } else {
        failure
    }
}
