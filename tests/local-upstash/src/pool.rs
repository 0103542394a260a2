//! Connections that wait for their next request.

use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::connection::{Connection, Target};

/// Lends a connection to one request at a time: MONITOR then tells requests apart by the client's address.
pub(crate) struct Pool {
    target: Target,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            idle: Mutex::default(),
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) async fn take(&self) -> io::Result<Connection> {
        loop {
            let idle = self.lock().pop();
            match idle {
                Some(connection) if connection.is_stale() => {}
                Some(connection) => return Ok(connection),
                None => return Connection::open(&self.target).await,
            }
        }
    }

    /// Takes back a connection on which nothing is outstanding.
    pub(crate) fn put(&self, connection: Connection) {
        self.lock().push(connection);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
