//! To be written.

use super::{RemoteStore, Wire};
use crate::store::{Position, Purge, Purges, Result, Scope};

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn purge_log(&self, log: &Scope, what: Purge<'_>) -> Result<Position> {
        todo!()
    }

    pub(super) async fn read_log(&self, log: &Scope, since: Option<Position>) -> Result<Purges> {
        todo!()
    }
}
