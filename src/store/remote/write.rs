//! Writes: one command for one entry without an index, and one script for everything else.
//!
//! | what is written | commands |
//! |---|---|
//! | one entry, see `single.rs` | 1, and 2 where a version conflicts |
//! | the same on a server without native conditions, and a version | 3 (script, MGET, SET or DEL), refused 2 |
//! | n puts and some deletes | 1 + n (script, SETs) + 1 (DEL), and 1 if any has a condition (MGET) |
//! | who joins an index | and 4 or 5 (TIME, ZADD, ZREMRANGEBYSCORE, PEXPIREAT once or twice) |
//! | who joins one of bounded size | and 1 or 2 (ZCOUNT, ZMSCORE where it may be full) |
//! | who joins several indexes at once | and 1 for each that is not bounded (ZCARD) |
//! | who leaves an index | and 1 (ZREM) |

use std::time::Duration;

use bytes::Bytes;

use super::{
    RemoteStore, Reply, Wire,
    command::text,
    reply::unexpected,
    script::{Script, sha1_hex},
    single::carried,
    value,
};
use crate::store::{
    Batch, Change, Condition, Error, ErrorKind, MAX_TTL, Refusal, Result, Version, Write, Written,
};

static WRITE: Script = Script::new(concat!(
    include_str!("counted.lua"),
    include_str!("write.lua")
));

impl<W: Wire> RemoteStore<W> {
    pub(super) async fn write_batch(&self, batch: &Batch) -> Result<Written> {
        batch.validate()?;
        let most = self.wire.limits().max_value;
        if batch.writes().iter().any(|write| size(write) > most) {
            return Err(Error::new(
                ErrorKind::TooLarge,
                "a value beyond the limit of the store",
            ));
        }
        let alone = match batch.writes() {
            [] => return Ok(Written::Done(Vec::new())),
            [write] if write.membership().is_none() => self.write_single(write).await?,
            _ => None,
        };
        match alone {
            Some(written) => Ok(written),
            None => self.write_together(batch.writes()).await,
        }
    }

    async fn write_together(&self, writes: &[Write]) -> Result<Written> {
        let mut keys: Vec<_> = writes
            .iter()
            .map(|write| Bytes::from(write.key().to_text()))
            .collect();
        let (mut indexes, mut arguments) = (Vec::new(), Vec::with_capacity(7 * writes.len()));
        let mut versions = Vec::with_capacity(writes.len());
        for write in writes {
            arguments.push(condition::<W>(write.condition()));
            let (value, ttl) = match write.change() {
                Change::Put { value, ttl } => (value::encode(value, W::BINARY), text(millis(*ttl))),
                Change::Delete => (Bytes::new(), Bytes::new()),
            };
            versions.push((!ttl.is_empty()).then(|| Version::new(value.clone())));
            arguments.extend([ttl, value]);
            arguments.extend(membership(write, &mut indexes));
        }
        keys.extend(indexes);
        let mut refusal = self.run_counted(&WRITE, &keys, &arguments).await?;
        let Some(at) = refusal.next() else {
            return Ok(Written::Done(versions));
        };
        let at = usize::try_from(at.integer()?).map_err(|_| unexpected())?;
        let mut word = || refusal.next().unwrap_or(Reply::Nil).text();
        let why = match &word()?.unwrap_or_default()[..] {
            b"gone" => Refusal::Gone,
            b"exists" => Refusal::Exists,
            b"full" => Refusal::IndexFull,
            b"conflict" => Refusal::Conflict(value::decode(word()?.unwrap_or_default())?),
            _ => return Err(unexpected()),
        };
        Ok(Written::Refused { at, why })
    }
}

/// Returns the four words about an index, which is added to those seen so far.
fn membership(write: &Write, indexes: &mut Vec<Bytes>) -> [Bytes; 4] {
    let Some(membership) = write.membership() else {
        return [text(0), Bytes::new(), Bytes::new(), Bytes::new()];
    };
    let index = Bytes::from(membership.index().to_text());
    let place = indexes.iter().position(|each| *each == index);
    let place = place.unwrap_or_else(|| {
        indexes.push(index);
        indexes.len() - 1
    });
    [
        text(place + 1),
        write.key().identifier().to_text().into(),
        membership.at_most().map(text).unwrap_or_default(),
        match write.change() {
            Change::Put { ttl, .. } => text(millis(membership.lasts(*ttl))),
            Change::Delete => Bytes::new(),
        },
    ]
}

fn condition<W: Wire>(condition: &Condition) -> Bytes {
    match condition {
        Condition::Unchanged(version) if !carried::<W>(version) => {
            [b"#", &sha1_hex(version.as_bytes())[..]].concat().into()
        }
        Condition::Always => Bytes::new(),
        Condition::Absent => Bytes::from_static(b"a"),
        Condition::Present => Bytes::from_static(b"p"),
        Condition::Unchanged(version) => [b"=", &version.as_bytes()[..]].concat().into(),
    }
}

fn size(write: &Write) -> usize {
    match write.change() {
        Change::Put { value, .. } => value.len(),
        Change::Delete => 0,
    }
}

/// Returns a time to live as servers take it: rounded up to a millisecond, and cut to [`MAX_TTL`].
pub(super) fn millis(ttl: Duration) -> u64 {
    ttl.min(MAX_TTL).as_nanos().div_ceil(1_000_000) as u64
}
