use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn encoded(data: &Data) -> Bytes {
    let mut out = Vec::new();
    data.encode(&mut out);
    out.into()
}

fn decode(text: &'static str) -> Option<Data> {
    Data::decode(&Bytes::from_static(text.as_bytes()))
}

#[test]
fn pairs_are_in_the_order_of_their_keys_with_lengths_in_front() {
    let mut data = Data::default();
    data.set("name", Bytes::from_static(b"\"J\xc3\xb6\""));
    data.set("a:b", Bytes::from_static(b"[1,2]"));
    data.set("", Bytes::new());
    let text = "0:0:3:a:b5:[1,2]4:name5:\"J\u{f6}\"";
    assert_eq!(encoded(&data), text);
    assert_eq!(data.size(), text.len());
    assert_eq!(
        data.pairs().map(|(key, _)| key).collect::<Vec<_>>(),
        [&b""[..], b"a:b", b"name"]
    );
}

#[test]
fn what_is_written_otherwise_is_none() {
    assert!(decode("1:a1:11:b1:2").is_some());
    for text in [
        "1:a",
        "1:a1",
        "1:a1:",
        ":1:1",
        "1:a:",
        "01:a1:1",
        "1:a01:1",
        "00:1:1",
        "+1:a1:1",
        " 1:a1:1",
        "1:a1:1,",
        "1:a1:1 ",
        "1:b1:11:a1:2",
        "1:a1:11:a1:1",
        "1:a99999999999999999999:1",
        "1:a18446744073709551615:1",
        "x",
    ] {
        assert!(decode(text).is_none(), "{text}");
    }
}

#[test]
fn what_is_no_text_is_none() {
    assert!(Data::decode(&Bytes::from_static(b"1:a1:\xff")).is_none());
    let cut = "1:\u{e9}1:1";
    assert!(decode(cut).is_none(), "a length cuts a letter");
}

#[test]
fn values_are_slices_of_what_was_read() {
    let bytes = Bytes::from_static(b"1:a3:\"x\"1:b4:true");
    let data = Data::decode(&bytes).expect("sound");
    let value = data.get("b").expect("there");
    assert_eq!(value, "true");
    assert_eq!(value.as_ptr(), bytes.slice(13..).as_ptr());
}

#[test]
fn nothing_is_left_after_clear() {
    let mut data = decode("1:a1:1").expect("sound");
    data.set("b", Bytes::from_static(b"2"));
    data.clear();
    assert!(data.is_empty() && data.size() == 0 && data.get("a").is_none());
    assert!(data == Data::default());
}

type Model = BTreeMap<String, Vec<u8>>;

fn pairs() -> impl Strategy<Value = Model> {
    prop::collection::btree_map(
        "[ab:1é]{0,3}",
        "[0-9:\"ü]{0,12}".prop_map(String::into),
        0..12,
    )
}

fn build(model: &Model) -> Data {
    let mut data = Data::default();
    for (key, value) in model.iter().rev() {
        data.set(key.as_str(), Bytes::copy_from_slice(value));
    }
    data
}

fn agrees(data: &Data, model: &Model) {
    let pairs = data
        .pairs()
        .map(|(key, value)| (key.to_vec(), value.to_vec()));
    let expected = model
        .iter()
        .map(|(key, value)| (key.clone().into_bytes(), value.clone()));
    assert!(pairs.eq(expected));
    assert_eq!(
        (data.len(), data.is_empty()),
        (model.len(), model.is_empty())
    );
    assert_eq!(data.size(), encoded(data).len());
    for (key, value) in model {
        assert_eq!(data.get(key).as_deref(), Some(&**value));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_comes_back_as_it_was(model in pairs()) {
        let data = build(&model);
        let bytes = encoded(&data);
        let again = Data::decode(&bytes).expect("what is written is read");
        agrees(&again, &model);
        prop_assert!(again == data);
        prop_assert_eq!(encoded(&again), bytes);
    }

    #[test]
    fn it_does_what_a_map_does(
        start in pairs(),
        changes in prop::collection::vec(("[ab:1é]{0,2}", prop::option::of("[0-9]{0,3}")), 0..20),
    ) {
        let mut model = start;
        let mut data = Data::decode(&encoded(&build(&model))).expect("what is written is read");
        for (key, value) in changes {
            let _ = match value {
                Some(value) => {
                    data.set(key.as_str(), Bytes::from(value.clone()));
                    model.insert(key, value.into())
                }
                None => {
                    data.remove(&key);
                    model.remove(&key)
                }
            };
            agrees(&data, &model);
        }
    }

    #[test]
    fn different_data_are_different_bytes(one in pairs(), other in pairs()) {
        let same = build(&one) == build(&other);
        prop_assert_eq!(same, one == other);
        prop_assert_eq!(same, encoded(&build(&one)) == encoded(&build(&other)));
    }

    #[test]
    fn any_bytes_are_none_or_the_only_spelling(text in "([0-3]:[ab]{0,3}){0,6}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for bytes in [Bytes::from(text), Bytes::from(bytes)] {
            if let Some(data) = Data::decode(&bytes) {
                prop_assert_eq!(encoded(&data), bytes);
            }
        }
    }
}
