//! Stored responses as bytes: a head of text that can be read in `redis-cli`, and the body as it is.
//!
//! ```text
//! tc1B<digest of the key> <generation>           B: base, V: variant of its own
//! <soft purges> <is there a newest?> <others>    only in a base; then each of the others
//! <status> <times, flags, counts, lengths>
//! <fields of Vary, tags>
//! 12 9 content-type: text/html                   lengths of name and value; `;` where the value is sensitive
//! <body>
//! ```
//!
//! The version is the digit at the third place. Readers accept 1, and take anything else for absent, as they do whatever
//! is cut off, of another key, or does not say what a response needs. There is no checksum: the store has its own.

mod names;
mod response;
mod text;

use bytes::Bytes;

use self::{
    response::{read_response, write_response},
    text::{Reader, Writer},
};
use super::{
    digest::Digest,
    entry::{Base, Generation, Inline, Packed, Part, VariantRef},
    stored::Varied,
};
use crate::time::Timestamp;

/// A base entry on its way into the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct BaseParts<'a> {
    pub(super) generation: Generation,
    pub(super) soft_purges: u32,
    pub(super) newest: Option<Part<'a>>,
    pub(super) others: &'a [VariantRef],
}

/// Returns a base entry as bytes: the body is copied once.
pub(super) fn encode_base(key: &Digest, base: &BaseParts<'_>) -> Bytes {
    let mut text = Writer::new(b"tc1B", key, &base.generation);
    text.number(base.soft_purges);
    text.number(u8::from(base.newest.is_some()));
    text.last_number(base.others.len() as u64);
    base.others
        .iter()
        .for_each(|other| write_ref(&mut text, other));
    if let Some(newest) = &base.newest {
        text.number(newest.until.as_micros());
        text.last_number(u8::from(newest.is_stale));
        write_response(&mut text, newest);
    }
    text.with_body(base.newest.map_or(&[], |newest| newest.body))
}

/// Returns a variant's own entry as bytes: the body is copied once.
pub(super) fn encode_variant(key: &Digest, generation: &Generation, part: &Part<'_>) -> Bytes {
    let mut text = Writer::new(b"tc1V", key, generation);
    write_response(&mut text, part);
    text.with_body(part.body)
}

/// Reads a base entry; the body and the values of fields are slices of `bytes`. `None` where it is damaged, of a version
/// that is not known, or not that of `key`: it is taken for absent, and may be written over.
pub(super) fn decode_base(bytes: &Bytes, key: &Digest) -> Option<Base> {
    let mut text = Reader::new(bytes);
    text.exactly(b"tc1B")?;
    let generation = read_origin(&mut text, key)?;
    let soft_purges = u32::try_from(text.number()?).ok()?;
    let has_newest = text.flag()?;
    let others = text.count()?;
    let others = (0..others)
        .map(|_| read_ref(&mut text))
        .collect::<Option<_>>()?;
    let newest = if has_newest {
        Some(Inline {
            until: Timestamp::from_micros(text.number()?),
            is_stale: text.flag()?,
            packed: read_response(&mut text)?,
        })
    } else {
        text.end()?;
        None
    };
    Some(Base {
        generation,
        soft_purges,
        newest,
        others,
    })
}

/// Reads a variant's own entry, as [`decode_base`]. `None` also where it is of another generation than the base, or not
/// the variant that the base lists.
pub(super) fn decode_variant(
    bytes: &Bytes,
    key: &Digest,
    generation: &Generation,
    varied: &Varied,
) -> Option<Packed> {
    let mut text = Reader::new(bytes);
    text.exactly(b"tc1V")?;
    let is_current = read_origin(&mut text, key)? == *generation;
    let packed = is_current.then(|| read_response(&mut text))??;
    (packed.head.vary == *varied).then_some(packed)
}

fn read_origin(text: &mut Reader<'_>, key: &Digest) -> Option<Generation> {
    let digest = text.hex::<64, 32>()?;
    text.exactly(b" ")?;
    let generation = Generation::from_bytes(text.hex::<32, 16>()?);
    text.exactly(b"\n")?;
    (digest == *key.as_bytes()).then_some(generation)
}

fn write_ref(text: &mut Writer, other: &VariantRef) {
    text.number(other.received.as_micros());
    text.number(other.until.as_micros());
    text.number(u8::from(other.is_stale));
    text.number(u8::from(other.etag.is_some()));
    text.last_number(other.varied.names.len() as u64);
    write_varied(text, &other.varied);
    if let Some(etag) = &other.etag {
        text.line(etag.as_bytes());
    }
}

fn read_ref(text: &mut Reader<'_>) -> Option<VariantRef> {
    let received = Timestamp::from_micros(text.number()?);
    let until = Timestamp::from_micros(text.number()?);
    let is_stale = text.flag()?;
    let has_etag = text.flag()?;
    let names = text.count()?;
    let varied = read_varied(text, names)?;
    let etag = has_etag
        .then(|| text.value_line())
        .map_or(Some(None), |etag| etag.map(Some))?;
    Some(VariantRef {
        varied,
        etag,
        received,
        until,
        is_stale,
    })
}

fn write_varied(text: &mut Writer, varied: &Varied) {
    for name in &varied.names {
        text.line(name.as_str().as_bytes());
    }
    text.hex(varied.values.as_bytes());
    text.raw(b"\n");
}

fn read_varied(text: &mut Reader<'_>, names: usize) -> Option<Varied> {
    let names = (0..names)
        .map(|_| names::read(text.line()?))
        .collect::<Option<_>>()?;
    let values = Digest::from_bytes(text.hex::<64, 32>()?);
    text.exactly(b"\n")?;
    Some(Varied { names, values })
}

#[cfg(test)]
mod tests;
