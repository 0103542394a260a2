//! The wire over TCP: commands and replies in the types of redis-rs.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use redis::{Cmd, ServerError, Value};

use super::connection::{Connection, failure};
use crate::store::{
    Error, ErrorKind, Limits, Result,
    remote::{Bill, Command, Refusal, Reply, Wire},
};

pub(super) struct Tcp {
    connection: Connection,
    max_value: usize,
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Tcp {
    pub(super) const fn new(connection: Connection, max_value: usize) -> Self {
        Self {
            connection,
            max_value,
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    pub(super) fn billed(&self) -> u64 {
        self.reads.load(Ordering::Relaxed) + self.writes.load(Ordering::Relaxed)
    }
}

impl Wire for Tcp {
    const BINARY: bool = true;
    const LOCKS_KEYS: bool = false;

    async fn send(&self, command: Command) -> Result<Reply> {
        let mut packed = Cmd::with_capacity(command.arguments().len() + 1, command.size());
        packed.arg(command.name());
        for word in command.arguments() {
            packed.arg(&word[..]);
        }
        match self.connection.send(&packed).await? {
            Ok(value) => reply(value),
            // A reply, or what kept one from coming.
            Err(error) => match ServerError::try_from(error) {
                Ok(error) => Ok(refused(&error)),
                Err(error) => Err(failure(&error)),
            },
        }
    }

    fn bill(&self, bill: Bill) {
        self.reads.fetch_add(bill.reads, Ordering::Relaxed);
        self.writes.fetch_add(bill.writes, Ordering::Relaxed);
    }

    fn limits(&self) -> Limits {
        Limits::new(self.max_value)
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").finish_non_exhaustive()
    }
}

fn reply(value: Value) -> Result<Reply> {
    Ok(match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::BulkString(bytes) => Reply::Text(bytes.into()),
        Value::SimpleString(text) => Reply::Text(text.into()),
        Value::Okay => Reply::Text("OK".into()),
        // RESP3 has numbers where RESP2 has their text.
        Value::Double(number) => Reply::Text(number.to_string().into()),
        Value::Array(items) => Reply::Array(items.into_iter().map(reply).collect::<Result<_>>()?),
        Value::ServerError(error) => refused(&error),
        _ => {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the server answered in a shape that no command of ours has",
            ));
        }
    })
}

/// Puts an error reply together again, as the server sent it.
fn refused(error: &ServerError) -> Reply {
    let details = error.details().unwrap_or_default();
    Reply::Refused(Refusal::new(format!("{} {details}", error.code())))
}
