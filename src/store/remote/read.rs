//! Reads: GET for one key, MGET for several. One command either way; two where a script asks.

use bytes::Bytes;

use super::{Command, RemoteStore, Reply, Wire, command::Effect, reply::unexpected, value};
use crate::store::{Entries, Key, Result};

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn read_entries(&self, keys: &[Key]) -> Result<Entries> {
        Key::validate_read(keys)?;
        let name = match keys.len() {
            0 => return Ok(Entries::new()),
            1 => "GET",
            _ => "MGET",
        };
        let words = keys.iter().map(|key| Bytes::from(key.to_text()));
        let reply = self
            .send(Command::new(name, Effect::Read).words(words))
            .await?;
        let replies = if keys.len() == 1 {
            vec![reply]
        } else {
            reply.array()?
        };
        entries(replies, keys)
    }
}

pub(super) fn entries(replies: Vec<Reply>, keys: &[Key]) -> Result<Entries> {
    if replies.len() != keys.len() {
        return Err(unexpected());
    }
    replies
        .into_iter()
        .map(|reply| reply.text()?.map(value::decode).transpose())
        .collect()
}
