//! `/subscribe`, `/psubscribe` and `/monitor`: what Redis pushes, as server-sent events.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body::Frame;
use redis::Value;

use crate::{
    connection::{Connection, Target, Wire},
    monitor,
};

/// Sends the command on a connection of its own, which ends with the stream.
pub(crate) async fn open(
    target: &Target,
    command: Wire,
) -> io::Result<impl Stream<Item = io::Result<Frame<Bytes>>> + Send + use<>> {
    let mut connection = Connection::open(target).await?;
    connection.send(&[command]).await?;
    Ok(stream::unfold(connection, async |mut connection| {
        loop {
            let line = line(&connection.receive().await.ok()?)?;
            if !monitor::is_mark(&line) {
                let event = Bytes::from(format!("data: {line}\n\n"));
                return Some((Ok(Frame::data(event)), connection));
            }
        }
    }))
}

fn line(value: &Value) -> Option<String> {
    match value {
        Value::Okay => Some("\"OK\"".to_owned()),
        Value::SimpleString(line) => Some(line.clone()),
        Value::Array(parts) => Some(parts.iter().map(part).collect::<Vec<_>>().join(",")),
        _ => None,
    }
}

fn part(value: &Value) -> String {
    match value {
        Value::Int(number) => number.to_string(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    }
}
