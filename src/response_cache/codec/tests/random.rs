//! Whatever is written is read back, and whatever else is not read.

use super::*;

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(0), Just(u64::MAX), 0_u64..1_000_000_000_000].prop_map(Duration::from_micros)
}

fn timestamp() -> impl Strategy<Value = Timestamp> {
    (0_u64..=1 << 53).prop_map(Timestamp::from_micros)
}

fn freshness() -> impl Strategy<Value = Freshness> {
    let times = (duration(), duration(), duration(), duration(), duration());
    (timestamp(), times, any::<(bool, bool)>()).prop_map(|(received, times, flags)| Freshness {
        received,
        initial_age: times.0,
        lifetime: times.1,
        stale: Stale {
            forbidden: flags.0,
            while_revalidate: times.2,
            if_error: times.3,
            on_disconnect: times.4,
        },
        immutable: flags.1,
    })
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let byte = prop_oneof![Just(b'\t'), 0x20_u8..0x7f, 0x80_u8..=0xff];
    (prop::collection::vec(byte, 0..30), any::<bool>()).prop_map(|(bytes, sensitive)| {
        let mut value = HeaderValue::from_bytes(&bytes).expect("a value");
        value.set_sensitive(sensitive);
        value
    })
}

fn name() -> impl Strategy<Value = HeaderName> {
    "date|etag|vary|x-a|x-bcd|set-cookie|content-type"
        .prop_map(|name| name.parse().expect("a name"))
}

fn varied() -> impl Strategy<Value = Varied> {
    (prop::collection::vec(name(), 0..3), any::<[u8; 32]>()).prop_map(|(names, values)| Varied {
        names,
        values: Digest::from_bytes(values),
    })
}

fn tag() -> impl Strategy<Value = Tag> {
    prop_oneof![
        "[a-z.]{0,8}".prop_map(Tag::new),
        ".{0,12}".prop_map(Tag::new),
        "[a-z]".prop_map(|text| Tag::new(Identifier::hashed(text))),
        "[a-z]".prop_map(|text| Tag::new(Identifier::tuple(&[text.into()]))),
        Just(Tag::new("a".repeat(300))),
    ]
}

fn head() -> impl Strategy<Value = StoredHead> {
    let headers = prop::collection::vec((name(), value()), 0..6);
    let tags = prop::collection::vec(tag(), 0..3);
    let stamp = prop::option::of(any::<(u128, u128)>());
    (
        100_u16..1000,
        headers,
        freshness(),
        varied(),
        any::<(bool, bool)>(),
        tags,
        stamp,
    )
        .prop_map(|(status, headers, freshness, vary, flags, tags, stamp)| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, value);
            }
            StoredHead {
                status: StatusCode::from_u16(status).expect("a status"),
                headers: map,
                freshness,
                vary,
                is_for_authorized: flags.0,
                is_explicit: flags.1,
                tags,
                stamp: stamp.map(|(epoch, id)| Stamp::new(Epoch::new(epoch), id)),
            }
        })
}

fn chunks() -> impl Strategy<Value = Vec<Bytes>> {
    prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from),
        0..4,
    )
}

fn other() -> impl Strategy<Value = VariantRef> {
    (
        varied(),
        prop::option::of(value()),
        timestamp(),
        timestamp(),
        any::<bool>(),
    )
        .prop_map(|(varied, etag, received, until, is_stale)| VariantRef {
            varied,
            etag,
            received,
            until,
            is_stale,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bases_come_back_as_they_were(
        head in prop::option::of(head()),
        body in chunks(),
        soft_purges in any::<u32>(),
        others in prop::collection::vec(other(), 0..4),
    ) {
        let newest = head.as_ref().map(|head| part(head, &body));
        let base = BaseParts { generation: GENERATION, soft_purges, newest, others: &others };
        let read = decode_base(&encode_base(&KEY, &base), &KEY).expect("sound");
        prop_assert_eq!(read.generation, GENERATION);
        prop_assert_eq!(read.soft_purges, soft_purges);
        prop_assert_eq!(&read.others, &others);
        prop_assert_eq!(read.newest.is_some(), head.is_some());
        if let (Some(newest), Some(head)) = (read.newest, head) {
            prop_assert_eq!(said(&newest.packed.head), said(&head));
            prop_assert_eq!(&newest.packed.body, &body.concat());
            prop_assert_eq!(newest.packed.whole, None);
            prop_assert_eq!(newest.until, Timestamp::from_micros(77));
            prop_assert!(newest.is_stale);
        }
    }

    #[test]
    fn variants_come_back_as_they_were(head in head(), body in chunks()) {
        let entry = encode_variant(&KEY, &GENERATION, &part(&head, &body));
        let read = decode_variant(&entry, &KEY, &GENERATION, &head.vary).expect("sound");
        prop_assert_eq!(said(&read.head), said(&head));
        prop_assert_eq!(&read.body, &body.concat());
        for length in 0..entry.len() {
            prop_assert!(decode_variant(&entry.slice(..length), &KEY, &GENERATION, &head.vary).is_none());
        }
    }

    #[test]
    fn any_bytes_are_taken_without_a_panic(at in 0_usize..900, junk in prop::collection::vec(any::<u8>(), 0..40)) {
        let entry = sample();
        let at = at.min(entry.len());
        let end = (at + junk.len()).min(entry.len());
        for spliced in [[&entry[..at], &junk, &entry[end..]].concat(), [&entry[..at], &junk, &entry[at..]].concat()] {
            let _ = decode_base(&spliced.into(), &KEY);
        }
        let _ = decode_base(&junk.into(), &KEY);
    }
}
