//! An entry of the memory store that is not the state of a limit.

use bytes::Bytes;

use super::index::Index;
use crate::{
    quota::Expire,
    store::{Entry, Error, ErrorKind, Result},
};

pub(super) struct Record {
    pub(super) value: Value,
    pub(super) expires: u64,
    /// When it was last read or written: what the cache evicts by.
    pub(super) used: u64,
}

pub(super) enum Value {
    Bytes(Bytes),
    Counter(i64),
    Index(Index),
}

impl Record {
    /// A slot, its place in the table, and the allocator's share.
    const OVERHEAD: u64 = 96;

    /// Returns the bytes of a record with a value of this size.
    pub(super) const fn size_with(value: usize) -> u64 {
        Self::OVERHEAD + value as u64
    }

    pub(super) fn size(&self) -> u64 {
        match &self.value {
            Value::Bytes(bytes) => Self::size_with(bytes.len()),
            Value::Counter(_) => Self::OVERHEAD,
            Value::Index(index) => index.size(),
        }
    }

    /// Returns the entry, and remembers that it was used.
    pub(super) fn read(&mut self, now: u64) -> Result<Entry> {
        self.used = now;
        self.entry()
    }

    pub(super) fn entry(&self) -> Result<Entry> {
        let bytes = match &self.value {
            Value::Bytes(bytes) => bytes.clone(),
            Value::Counter(number) => number.to_string().into(),
            Value::Index(_) => {
                return Err(Error::new(ErrorKind::Corrupt, "the key holds an index"));
            }
        };
        Ok(Entry::new(bytes))
    }

    pub(super) const fn index(&self) -> Option<&Index> {
        match &self.value {
            Value::Index(index) => Some(index),
            Value::Bytes(_) | Value::Counter(_) => None,
        }
    }

    /// Changes an index, which lives as long as its last member.
    pub(super) fn change_index(&mut self, change: impl FnOnce(&mut Index)) {
        if let Value::Index(index) = &mut self.value {
            change(index);
            self.expires = index.end();
        }
    }

    /// Returns the number a counter is at, which may have been put as text.
    pub(super) fn number(&self) -> Result<i64> {
        let text = match &self.value {
            Value::Counter(number) => return Ok(*number),
            // As Redis: no sign or zeros that a number written out would not have.
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            Value::Index(_) => None,
        };
        text.and_then(|text| {
            text.parse()
                .ok()
                .filter(|number: &i64| number.to_string() == text)
        })
        .ok_or(Error::new(ErrorKind::Corrupt, "the entry is not a counter"))
    }
}

impl Expire for Record {
    fn expires(&self) -> u64 {
        self.expires
    }
}
