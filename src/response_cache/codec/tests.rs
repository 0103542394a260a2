mod random;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::{
    response_cache::{
        semantics::freshness::{Freshness, Stale},
        stored::StoredHead,
    },
    store::{Epoch, Identifier, Stamp, Tag},
};

const KEY: Digest = Digest::from_bytes([0xa7; 32]);
const GENERATION: Generation = Generation::from_bytes([0x5c; 16]);

/// Everything that is said of a head. `HeaderValue` compares without its sensitivity.
fn said(head: &StoredHead) -> String {
    let sensitive: Vec<_> = head
        .headers
        .values()
        .map(HeaderValue::is_sensitive)
        .collect();
    format!("{:?} {sensitive:?} {:?}", head, head.vary.values.as_bytes())
        + &head
            .tags
            .iter()
            .map(|tag| tag.identifier().to_text())
            .collect::<String>()
}

fn part<'a>(head: &'a StoredHead, body: &'a [Bytes]) -> Part<'a> {
    Part {
        head,
        body,
        whole: None,
        until: Timestamp::from_micros(77),
        is_stale: true,
    }
}

fn sample() -> Bytes {
    let head = StoredHead {
        status: StatusCode::OK,
        headers: [
            ("content-type", "text/html; charset=utf-8"),
            ("etag", "\"v1\""),
            ("x-mine", "1"),
        ]
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
        .into_iter()
        .collect(),
        freshness: Freshness {
            received: Timestamp::from_micros(1_700_000_000_000_000),
            initial_age: Duration::ZERO,
            lifetime: Duration::from_secs(60),
            stale: Stale::default(),
            immutable: false,
        },
        vary: Varied {
            names: vec![HeaderName::from_static("accept")],
            values: Digest::from_bytes([1; 32]),
        },
        is_for_authorized: false,
        is_explicit: true,
        tags: vec![Tag::new("posts"), Tag::new("é")],
        stamp: Some(Stamp::new(Epoch::new(7), 9)),
    };
    let other = VariantRef {
        varied: head.vary.clone(),
        etag: Some(HeaderValue::from_static("\"v0\"")),
        received: Timestamp::from_micros(5),
        until: Timestamp::from_micros(6),
        is_stale: false,
    };
    let body = [Bytes::from_static(b"<p>"), Bytes::from_static(b"hello")];
    let base = BaseParts {
        generation: GENERATION,
        soft_purges: 3,
        newest: Some(part(&head, &body)),
        others: &[other],
    };
    encode_base(&KEY, &base)
}

#[test]
fn an_entry_can_be_read_by_people() {
    let entry = sample();
    let text = std::str::from_utf8(&entry).expect("text, which no store has to encode");
    assert!(text.starts_with("tc1Ba7a7"), "{text}");
    let tail = "\n5 posts\n6 %C3%A9\n12 24 content-type: text/html; charset=utf-8\n4 4 etag: \"v1\"\n6 1 x-mine: 1\n<p>hello";
    assert!(text.ends_with(tail), "{text}");
}

#[test]
fn what_is_cut_off_or_too_long_is_absent() {
    let entry = sample();
    assert!(decode_base(&entry, &KEY).is_some());
    for length in 0..entry.len() {
        assert!(
            decode_base(&entry.slice(..length), &KEY).is_none(),
            "{length}"
        );
    }
    let longer = Bytes::from([&entry[..], b"x"].concat());
    assert!(decode_base(&longer, &KEY).is_none());
    let tombstone = BaseParts {
        generation: GENERATION,
        soft_purges: 0,
        newest: None,
        others: &[],
    };
    let tombstone = encode_base(&KEY, &tombstone);
    assert!(decode_base(&tombstone, &KEY).is_some_and(|base| base.newest.is_none()));
    for length in 0..tombstone.len() {
        assert!(
            decode_base(&tombstone.slice(..length), &KEY).is_none(),
            "{length}"
        );
    }
    let longer = Bytes::from([&tombstone[..], b"x"].concat());
    assert!(decode_base(&longer, &KEY).is_none());
}

