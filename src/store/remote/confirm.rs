//! Reads on the primary of a global database, which decides who a replica that lags has not heard of.
//!
//! A read goes to the replica that is closest. A script goes to the primary, since it may write; this one does not. Billed
//! two commands: EVALSHA and MGET.

use bytes::Bytes;

use super::{Bill, RemoteStore, Wire, bill::Tally, read::entries, script::Script};
use crate::store::{Entries, Key, Result};

static READ: Script = Script::new("return redis.call('MGET', unpack(KEYS))\n").reading();

impl<W: Wire> RemoteStore<W> {
    /// Reads as [`read`](crate::store::Store::read) does, on the primary.
    pub(crate) async fn read_on_primary(&self, keys: &[Key]) -> Result<Entries> {
        Key::validate_read(keys)?;
        let words: Vec<_> = keys.iter().map(|key| Bytes::from(key.to_text())).collect();
        let tally = Tally::new(|reply| Bill::new(1, 0).unless_refused(reply));
        let reply = self.run(&READ, &words, &[], &tally).await?;
        entries(reply.array()?, keys)
    }
}
