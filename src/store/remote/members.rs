//! Members: ranks of a sorted set, whose scores are the ends of the members.

use bytes::Bytes;

use super::{Command, RemoteStore, Wire, command::Effect, reply::unexpected};
use crate::store::{Cursor, Identifier, Key, Members, Result};

const PAGE: u64 = 100;

impl<W: Wire> RemoteStore<W> {
    /// ZRANGE, by rank: one command. By score it could leave out who has ended, but would have to ask for the time.
    pub(super) async fn list_members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        index.validate_index()?;
        // One more than a page tells whether there is another. No index is as long as where a foreign cursor may point.
        let first = cursor.as_u64().min(u64::from(u32::MAX));
        let command = Command::new("ZRANGE", Effect::Read)
            .word(index.to_text())
            .number(first)
            .number(first + PAGE);
        let mut members = self.send(command).await?.array()?;
        let next = (members.len() as u64 > PAGE).then(|| Cursor::from_u64(first + PAGE));
        members.truncate(PAGE as usize);
        let identifiers = members.into_iter().filter_map(|member| {
            let member = member.text().and_then(|text| text.ok_or_else(unexpected));
            // What none of us has written is nobody's member.
            member.map(|member| identifier(&member)).transpose()
        });
        Ok(Members::new(identifiers.collect::<Result<_>>()?, next))
    }
}

pub(super) fn identifier(text: &Bytes) -> Option<Identifier> {
    std::str::from_utf8(text)
        .ok()
        .and_then(Identifier::from_text)
}
