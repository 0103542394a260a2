//! The wire over TCP: commands and replies in the types of redis-rs.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use redis::{Cmd, ServerError, Value};

use super::{
    connection::Connection,
    handshake::{failure, refusal},
};
use crate::store::{
    Error, ErrorKind, Limits, Result,
    remote::{Bill, Command, Reply, Wire},
};

pub(super) struct Tcp {
    connection: Connection,
    max_value: usize,
    billed: AtomicU64,
}

impl Tcp {
    pub(super) const fn new(connection: Connection, max_value: usize) -> Self {
        Self {
            connection,
            max_value,
            billed: AtomicU64::new(0),
        }
    }

    pub(super) fn billed(&self) -> u64 {
        self.billed.load(Ordering::Relaxed)
    }

    fn bill(&self, bill: Bill) {
        self.billed
            .fetch_add(bill.reads + bill.writes, Ordering::Relaxed);
    }
}

impl Wire for Tcp {
    const BINARY: bool = true;
    const LOCKS_KEYS: bool = false;

    async fn send(&self, mut command: Command) -> Result<Reply> {
        let tally = command.take_tally();
        let mut packed = Cmd::with_capacity(command.arguments().len() + 1, command.size());
        packed.arg(command.name());
        for word in command.arguments() {
            packed.arg(&word[..]);
        }
        let answer = self.connection.send(&packed).await?;
        self.bill(command.bill());
        let reply = match answer {
            Ok(value) => reply(value)?,
            // A reply, or what kept one from coming.
            Err(error) => refused(&ServerError::try_from(error).map_err(|error| failure(&error))?),
        };
        tally.iter().for_each(|tally| self.bill(tally.of(&reply)));
        Ok(reply)
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
                ErrorKind::Unavailable,
                "the server answered in a shape that no command of ours has",
            ));
        }
    })
}

fn refused(error: &ServerError) -> Reply {
    Reply::Refused(refusal(error))
}
