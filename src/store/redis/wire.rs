//! The wire over TCP: one multiplexed connection that reconnects by itself.

use std::time::Duration;

use redis::{
    Client, Cmd, RedisError, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use crate::store::{
    Error, ErrorKind, Limits, Result,
    remote::{Bill, Command, Reply, ServerError, Wire},
};

pub(super) struct Tcp {
    manager: ConnectionManager,
}

impl Tcp {
    pub(super) fn open(url: &str) -> Result<Self> {
        let client = Client::open(url).map_err(|_| Error::invalid("a malformed Redis URL"))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(Duration::from_millis(50)));
        let manager = ConnectionManager::new_lazy_with_config(client, config)
            .map_err(|error| failure(&error))?;
        Ok(Self { manager })
    }
}

impl Wire for Tcp {
    const BINARY: bool = true;
    const LOCKS_KEYS: bool = false;

    async fn send(&self, command: Command) -> Result<Reply> {
        let mut packed = Cmd::new();
        packed.arg(command.name());
        for word in command.arguments() {
            packed.arg(&word[..]);
        }
        match self.manager.clone().send_packed_command(&packed).await {
            Ok(value) => reply(value),
            Err(error) => match error.code() {
                Some(code) => Ok(Reply::Refused(ServerError::new(format!(
                    "{code} {}",
                    error.detail().unwrap_or_default()
                )))),
                None => Err(failure(&error)),
            },
        }
    }

    fn bill(&self, _bill: Bill) {}

    fn limits(&self) -> Limits {
        Limits::new(8 << 20)
    }
}

fn reply(value: Value) -> Result<Reply> {
    Ok(match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::BulkString(bytes) => Reply::Text(bytes.into()),
        Value::SimpleString(text) => Reply::Text(text.into()),
        Value::Okay => Reply::Text("OK".into()),
        Value::Array(items) => Reply::Array(items.into_iter().map(reply).collect::<Result<_>>()?),
        Value::ServerError(error) => Reply::Refused(ServerError::new(format!(
            "{} {}",
            error.code(),
            error.details().unwrap_or_default()
        ))),
        _ => {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the server answered in a shape that RESP2 does not have",
            ));
        }
    })
}

fn failure(error: &RedisError) -> Error {
    let _ = error;
    if error.is_timeout() {
        Error::new(ErrorKind::Timeout, "no answer within the time limit")
    } else {
        Error::new(ErrorKind::Unavailable, "the connection failed")
    }
}
