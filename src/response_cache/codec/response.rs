//! One response in an entry.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::{
    super::{
        called::MOST_FIELDS,
        entry::{Packed, Part},
        semantics::freshness::{Freshness, Stale},
        stored::StoredHead,
    },
    names, read_varied,
    text::{Reader, Writer},
    write_varied,
};
use crate::{
    store::{Epoch, Identifier, Stamp, Tag},
    time::{Timestamp, micros},
};

const FORBIDDEN: u64 = 1;
const IMMUTABLE: u64 = 2;
const FOR_AUTHORIZED: u64 = 4;
const EXPLICIT: u64 = 8;
const STAMPED: u64 = 16;
const ALL: u64 = 31;

pub(super) fn write_response(text: &mut Writer, part: &Part<'_>) {
    let StoredHead {
        status,
        headers,
        freshness,
        vary,
        is_for_authorized,
        is_explicit,
        tags,
        stamp,
    } = part.head;
    let flags = (FORBIDDEN * u64::from(freshness.stale.forbidden))
        | (IMMUTABLE * u64::from(freshness.immutable))
        | (FOR_AUTHORIZED * u64::from(*is_for_authorized))
        | (EXPLICIT * u64::from(*is_explicit))
        | (STAMPED * u64::from(stamp.is_some()));
    text.number(status.as_u16());
    write_freshness(text, freshness);
    text.number(flags);
    text.number(vary.names.len());
    text.number(tags.len());
    text.number(headers.len());
    text.number(part.whole.unwrap_or_default());
    text.last_number(part.body_len());
    if let Some(stamp) = stamp {
        text.hex(&stamp.epoch().as_u128().to_be_bytes());
        text.hex(&stamp.id().to_be_bytes());
        text.raw(b"\n");
    }
    write_varied(text, vary);
    for tag in tags {
        text.line(tag.identifier().to_text().as_bytes());
    }
    for (name, value) in headers {
        text.number(name.as_str().len());
        text.number(value.len());
        text.raw(name.as_str().as_bytes());
        text.raw(if value.is_sensitive() { b"; " } else { b": " });
        text.raw(value.as_bytes());
        text.raw(b"\n");
    }
}

/// Reads a response, which ends where the entry does.
pub(super) fn read_response(text: &mut Reader<'_>) -> Option<Packed> {
    let status = StatusCode::from_u16(u16::try_from(text.number()?).ok()?).ok()?;
    let mut freshness = read_freshness(text)?;
    let flags = text.number().filter(|flags| *flags <= ALL)?;
    let [names, tags, fields] = [text.count()?, text.count()?, text.count()?];
    if fields > 2 * MOST_FIELDS {
        return None;
    }
    let [whole, length] = [text.length()?, text.length()?];
    let has = |flag| flags & flag != 0;
    freshness.immutable = has(IMMUTABLE);
    freshness.stale.forbidden = has(FORBIDDEN);
    let stamp = has(STAMPED).then(|| read_stamp(text));
    let head = StoredHead {
        status,
        freshness,
        is_for_authorized: has(FOR_AUTHORIZED),
        is_explicit: has(EXPLICIT),
        stamp: stamp.map_or(Some(None), |stamp| stamp.map(Some))?,
        vary: read_varied(text, names)?,
        tags: (0..tags).map(|_| read_tag(text)).collect::<Option<_>>()?,
        headers: read_fields(text, fields)?,
    };
    let body = text.shared(length)?;
    text.end()?;
    Some(Packed {
        head,
        body,
        whole: (whole > 0).then_some(whole),
    })
}

fn write_freshness(text: &mut Writer, freshness: &Freshness) {
    text.number(freshness.received.as_micros());
    for duration in [
        freshness.initial_age,
        freshness.lifetime,
        freshness.stale.while_revalidate,
        freshness.stale.if_error,
        freshness.stale.on_disconnect,
    ] {
        text.number(micros(duration));
    }
}

fn read_freshness(text: &mut Reader<'_>) -> Option<Freshness> {
    let received = Timestamp::from_micros(text.number()?);
    let mut duration = || text.number().map(Duration::from_micros);
    Some(Freshness {
        received,
        initial_age: duration()?,
        lifetime: duration()?,
        stale: Stale {
            forbidden: false,
            while_revalidate: duration()?,
            if_error: duration()?,
            on_disconnect: duration()?,
        },
        immutable: false,
    })
}

fn read_stamp(text: &mut Reader<'_>) -> Option<Stamp> {
    let epoch = Epoch::new(u128::from_be_bytes(text.hex::<32, 16>()?));
    let id = u128::from_be_bytes(text.hex::<32, 16>()?);
    text.exactly(b"\n")?;
    Some(Stamp::new(epoch, id))
}

fn read_tag(text: &mut Reader<'_>) -> Option<Tag> {
    let line = std::str::from_utf8(text.line()?).ok()?;
    // A short name without an escape is itself.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if line.len() <= 255 && line.bytes().all(is_plain) {
        return Some(Tag::new(line));
    }
    Identifier::from_text(line).map(Tag::new)
}

fn read_fields(text: &mut Reader<'_>, fields: usize) -> Option<HeaderMap> {
    // No more room than is usual on the word of an entry that may be damaged.
    let mut headers = HeaderMap::try_with_capacity(fields.min(64)).ok()?;
    for _ in 0..fields {
        let [name, value] = [text.length()?, text.length()?];
        let name = names::read(text.take(name)?)?;
        let is_sensitive = match text.take(2)? {
            b": " => false,
            b"; " => true,
            _ => return None,
        };
        let mut value = text.value(value)?;
        text.exactly(b"\n")?;
        value.set_sensitive(is_sensitive);
        headers.try_append(name, value).ok()?;
    }
    Some(headers)
}
