//! To be written.

use std::time::Duration;

use super::{RemoteStore, Wire};
use crate::store::{Batch, Claim, Cursor, Decisions, Key, Members, Result, Written};

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn list_members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        todo!()
    }
}
