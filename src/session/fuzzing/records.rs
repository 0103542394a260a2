use bytes::Bytes;

use crate::session::{
    data::Data,
    record::{Record, Seal},
};

const PLAIN: Seal<'_> = Seal {
    keyring: None,
    place: "~here",
};
const MOST: usize = 1 << 16;

/// Records of the store: damaged ones are refused, and others are written as they were read.
///
/// A record; or what comes after the line of one, as its data.
pub fn records(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    if let Ok(record) = Record::decode(&bytes, PLAIN, MOST) {
        rewritten(&record, &bytes);
    }
    if let Some(data) = Data::decode(&bytes) {
        let mut out = Vec::new();
        data.encode(&mut out);
        assert_eq!(out, bytes);
        changed(data);
    }
}

fn rewritten(record: &Record, bytes: &Bytes) {
    assert!(record.data.size() <= MOST);
    let again = record.encode(PLAIN).expect("nothing is sealed");
    // What is large may have been kept in another way, of which LZ4 has many.
    if again.get(1) == Some(&b'p') && bytes.get(1) == Some(&b'p') {
        assert_eq!(again, bytes);
    }
    let read = Record::decode(&again, PLAIN, MOST).expect("what is written is read");
    assert!(read == *record);
    changed(read.data);
}

/// Takes everything away, and puts it back in another order.
fn changed(mut data: Data) {
    let before = data.clone();
    let keys: Vec<String> = data
        .pairs()
        .filter_map(|(key, _)| String::from_utf8(key.to_vec()).ok())
        .collect();
    keys.iter().for_each(|key| data.remove(key));
    assert!(data.is_empty() && data.size() == 0);
    for key in keys.iter().rev() {
        data.set(
            key.as_str(),
            before.get(key).expect("it is one of its keys"),
        );
    }
    assert!(data == before);
    assert_eq!((data.len(), data.size()), (before.len(), before.size()));
}
