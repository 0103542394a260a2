//! The connection: one, shared by all calls, made at the first of them and again when it breaks.
//!
//! redis-rs reconnects where the socket tells that it is broken. It would keep for good a connection that answers
//! nothing any more, a handshake that was refused, and one that waits for a runtime which nobody drives: those are given
//! up here. The first call on each asks the server what it is.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use redis::{
    Client, Cmd, RedisError, RedisResult, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{runtime::Handle, time::timeout};

use super::handshake::{self, Refused};
use crate::store::{Error, ErrorKind as Kind, Result};

/// So many calls in a row without an answer in time end a connection.
const SILENT: u32 = 8;
/// How long a server that has refused us is left alone: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

pub(super) struct Connection {
    // None: the connection is the caller's, who has set it up.
    source: Option<Source>,
    current: Mutex<Current>,
}

struct Source {
    client: Client,
    config: ConnectionManagerConfig,
    connect: Duration,
    call: Duration,
}

#[derive(Default)]
struct Current {
    manager: Option<ConnectionManager>,
    number: u64,
    silent: u32,
    /// Whether the server has said that it is one for us.
    greeted: bool,
    refusal: Option<Refusal>,
}

/// Why there is no connection, and until when none is tried.
struct Refusal {
    why: Refused,
    until: Instant,
    pause: Duration,
}

/// A connection that a call has got.
struct Turn {
    number: u64,
    manager: ConnectionManager,
    greeted: bool,
}

impl Connection {
    pub(super) fn new(client: Client, connect: Duration, call: Duration) -> Self {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(call))
            // A call that finds the server away fails at once, and the next one tries again.
            .set_number_of_retries(0);
        Self {
            source: Some(Source {
                client,
                config,
                connect,
                call,
            }),
            current: Mutex::default(),
        }
    }

    /// Sends a command once: redis-rs repeats connecting, never a command. The outer error is that it was not sent.
    pub(super) async fn send(&self, command: &Cmd) -> Result<RedisResult<Value>> {
        let mut turn = self.turn()?;
        let number = turn.number;
        let Some(source) = &self.source else {
            let answer = turn.ask(command).await?;
            self.heard(number, answer.as_ref().err());
            return Ok(answer);
        };
        // A connection is driven by the runtime that began it, its time limits too. This one is by the caller's.
        let limit = source.connect.saturating_add(source.call);
        let asking = turn.ask(command);
        let asked = catch_unwind(AssertUnwindSafe(move || timeout(limit, asking)))
            .map_err(|_| Error::invalid("a call from a tokio runtime without a timer"))?;
        match asked.await {
            Ok(Ok(answer)) => {
                self.heard(number, answer.as_ref().err());
                Ok(answer)
            }
            Ok(Err(why)) => {
                let first = self.refused(number, why.clone());
                let why = match why {
                    Refused::Handshake(error) if first => {
                        let error = handshake::explained(error, &source.client, source.connect);
                        let why = Refused::Handshake(error.await);
                        self.explained(number, &why);
                        why
                    }
                    why => why,
                };
                Err(why.into())
            }
            Err(_) => {
                self.give_up(number);
                let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
                Ok(Err(RedisError::from(late)))
            }
        }
    }

    fn turn(&self) -> Result<Turn> {
        // redis-rs would panic.
        Handle::try_current().map_err(|error| {
            Error::invalid("a call from outside of a tokio runtime").with_source(error)
        })?;
        let mut current = self.lock();
        if let Some(manager) = &current.manager {
            return Ok(Turn {
                number: current.number,
                manager: manager.clone(),
                greeted: current.greeted,
            });
        }
        if let Some(refusal) = &current.refusal
            && Instant::now() < refusal.until
        {
            return Err(refusal.why.clone().into());
        }
        let source = self
            .source
            .as_ref()
            .ok_or(Error::new(Kind::Unavailable, "the connection was given up"))?;
        let (client, config) = (source.client.clone(), source.config.clone());
        let manager = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|error| handshake::failure(&error))?;
        current.manager = Some(manager.clone());
        current.number += 1;
        current.silent = 0;
        current.greeted = false;
        Ok(Turn {
            number: current.number,
            manager,
            greeted: false,
        })
    }

    /// Takes note of an answer, or of none, and gives up a connection that has become useless.
    fn heard(&self, number: u64, error: Option<&RedisError>) {
        if let Some(error) = error.filter(|error| handshake::is_refused(error)) {
            self.refused(number, Refused::Handshake(error.clone()));
            return;
        }
        let mut current = self.lock();
        if current.number != number {
            return;
        }
        if error.is_some_and(RedisError::is_timeout) {
            current.silent += 1;
            if current.silent >= SILENT && self.source.is_some() {
                current.manager = None;
            }
            return;
        }
        current.silent = 0;
        // Another error of the socket says nothing about the server.
        if !error.is_some_and(RedisError::is_io_error) {
            current.greeted = true;
            current.refusal = None;
        }
    }

    /// Leaves a server alone that has refused us. Returns whether this is the first to say so.
    fn refused(&self, number: u64, why: Refused) -> bool {
        let mut current = self.lock();
        if current.number != number || current.manager.is_none() || self.source.is_none() {
            return false;
        }
        let (shortest, longest) = PAUSES;
        let last = current.refusal.as_ref().map(|refusal| refusal.pause);
        let pause = last.map_or(shortest, |pause| (pause * 2).min(longest));
        current.manager = None;
        current.refusal = Some(Refusal {
            why,
            until: Instant::now() + pause,
            pause,
        });
        true
    }

    fn explained(&self, number: u64, why: &Refused) {
        let mut current = self.lock();
        if current.number == number
            && let Some(refusal) = &mut current.refusal
        {
            refusal.why = why.clone();
        }
    }

    fn give_up(&self, number: u64) {
        let mut current = self.lock();
        if current.number == number {
            current.manager = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    async fn ask(&mut self, command: &Cmd) -> Result<RedisResult<Value>, Refused> {
        if !self.greeted
            && let Err(error) = handshake::greet(&mut self.manager).await?
        {
            return Ok(Err(error));
        }
        Ok(self.manager.send_packed_command(command).await)
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
