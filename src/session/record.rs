//! A session as it is stored: a line that can be read in `redis-cli`, whose it is, and its data.
//!
//! ```text
//! 1p 7 3q2-7wABAgMEBQYHCAkKCw 1700000000000000 - 1700000060000000 - - 5 18
//! alice1:n1:74:seen4:true
//! ```
//! The version; how the rest is kept: `p` as it is, `z` with the data in LZ4, `s` sealed, `x` sealed with the data in LZ4; how
//! often it was written; its name; when it was created, authenticated and touched; its own lifetime, as
//! `idle,absolute,touch_every,` and `p` if it is persistent, else `s`; until when it is in the index of its subject; the lengths of the subject and of the data. `-` stands
//! for what there is not. Times are microseconds.
//!
//! There is one spelling of everything, and all of it is UTF-8 unless the data are in LZ4 or sealed, so that stores over HTTP
//! have nothing to encode. What is sealed is bound to the line and to its place: neither subject nor data are readable, and
//! nothing can be changed, swapped or put elsewhere. Readers accept version 1; once there is a next one, both.

mod compression;
mod head;

use std::fmt;

use bytes::Bytes;

use self::head::{Head, Kept};
use super::{
    data::Data,
    error::{Result, SessionError, SessionErrorKind},
    id::SessionId,
    keyring::Keyring,
    lifetime::{Lifetime, Times},
};
use crate::time::Timestamp;

/// A session at rest.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// Counts its writes, so that no two have the same bytes.
    pub(super) writes: u64,
    pub(super) id: SessionId,
    pub(super) times: Times,
    /// Its own; else it is that of the layer.
    pub(super) lifetime: Option<Lifetime>,
    /// Until when it is in the index of its subject.
    pub(super) indexed: Option<Timestamp>,
    pub(super) subject: Option<Box<str>>,
    pub(super) data: Data,
}

/// What the bytes at rest are bound to, and what they are sealed with.
#[derive(Clone, Copy)]
pub(super) struct Seal<'a> {
    pub(super) keyring: Option<&'a Keyring>,
    /// What only this session has: its key, as text.
    pub(super) place: &'a str,
}

/// More than the longest line takes.
const LINE: usize = 256;

impl Record {
    /// Returns what is stored. The size of the data is not checked: that is to be done before.
    ///
    /// # Errors
    /// Those of [`Keyring::seal`].
    pub(super) fn encode(&self, seal: Seal<'_>) -> Result<Bytes> {
        let packed = compression::pack(&self.data);
        let kept = Kept {
            compressed: packed.is_some(),
            sealed: seal.keyring.is_some(),
        };
        let rest = self.subject_bytes().len()
            + packed
                .as_ref()
                .map_or_else(|| self.data.size(), |packed| packed.len());
        let mut out = Vec::with_capacity(LINE + rest);
        Head::of(self, kept).write(&mut out);
        let Some(keyring) = seal.keyring else {
            self.write_rest(packed.as_deref(), &mut out);
            return Ok(out.into());
        };
        let mut plain = Vec::with_capacity(rest);
        self.write_rest(packed.as_deref(), &mut plain);
        let sealed = keyring.seal(&plain, &bound_to(seal.place, &out))?;
        out.extend_from_slice(&sealed);
        Ok(out.into())
    }

    /// Reads what [`encode`](Self::encode) wrote; the data are slices of it.
    ///
    /// # Errors
    /// `Corrupt`: these are no bytes of ours, or of a version that is not known, or somebody has changed them; they are sealed
    /// where nothing should be, or the other way round; or the data are larger than `max` bytes.
    #[inline]
    pub(super) fn decode(bytes: &Bytes, seal: Seal<'_>, max: usize) -> Result<Self> {
        if bytes.first() != Some(&head::VERSION) {
            return Err(corrupt("the session is of a version that is not known"));
        }
        let damaged = || corrupt("the session is damaged");
        let (head, start) = Head::read(bytes).ok_or_else(damaged)?;
        if head.size > max {
            return Err(corrupt("the session is larger than sessions may be"));
        }
        let opened = open(bytes, start, head.kept, seal)?;
        let (bytes, start) = opened.as_ref().map_or((bytes, start), |opened| (opened, 0));
        head.into_record(bytes, start).ok_or_else(damaged)
    }

    fn subject_bytes(&self) -> &[u8] {
        self.subject.as_deref().unwrap_or_default().as_bytes()
    }

    fn write_rest(&self, packed: Option<&[u8]>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.subject_bytes());
        match packed {
            Some(packed) => out.extend_from_slice(packed),
            None => self.data.encode(out),
        }
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// Returns what comes after the line, if it was sealed.
fn open(bytes: &Bytes, start: usize, kept: Kept, seal: Seal<'_>) -> Result<Option<Bytes>> {
    match (seal.keyring, kept.sealed) {
        (None, false) => Ok(None),
        (None, true) => Err(corrupt("the session is sealed, and there is no keyring")),
        (Some(keyring), false) if keyring.accepts_plain() => Ok(None),
        (Some(_), false) => Err(corrupt("the session is not sealed")),
        (Some(keyring), true) => {
            let (line, sealed) = bytes.split_at_checked(start).unwrap_or((bytes, &[]));
            let opened = keyring.open(sealed, &bound_to(seal.place, line));
            let opened = opened.ok_or_else(|| {
                corrupt("the session was sealed with another key or for another place, or changed")
            })?;
            Ok(Some(opened.into()))
        }
    }
}

/// Returns what sealed bytes are bound to: where they lie, and all that is said in front of them.
fn bound_to<'a>(place: &'a str, line: &'a [u8]) -> [&'a [u8]; 2] {
    [place.as_bytes(), line]
}

fn corrupt(message: &'static str) -> SessionError {
    SessionError::new(SessionErrorKind::Corrupt, message)
}

#[cfg(test)]
mod tests;
