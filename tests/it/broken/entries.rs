//! Faults of reads, listings and counters.

use std::time::Duration;

use bytes::Bytes;
use tower_upstash::store::{
    Cursor, Entries, Entry, Error, ErrorKind, Identifier, Key, Kind, Members, Result, Store,
    Version, Write,
};

use super::store::moved;
use super::{Broken, Fault};

impl Broken {
    pub(super) async fn faulty_read(&self, keys: &[Key]) -> Result<Entries> {
        match self.fault {
            Fault::TakesAnyKind if keys.iter().any(|key| self.takes_anyway(key)) => {
                Ok(keys.iter().map(|_| None).collect())
            }
            Fault::KnowsNoMost if keys.len() > 16 => {
                let parts = keys.split_at(16);
                let (first, rest) = (self.inner.read(parts.0), self.inner.read(parts.1));
                Ok(first.await?.into_iter().chain(rest.await?).collect())
            }
            _ => {
                let entries = self.inner.read(keys).await?;
                Ok(self.changed(keys, entries))
            }
        }
    }

    fn changed(&self, keys: &[Key], entries: Entries) -> Entries {
        let entries = keys.iter().zip(entries);
        match self.fault {
            Fault::AnswersInReverse => {
                let mut entries: Vec<_> = entries.map(|(_, entry)| entry).collect();
                entries.reverse();
                entries.into_iter().collect()
            }
            Fault::DeletesLate => entries
                .map(|(key, entry)| entry.filter(|_| !self.has_ended(key)))
                .collect(),
            _ => entries
                .map(|(key, entry)| entry.map(|entry| self.changed_entry(key, entry)))
                .collect(),
        }
    }

    fn changed_entry(&self, key: &Key, entry: Entry) -> Entry {
        match self.fault {
            Fault::NumbersVersions => {
                self.notes().reads += 1;
                let number = self.notes().reads.to_string();
                Entry::with_version(entry.into_value(), Version::new(number.into()))
            }
            Fault::KeepsCountersInBinary if key.scope().kind() == Kind::Counter => {
                let number = number(&entry).unwrap_or_default();
                let binary = Bytes::copy_from_slice(&number.to_be_bytes());
                Entry::with_version(binary, entry.version())
            }
            _ => entry,
        }
    }

    pub(super) fn has_ended(&self, key: &Key) -> bool {
        let end = self.notes().ends.get(&key.to_text()).copied();
        end.is_some_and(|end| end <= self.now())
    }

    pub(super) async fn faulty_members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        if self.fault == Fault::ListsAnything && index.scope().kind() != Kind::Index {
            return Ok(Members::default());
        }
        let mut members = self.inner.members(index, cursor).await?;
        match self.fault {
            Fault::FailsOnUnknownIndexes if members.identifiers.is_empty() => {
                return Err(Error::new(ErrorKind::Corrupt, "no such index"));
            }
            Fault::ListsOnePage => members.next = None,
            Fault::ListsInReverse => members.identifiers.reverse(),
            Fault::ListsTheDead | Fault::PutsTakeOutOfIndexes => {
                members.identifiers = self.joined(index);
            }
            Fault::EndsAnIndexWithTheLastJoin if self.has_ended(index) => {
                members = Members::default();
            }
            _ => {}
        }
        Ok(members)
    }

    /// Returns who joined an index and has not left, dead or alive.
    pub(super) fn joined(&self, index: &Key) -> Vec<Identifier> {
        let joined = self.notes().joined.get(&index.to_text()).cloned();
        joined.unwrap_or_default()
    }

    pub(super) async fn faulty_increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        let fresh = match self.fault {
            _ if self.takes_anyway(key) => return Ok(by),
            Fault::KeepsCountersApart => {
                return self.inner.increment(&moved(key, "counters"), by, ttl).await;
            }
            Fault::TakesZeroAsForever if ttl.is_zero() => Duration::MAX,
            Fault::WorksInSteps => {
                self.inner.increment(key, by / 2, ttl).await?;
                tokio::task::yield_now().await;
                return self.inner.increment(key, by - by / 2, ttl).await;
            }
            _ => ttl,
        };
        let Some(entry) = self
            .inner
            .read(std::slice::from_ref(key))
            .await?
            .into_first()
        else {
            if self.fault == Fault::StartsCountersAtOne {
                self.inner.increment(key, 1, fresh).await?;
            }
            if self.fault != Fault::ChecksThenWrites {
                return self.inner.increment(key, by, fresh).await;
            }
            tokio::task::yield_now().await;
            return self.set(key, by, ttl).await;
        };
        match (self.fault, number(&entry)) {
            (Fault::ResetsWhatIsNoNumber, None) => self.set(key, by, ttl).await,
            (Fault::WrapsCounters, Some(number)) => {
                self.set(key, number.wrapping_add(by), ttl).await
            }
            (Fault::ProlongsCounters, Some(number)) => self.set(key, number + by, ttl).await,
            _ => self.inner.increment(key, by, fresh).await,
        }
    }

    async fn set(&self, key: &Key, number: i64, ttl: Duration) -> Result<i64> {
        let put = Write::put(key.clone(), number.to_string(), ttl);
        let written = self.inner.write(&put.into()).await?;
        assert!(written.is_done());
        Ok(number)
    }
}

fn number(entry: &Entry) -> Option<i64> {
    std::str::from_utf8(entry.value()).ok()?.parse().ok()
}
