//! What a request does to the data of its session, to be done again where others have written meanwhile.

use std::sync::Arc;

use bytes::Bytes;

use super::{data::Data, error::Result};

/// Makes a value of the old one; `None` is no value.
pub(super) type Update = dyn Fn(Option<&[u8]>) -> Result<Option<Bytes>> + Send + Sync;

/// One thing that is done to the data.
#[derive(Clone)]
pub(super) enum Operation {
    Set { key: Box<str>, value: Bytes },
    Remove { key: Box<str> },
    Update { key: Box<str>, update: Arc<Update> },
    Clear,
}

/// What is done, in order.
#[derive(Clone, Default)]
pub(super) struct Log(Vec<Operation>);

/// What a log alone tells about a key.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It has this value, whatever was stored.
    Value(Bytes),
    /// It has none, whatever was stored.
    Absent,
    /// It depends on what was stored.
    Nothing,
}

impl Log {
    pub(super) fn push(&mut self, operation: Operation) {
        self.0.push(operation);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does all of it.
    pub(super) fn apply(&self, data: &mut Data) -> Result<()> {
        let _ = data;
        unimplemented!()
    }

    pub(super) fn tells(&self, key: &str) -> Told {
        let _ = key;
        unimplemented!()
    }
}
