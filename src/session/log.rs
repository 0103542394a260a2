//! What a request does to the data of its session, to be done again where others have written meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::{data::Data, error::Result};

/// Makes a value of the old one; `None` is no value.
pub(super) type Update = dyn Fn(Option<&[u8]>) -> Result<Option<Bytes>> + Send + Sync;

/// One thing that is done to the data.
#[derive(Clone)]
pub(super) enum Operation {
    Set {
        key: Arc<str>,
        value: Bytes,
    },
    Remove {
        key: Arc<str>,
    },
    Update {
        key: Arc<str>,
        update: Arc<Update>,
    },
    /// Takes away whatever is there, also what others have set meanwhile. What comes later stays.
    Clear,
}

/// What is done, in order. Of what a later operation makes void, nothing is kept.
#[derive(Clone, Default)]
pub(super) struct Log(SmallVec<[Operation; 1]>);

/// What a log alone tells about a key.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// It has this value, whatever was stored.
    Value(Bytes),
    /// It has none, whatever was stored.
    Absent,
    /// It depends on what was stored, or on what an update makes of it.
    Nothing,
}

impl Operation {
    /// Does it.
    ///
    /// # Errors
    /// That of an update; `data` are as they were.
    pub(super) fn apply(&self, data: &mut Data) -> Result<()> {
        match self {
            Self::Set { key, value } => data.set(Arc::clone(key), value.clone()),
            Self::Remove { key } => data.remove(key),
            Self::Update { key, update } => match update(data.get(key).as_deref())? {
                Some(value) => data.set(Arc::clone(key), value),
                None => data.remove(key),
            },
            Self::Clear => data.clear(),
        }
        Ok(())
    }

    fn key(&self) -> Option<&str> {
        match self {
            Self::Set { key, .. } | Self::Remove { key } | Self::Update { key, .. } => Some(key),
            Self::Clear => None,
        }
    }
}

impl Log {
    /// Appends an operation. A handler that sets the same key a thousand times leaves one.
    pub(super) fn push(&mut self, operation: Operation) {
        match &operation {
            Operation::Set { key, .. } | Operation::Remove { key } => {
                self.0.retain(|earlier| earlier.key() != Some(key));
            }
            Operation::Clear => self.0.clear(),
            Operation::Update { .. } => {}
        }
        self.0.push(operation);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Does all of it, in order.
    ///
    /// # Errors
    /// The first one of an update; what came before it is done then, and `data` are of no use any more.
    pub(super) fn apply(&self, data: &mut Data) -> Result<()> {
        self.0
            .iter()
            .try_for_each(|operation| operation.apply(data))
    }

    /// Tells what it can about a key without what is stored. No update is run for it.
    pub(super) fn tells(&self, key: &str) -> Told {
        let concerns = |operation: &&Operation| operation.key().is_none_or(|own| own == key);
        match self.0.iter().rev().find(concerns) {
            Some(Operation::Set { value, .. }) => Told::Value(value.clone()),
            Some(Operation::Remove { .. } | Operation::Clear) => Told::Absent,
            Some(Operation::Update { .. }) | None => Told::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
