//! Reads and increments.

use std::time::Duration;

use smallvec::SmallVec;

use super::{
    budget::Class,
    record::{Record, Value},
    store::{Full, Inner, Shards, end},
    table::Digest,
};
use crate::store::{Cursor, Entries, Error, Key, Members, Result};

impl Inner {
    pub(super) fn read(&self, keys: &[Key], entries: &mut Entries) -> Result<()> {
        Key::validate_read(keys)?;
        let now = self.now().as_micros();
        if let [key] = keys {
            let digest = key.digest();
            entries.push(self.shard(digest).records.read(key, digest, now)?);
            return Ok(());
        }
        let digests: SmallVec<[Digest; 4]> = keys.iter().map(Key::digest).collect();
        let mut shards = self.shards(&digests);
        for (key, digest) in keys.iter().zip(digests) {
            entries.push(shards.of(digest).records.read(key, digest, now)?);
        }
        Ok(())
    }

    pub(super) fn increment(&self, key: &Key, by: i64, ttl: Duration) -> Result<i64> {
        key.validate_increment(ttl)?;
        let now = self.now().as_micros();
        let digest = key.digest();
        self.with_room(now, || {
            self.add(
                key,
                digest,
                by,
                (now, end(now, ttl)),
                &mut self.shards(&[digest]),
            )
        })
    }

    fn add(
        &self,
        key: &Key,
        digest: Digest,
        by: i64,
        (now, end): (u64, u64),
        shards: &mut Shards<'_>,
    ) -> Result<Result<i64>, Full> {
        let kind = key.scope().kind();
        let class = Class::of(kind);
        let (account, records) = (self.account(class), &mut shards.of(digest).records);
        if let Some(record) = records.live_mut(class, digest, now) {
            let sum = record.number().and_then(|number| {
                number
                    .checked_add(by)
                    .ok_or(Error::invalid("the counter would overflow"))
            });
            if let Ok(sum) = sum {
                let before = record.size();
                record.value = Value::Counter(sum);
                account.release(before - record.size());
            }
            return Ok(sum);
        }
        records.sweep(class, account, now, 2);
        let fresh = Record {
            value: Value::Counter(by),
            expires: end,
            used: now,
        };
        if !account.reserve(fresh.size()) {
            return Err(Full {
                class,
                kind,
                bytes: fresh.size(),
            });
        }
        if let Some(expired) = records.of_mut(class).insert(digest, fresh) {
            account.release(expired.size());
        }
        Ok(Ok(by))
    }

    pub(super) fn members(&self, index: &Key, cursor: Cursor) -> Result<Members> {
        index.validate_index()?;
        let now = self.now().as_micros();
        let digest = index.digest();
        let mut shards = self.shards(&[digest]);
        let record = shards.of(digest).records.live(Class::Sessions, digest, now);
        Ok(record
            .and_then(Record::index)
            .map(|index| index.page(cursor, now))
            .unwrap_or_default())
    }
}
