use bytes::Bytes;

use super::{NOW, blocks, fields, lines, number, status, stored};
use crate::{
    response_cache::{
        codec::{BaseParts, decode_base, decode_variant, encode_base, encode_variant},
        digest::Digest,
        entry::{Base, Generation, Packed, Part},
        stored::Varied,
    },
    store::{Epoch, Identifier, Stamp, Tag},
    time::Timestamp,
};

const KEY: Digest = Digest::from_bytes([0xa7; 32]);
const GENERATION: Generation = Generation::from_bytes([0x5c; 16]);
const MOST: usize = 1 << 16;

/// Entries of the store: damaged ones are none, and others are read as they were written.
///
/// What comes after the first line of an entry; or a response: `status received lifetime whole cut`, one a line, its fields,
/// its tags, its body.
pub fn codec(data: &[u8]) {
    let _ = decode_base(&Bytes::copy_from_slice(data), &KEY);
    let entry = |kind: &str| {
        let key = "a7".repeat(32);
        let start = format!("{kind}{key} {}\n", "5c".repeat(16));
        Bytes::from([start.as_bytes(), data].concat())
    };
    if let Some(base) = decode_base(&entry("tc1B"), &KEY) {
        rewritten(&base);
    }
    let varied = Varied {
        names: Vec::new(),
        values: Digest::from_bytes([0; 32]),
    };
    if let Some(packed) = decode_variant(&entry("tc1V"), &KEY, &GENERATION, &varied) {
        rewritten_variant(&packed);
    }
    made(data);
}

fn parts(base: &Base) -> BaseParts<'_> {
    BaseParts {
        generation: base.generation,
        soft_purges: base.soft_purges,
        newest: base
            .newest
            .as_ref()
            .map(|newest| Part::of(&newest.packed, newest.until, newest.is_stale)),
        others: &base.others,
    }
}

fn rewritten(base: &Base) {
    let bytes = encode_base(&KEY, &parts(base));
    let again = decode_base(&bytes, &KEY).expect("what is written is read");
    assert_eq!(encode_base(&KEY, &parts(&again)), bytes);
    assert_eq!(format!("{again:?}"), format!("{base:?}"));
    if let Some(newest) = &base.newest {
        unpacked(&newest.packed);
    }
}

fn rewritten_variant(packed: &Packed) {
    let part = Part::of(packed, Timestamp::MAX, false);
    let bytes = encode_variant(&KEY, &GENERATION, &part);
    let again = decode_variant(&bytes, &KEY, &GENERATION, &packed.head.vary);
    assert_eq!(format!("{again:?}"), format!("{:?}", Some(packed)));
    unpacked(packed);
}

fn unpacked(packed: &Packed) {
    if let Some(stored) = packed.clone().unpack(MOST) {
        assert!(stored.body.len() <= MOST);
        assert_eq!(stored.body.len() as u64, packed.len());
    }
}

fn made(data: &[u8]) {
    let [numbers, names, tags, body] = blocks(data);
    let mut numbers = lines(numbers);
    let code = status(numbers.next().unwrap_or_default());
    let mut next = || numbers.next().map_or(0, number);
    let mut head = stored(code, fields(names));
    head.freshness.received = Timestamp::from_micros(next());
    head.freshness.lifetime = std::time::Duration::from_micros(next());
    head.stamp = Some(Stamp::new(Epoch::new(next().into()), next().into()));
    head.vary.names = head.headers.keys().take(3).cloned().collect();
    head.tags = lines(tags)
        .map(|tag| Tag::new(Identifier::new(tag)))
        .collect();
    let cut = next();
    let packed = Packed {
        head,
        body: Bytes::copy_from_slice(body),
        whole: None,
    };
    let part = Part::of(&packed, NOW, false);
    let bytes = encode_variant(&KEY, &GENERATION, &part);
    let read = decode_variant(&bytes, &KEY, &GENERATION, &packed.head.vary);
    assert_eq!(format!("{read:?}"), format!("{:?}", Some(&packed)));
    let cut = usize::try_from(cut % bytes.len() as u64).expect("less than a length");
    assert!(decode_variant(&bytes.slice(..cut), &KEY, &GENERATION, &packed.head.vary).is_none());
    let others = Digest::from_bytes([0xa8; 32]);
    assert!(decode_variant(&bytes, &others, &GENERATION, &packed.head.vary).is_none());
}
