//! To be written.

use std::time::Duration;

use super::{RemoteStore, Wire};
use crate::store::{Batch, Claim, Cursor, Decisions, Key, Members, Result, Written};

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn increment_counter(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        todo!()
    }
}
