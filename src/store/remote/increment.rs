//! Counters: INCRBY and, for a new one, PEXPIRE, in one script. Billed two commands, and three the first time.

use std::time::Duration;

use bytes::Bytes;

use super::{Bill, RemoteStore, Wire, command::text, script::Script, write::millis};
use crate::store::{ErrorKind, Key, Result};

static INCREMENT: Script = Script::new(include_str!("increment.lua"));

/// From here on a double does not hold every integer.
const INEXACT: u64 = 1 << 53;

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn increment_counter(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        key.validate_increment(ttl)?;
        let (keys, arguments) = ([Bytes::from(key.to_text())], [text(by), text(millis(ttl))]);
        let sum = self.run(&INCREMENT, &keys, &arguments).await?.integer();
        let sum = sum.inspect_err(|error| {
            // What INCRBY does not add to, it was asked to.
            if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Invalid) {
                self.wire.bill(Bill::new(0, 1));
            }
        })?;
        // The GET of a large number, the INCRBY, and the PEXPIRE.
        let reads = u64::from(sum.unsigned_abs() >= INEXACT);
        self.wire.bill(Bill::new(reads, 1 + u64::from(sum == by)));
        Ok(sum)
    }
}
