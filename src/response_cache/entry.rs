//! What lies in the store for a key: a base entry, and variants that have entries of their own.
//!
//! The base holds the newest variant inline, so that a hit is one entry, and lists the others. Every change goes through
//! the base on condition that it is as it was read: it is the one place where fills and purges of a key meet.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::{
    compression,
    digest::Digest,
    stored::{Stored, StoredHead, Varied},
};
use crate::{
    store::{Error, ErrorKind, Result},
    time::Timestamp,
};

/// The life of a key between two purges, a random number. A variant with another one than the base's is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation([u8; 16]);

impl Generation {
    /// Draws a generation.
    ///
    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where the system has no random numbers.
    pub(super) fn random() -> Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            Error::new(ErrorKind::Unavailable, "no random numbers").with_source(error)
        })?;
        Ok(Self(random))
    }

    pub(super) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation").finish_non_exhaustive()
    }
}

/// The entry of a key.
#[derive(Clone, Debug)]
pub(super) struct Base {
    pub(super) generation: Generation,
    /// How many soft purges there were: a fill that began before one of them has lost, as the base tells it.
    pub(super) soft_purges: u32,
    /// `None`: a tombstone, which a purge has left so that fills under way find something else than they looked up.
    pub(super) newest: Option<Inline>,
    /// The other variants, those received last first.
    pub(super) others: Vec<VariantRef>,
}

impl Base {
    /// Returns the entity tags of all variants, for one conditional request (RFC 9111, section 4.3.1).
    #[cfg(test)]
    pub(super) fn etags(&self) -> impl Iterator<Item = &HeaderValue> {
        let newest = self.newest.as_ref();
        let newest = newest.and_then(|newest| newest.packed.etag());
        let others = self.others.iter().filter_map(|other| other.etag.as_ref());
        newest.into_iter().chain(others)
    }

    /// Returns the variant that answers a request, the newest first (RFC 9111, section 4.1). `matches` is asked for the
    /// names of `Vary` and the digest of what the stored request had there.
    pub(super) fn select(&self, matches: impl Fn(&[HeaderName], &Digest) -> bool) -> Selected<'_> {
        let matches = |varied: &Varied| matches(&varied.names, &varied.values);
        match &self.newest {
            Some(newest) if matches(&newest.packed.head.vary) => Selected::Inline(newest),
            _ => {
                let mut others = self.others.iter();
                let other = others.find(|other| matches(&other.varied));
                other.map_or(Selected::None, Selected::Other)
            }
        }
    }
}

/// Which variant answers a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selected<'a> {
    /// It is in the base.
    Inline(&'a Inline),
    /// It is in the entry under its [`variant_identifier`](super::key::CacheKey::variant_identifier).
    Other(&'a VariantRef),
    None,
}

/// A variant in the base entry.
#[derive(Clone, Debug)]
pub(super) struct Inline {
    pub(super) packed: Packed,
    /// When it is of no use any more, not even for validation.
    pub(super) until: Timestamp,
    /// Whether it was purged softly: it is stale since, whatever its head says.
    pub(super) is_stale: bool,
}

/// A variant with an entry of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VariantRef {
    pub(super) varied: Varied,
    pub(super) etag: Option<HeaderValue>,
    pub(super) received: Timestamp,
    pub(super) until: Timestamp,
    pub(super) is_stale: bool,
}

impl VariantRef {
    pub(super) fn of(head: &StoredHead, until: Timestamp, is_stale: bool) -> Self {
        Self {
            varied: head.vary.clone(),
            etag: head.headers.get(http::header::ETAG).cloned(),
            received: head.freshness.received,
            until,
            is_stale,
        }
    }
}

/// A stored response as it lies in the store: its body may be compressed.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    pub(super) head: StoredHead,
    pub(super) body: Bytes,
    /// The length of the body that is compressed.
    pub(super) whole: Option<usize>,
}

impl Packed {
    /// Returns the response. `None` if the body is damaged or longer than `max` bytes.
    pub(super) fn unpack(self, max: usize) -> Option<Stored> {
        let body = match self.whole {
            None => self.body,
            Some(whole) => compression::expand(&self.body, whole, max)?,
        };
        let head = self.head;
        (body.len() <= max).then_some(Stored { head, body })
    }

    /// Returns whether it [unpacks](Self::unpack).
    pub(super) fn is_sound(&self, max: usize) -> bool {
        match self.whole {
            None => self.body.len() <= max,
            Some(whole) => compression::expand(&self.body, whole, max).is_some(),
        }
    }

    /// Returns the length of the body.
    pub(super) fn len(&self) -> u64 {
        self.whole.unwrap_or(self.body.len()) as u64
    }

    #[cfg(test)]
    pub(super) fn etag(&self) -> Option<&HeaderValue> {
        self.head.headers.get(http::header::ETAG)
    }
}

/// A response on its way into the store, with its body in the pieces it came in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) head: &'a StoredHead,
    pub(super) body: &'a [Bytes],
    /// The length of the body where `body` is what it was compressed to.
    pub(super) whole: Option<usize>,
    pub(super) until: Timestamp,
    pub(super) is_stale: bool,
}

impl<'a> Part<'a> {
    pub(super) fn of(packed: &'a Packed, until: Timestamp, is_stale: bool) -> Self {
        Self {
            head: &packed.head,
            body: std::slice::from_ref(&packed.body),
            whole: packed.whole,
            until,
            is_stale,
        }
    }

    pub(super) fn body_len(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }
}
