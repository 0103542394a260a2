//! Counters: INCRBY and, for a new one, PEXPIRE, in one script. Billed two commands, and three the first time.

use std::time::Duration;

use bytes::Bytes;

use super::{
    Bill, RemoteStore, Reply, Wire, bill::Tally, command::text, script::Script, write::millis,
};
use crate::store::{ErrorKind, Key, Result};

static INCREMENT: Script = Script::new(include_str!("increment.lua"));

/// From here on a double does not hold every integer.
const INEXACT: u64 = 1 << 53;

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn increment_counter(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        key.validate_increment(ttl)?;
        let (keys, arguments) = ([Bytes::from(key.to_text())], [text(by), text(millis(ttl))]);
        let tally = Tally::new(move |reply| cost(reply, by));
        let reply = self.run(&INCREMENT, &keys, &arguments, &tally).await?;
        reply.integer()
    }
}

/// The INCRBY, the GET of a large number, and the PEXPIRE.
fn cost(reply: &Reply, by: i64) -> Bill {
    if let Reply::Refused(refusal) = reply {
        // What INCRBY does not add to, it was asked to.
        let asked = matches!(refusal.kind().0, ErrorKind::Corrupt | ErrorKind::Invalid);
        return Bill::new(0, u64::from(asked));
    }
    let sum = reply.number().unwrap_or_default();
    let reads = u64::from(sum.unsigned_abs() >= INEXACT);
    Bill::new(reads, 1 + u64::from(sum == by))
}
