//! To be written.

use std::time::Duration;

use super::{RemoteStore, Wire};
use crate::store::{Batch, Claim, Cursor, Decisions, Key, Members, Result, Written};

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn write_batch(&self, batch: &Batch) -> Result<Written> {
        todo!()
    }
}
