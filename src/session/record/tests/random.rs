use proptest::prelude::*;

use super::*;

fn timestamp() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp::from_micros)
}

fn lifetime() -> impl Strategy<Value = Lifetime> {
    let parts = (
        1_000_000..100_000_000_u64,
        any::<u32>(),
        4_u64..50,
        any::<bool>(),
    );
    parts.prop_map(|(idle, more, part, persistent)| {
        let [idle, more, touch] = [idle, more.into(), idle / part].map(Duration::from_micros);
        let lifetime = Lifetime::new(idle, idle + more).touch_every(touch);
        if persistent {
            lifetime.persistent()
        } else {
            lifetime
        }
    })
}

fn data() -> impl Strategy<Value = Data> {
    let pair = ("[a-c]{0,2}", "[0-9 ü\n]{0,10}", 1_usize..600);
    prop::collection::vec(pair, 0..6).prop_map(|pairs| {
        let mut data = Data::default();
        for (key, value, times) in pairs {
            data.set(key.as_str(), value.repeat(times).into());
        }
        data
    })
}

pub(super) fn record() -> impl Strategy<Value = Record> {
    let times = (timestamp(), prop::option::of(timestamp()), timestamp());
    let whose = (
        any::<[u8; 16]>(),
        prop::option::of(lifetime()),
        prop::option::of("[a-cü\n]{0,9}"),
    );
    (any::<u64>(), times, whose, data()).prop_map(|(writes, times, whose, data)| Record {
        writes,
        id: SessionId::from_bytes(whose.0),
        times: Times {
            created: times.0,
            authenticated: times.1,
            touched: times.2,
        },
        lifetime: whose.1,
        indexed: times.1,
        subject: whose.2.map(Into::into),
        data,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_comes_back_as_it_was_and_is_text_unless_compressed(record in record()) {
        let bytes = record.encode(PLAIN).expect("nothing to seal");
        let again = decode(bytes.clone()).expect("what is written is read");
        prop_assert!(again == record);
        prop_assert_eq!(again.encode(PLAIN).expect("nothing to seal"), &bytes);
        let is_compressed = bytes.get(1) == Some(&b'z');
        prop_assert!(is_compressed || std::str::from_utf8(&bytes).is_ok());
    }

    #[test]
    fn a_changed_byte_never_panics_nor_reads_as_the_same(record in record(), at: prop::sample::Index, bit in 0..8_u8) {
        let bytes = record.encode(PLAIN).expect("nothing to seal");
        let mut changed = bytes.to_vec();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        let is_compressed = bytes.get(1) == Some(&b'z');
        if let Ok(other) = decode(changed.clone()) {
            prop_assert!(is_compressed || other != record);
            prop_assert!(is_compressed || other.encode(PLAIN).expect("nothing to seal") == changed);
        }
    }

    #[test]
    fn any_bytes_are_corrupt_or_their_only_spelling(line in "1[pzsx] [0-9]{1,2} [A-Za-z]{21}[AQgw] [0-9]{1,3} (-|9) 0 - (-|0|1) [0-9]\n", rest in "([0-2]:[ab]{0,2}){0,4}") {
        let bytes = Bytes::from(line + &rest);
        if let Ok(record) = decode(bytes.clone()) {
            prop_assert_eq!(record.encode(PLAIN).expect("nothing to seal"), bytes);
        }
    }

    #[test]
    fn noise_never_panics(start in "(1[pzsx])?", noise in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode([start.as_bytes(), &noise].concat());
    }
}
