//! What carries commands to a server.

use super::{Command, Reply};
use crate::store::{Limits, Result};

/// A way to a Redis server.
pub(crate) trait Wire: Send + Sync + 'static {
    /// Whether words may be any bytes, or UTF-8 only.
    const BINARY: bool;

    /// Whether to send scripts with the flag that makes Upstash lock their keys only, as long as the server takes it.
    const LOCKS_KEYS: bool;

    /// Returns whether the value of a plain `SET key value PX ms` of that size may be any bytes. Default:
    /// [`BINARY`](Self::BINARY).
    fn carries_raw(key: usize, value: usize) -> bool {
        let _ = (key, value);
        Self::BINARY
    }

    /// Sends a command: one trip, shared with whatever leaves at the same time.
    ///
    /// `Err`: it may have run or not; never sent twice. A server that refuses answers [`Reply::Refused`]. Bills
    /// [what it costs](Command::bill), and with the reply [what it has cost beyond](Command::take_tally).
    ///
    /// # Cancellation
    /// Dropping the future leaves the command unsent, or sent and run as a whole.
    fn send(&self, command: Command) -> impl Future<Output = Result<Reply>> + Send;

    /// Returns the size of what the server takes.
    fn limits(&self) -> Limits;
}