#[test]
fn another_key_version_kind_generation_or_variant_is_absent() {
    let entry = sample();
    assert!(decode_base(&entry, &Digest::from_bytes([0; 32])).is_none());
    for (at, byte) in [(0, b'T'), (2, b'0'), (2, b'2'), (3, b'V')] {
        let mut other = entry.to_vec();
        other[at] = byte;
        assert!(decode_base(&other.into(), &KEY).is_none(), "{at}");
    }
    let base = decode_base(&entry, &KEY).expect("sound");
    let inline = base.newest.expect("a response");
    let varied = &inline.packed.head.vary;
    let own = encode_variant(
        &KEY,
        &GENERATION,
        &Part::of(&inline.packed, inline.until, false),
    );
    assert!(decode_variant(&own, &KEY, &GENERATION, varied).is_some());
    let other = Generation::from_bytes([0; 16]);
    assert!(decode_variant(&own, &KEY, &other, varied).is_none());
    assert!(decode_variant(&own, &Digest::from_bytes([0; 32]), &GENERATION, varied).is_none());
    let elsewhere = Varied {
        values: Digest::from_bytes([2; 32]),
        ..varied.clone()
    };
    assert!(decode_variant(&own, &KEY, &GENERATION, &elsewhere).is_none());
    assert!(decode_base(&own, &KEY).is_none());
}

#[test]
fn damaged_bits_never_panic_and_never_change_whose_it_is() {
    let entry = sample();
    for at in 0..entry.len() {
        for bit in 0..8 {
            let mut damaged = entry.to_vec();
            damaged[at] ^= 1 << bit;
            let base = decode_base(&damaged.into(), &KEY);
            assert!(
                base.is_none() || at >= 69,
                "the mark and the key are checked: {at}"
            );
        }
    }
}

#[test]
fn absurd_numbers_are_absent() {
    let entry = sample();
    let text = String::from_utf8(entry.to_vec()).expect("text");
    let numbers: Vec<_> = text
        .split([' ', '\n'])
        .filter(|word| word.parse::<u64>().is_ok())
        .collect();
    assert!(numbers.len() > 20);
    for number in numbers {
        for absurd in [
            "18446744073709551615",
            "18446744073709551616",
            "-1",
            "",
            "4294967296",
            "1e3",
        ] {
            for (space, end) in [(" ", " "), (" ", "\n"), ("\n", " "), ("\n", "\n")] {
                let [from, to] = [number, absurd].map(|word| format!("{space}{word}{end}"));
                let _ = decode_base(&text.replace(&from, &to).into(), &KEY);
            }
        }
    }
}

#[test]
fn bodies_are_slices_of_the_entry_and_copied_once() {
    let head = decode_base(&sample(), &KEY)
        .and_then(|base| base.newest)
        .expect("sound")
        .packed
        .head;
    let body = [
        Bytes::from(vec![b'x'; 100_000]),
        Bytes::from(vec![b'y'; 50_000]),
    ];
    let entry = encode_variant(&KEY, &GENERATION, &part(&head, &body));
    let packed = decode_variant(&entry, &KEY, &GENERATION, &head.vary).expect("sound");
    let range = entry.as_ptr_range();
    assert!(range.contains(&packed.body.as_ptr()));
    let value = packed.head.headers.get("x-mine").expect("a value");
    assert!(range.contains(&value.as_bytes().as_ptr()));
    let stored = packed.unpack(150_000).expect("within the limit");
    assert_eq!(stored.body, body.concat());
}

#[test]
fn compressed_bodies_come_back_within_the_limit_only() {
    let head = decode_base(&sample(), &KEY)
        .and_then(|base| base.newest)
        .expect("sound")
        .packed
        .head;
    let body = [Bytes::from("hello ".repeat(5000))];
    let compressed =
        crate::response_cache::compression::compress(Default::default(), &head.headers, &body);
    let compressed = [compressed.expect("smaller")];
    let part = Part {
        whole: Some(30_000),
        ..part(&head, &compressed)
    };
    let entry = encode_variant(&KEY, &GENERATION, &part);
    assert!(entry.len() < 2000);
    let packed = || decode_variant(&entry, &KEY, &GENERATION, &head.vary).expect("sound");
    assert_eq!(packed().unpack(30_000).expect("whole").body, body[0]);
    assert!(packed().unpack(29_999).is_none());
}
