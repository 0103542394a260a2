mod random;
#[cfg(feature = "session-encryption")]
mod sealed;

use std::time::Duration;

use super::*;
use crate::time::Timestamp;

const MAX: usize = 1 << 20;
const PLAIN: Seal<'_> = Seal {
    keyring: None,
    place: "~here",
};
const LINE_OF_SAMPLE: &str =
    "1p 7 3q2-7wABAgMEBQYHCAkKCw 1700000000000000 - 1700000060000000 - - 5 18\n";

fn sample() -> Record {
    let mut data = Data::default();
    data.set("seen", Bytes::from_static(b"true"));
    data.set("n", Bytes::from_static(b"7"));
    Record {
        writes: 7,
        id: "3q2-7wABAgMEBQYHCAkKCw".parse().expect("a name"),
        times: Times {
            created: Timestamp::from_micros(1_700_000_000_000_000),
            authenticated: None,
            touched: Timestamp::from_micros(1_700_000_060_000_000),
        },
        lifetime: None,
        indexed: None,
        subject: Some("alice".into()),
        data,
    }
}

fn decode(text: impl Into<Bytes>) -> Result<Record> {
    Record::decode(&text.into(), PLAIN, MAX)
}

fn is_corrupt(text: impl Into<Bytes>) -> bool {
    decode(text).is_err_and(|error| error.kind() == SessionErrorKind::Corrupt)
}

/// As hard to compress as it gets, in letters.
fn noise(length: usize) -> Bytes {
    let mut state = 1_u64;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        b' ' + (state >> 56) as u8 % 94
    };
    (0..length).map(next).collect()
}

#[test]
fn a_record_can_be_read_by_people() {
    let text = format!("{LINE_OF_SAMPLE}alice1:n1:74:seen4:true");
    let bytes = sample().encode(PLAIN).expect("nothing to seal");
    assert_eq!(bytes, text);
    assert!(decode(bytes).expect("its own") == sample());
}

#[test]
fn a_lifetime_of_its_own_and_an_authentication_are_written_along() {
    let mut record = sample();
    let own = Lifetime::new(Duration::from_secs(60), Duration::from_secs(3600));
    record.lifetime = Some(own.persistent());
    record.indexed = Some(Timestamp::from_micros(1_700_000_099_000_000));
    record.times.authenticated = Some(Timestamp::from_micros(9));
    record.subject = Some("".into());
    let bytes = record.encode(PLAIN).expect("nothing to seal");
    let line = "1p 7 3q2-7wABAgMEBQYHCAkKCw 1700000000000000 9 1700000060000000 60000000,3600000000,2000000,p 1700000099000000 0 18\n";
    assert!(bytes.starts_with(line.as_bytes()), "{bytes:?}");
    assert!(
        decode(bytes).expect("its own") == record,
        "no subject is not an empty one"
    );
}

#[test]
fn the_longest_line_fits_what_is_kept_for_it() {
    let mut record = sample();
    record.writes = u64::MAX;
    record.times = Times {
        created: Timestamp::MAX,
        authenticated: Some(Timestamp::MAX),
        touched: Timestamp::MAX,
    };
    let ten_years = crate::store::MAX_TTL;
    record.lifetime = Some(Lifetime::new(ten_years, ten_years).touch_every(ten_years / 4));
    record.indexed = Some(Timestamp::MAX);
    let bytes = record.encode(PLAIN).expect("nothing to seal");
    assert!(bytes.len() < LINE - 40, "with lengths of 20 digits");
    assert!(decode(bytes).expect("its own") == record);
}

#[test]
fn a_version_that_is_not_known_is_corrupt_and_not_absent() {
    for version in ["0", "2", ":", "", " 1"] {
        assert!(
            is_corrupt(format!("{version}{}", &LINE_OF_SAMPLE[1..])),
            "{version}"
        );
    }
}

#[test]
fn another_spelling_is_corrupt() {
    let sound = sample().encode(PLAIN).expect("nothing to seal");
    let sound = std::str::from_utf8(&sound).expect("text");
    let changed = |from: &str, to: &str| {
        assert!(sound.contains(from), "{from}");
        sound.replacen(from, to, 1)
    };
    for (from, to) in [
        ("1p ", "1p  "),
        ("1p ", "1q "),
        ("1p ", "1s "),
        (" 7 ", " 07 "),
        (" 7 ", " +7 "),
        (" 7 ", " - "),
        (" 7 ", " 18446744073709551616 "),
        ("Cw ", "Cx "),
        ("Cw ", "C "),
        ("1700000000000000 ", "9007199254740993 "),
        ("- - 5", "- 5"),
        ("- - 5", "--5"),
        ("- - 5", "60000000,3600000000,2000000,s- 5"),
        ("- - 5", "60000000,3600000000,2000000, - 5"),
        ("- - 5", "60000000,3600000000,15000001,s - 5"),
        ("- - 5", "60000000,59999999,2000000,s - 5"),
        ("- - 5", "999999,3600000000,0,s - 5"),
        ("- - 5", "60000000,315360000000001,0,s - 5"),
        (" 5 18", " 05 18"),
        (" 5 18", " 4 18"),
        (" 5 18", " 5 17"),
        (" 5 18", " - 18"),
        (" 5 18", " 18446744073709551615 18"),
        ("18\n", "18 "),
        ("18\n", "18\r\n"),
        ("n1:7", "n1:"),
    ] {
        assert!(is_corrupt(changed(from, to)), "{from:?} {to:?}");
    }
    let other = changed("- - 5", "60000000,3600000000,2000000,s - 5");
    assert!(decode(other).is_ok(), "or else the cases above say nothing");
}

#[test]
fn what_is_cut_off_or_longer_is_corrupt() {
    let bytes = sample().encode(PLAIN).expect("nothing to seal");
    for length in 0..bytes.len() {
        assert!(is_corrupt(bytes.slice(..length)), "{length}");
    }
    for more in ["x", "1:x1:1"] {
        assert!(is_corrupt([&bytes, more.as_bytes()].concat()), "{more}");
    }
}

#[test]
fn a_subject_that_is_no_text_is_corrupt() {
    let bytes = sample().encode(PLAIN).expect("nothing to seal");
    let mut bytes = bytes.to_vec();
    bytes[LINE_OF_SAMPLE.len()] = 0xff;
    assert!(is_corrupt(bytes));
}

#[test]
fn large_data_are_compressed_where_an_eighth_is_saved() {
    let with = |value: Bytes| {
        let mut record = sample();
        record.data.clear();
        record.data.set("k", value);
        record
    };
    let kept = |record: &Record| record.encode(PLAIN).expect("nothing to seal");
    let even = with(vec![b'a'; 9000].into());
    let bytes = kept(&even);
    assert!(bytes.starts_with(b"1z") && bytes.len() < 300);
    assert!(decode(bytes).expect("its own") == even);
    let size_of_pair = 3 + 5;
    let small = with(vec![b'a'; 4095 - size_of_pair].into());
    assert_eq!(small.data.size(), 4095);
    assert!(kept(&small).starts_with(b"1p"));
    let enough = with(vec![b'a'; 4096 - size_of_pair].into());
    assert!(kept(&enough).starts_with(b"1z"));
    let dense = with(noise(9000));
    assert!(kept(&dense).starts_with(b"1p"));
    assert!(decode(kept(&dense)).expect("its own") == dense);
}

#[test]
fn nothing_larger_than_it_may_be_is_read() {
    let mut record = sample();
    for value in [vec![b'a'; 9000].into(), noise(9000)] {
        record.data.set("k", value);
        let size = record.data.size();
        let bytes = record.encode(PLAIN).expect("nothing to seal");
        assert!(Record::decode(&bytes, PLAIN, size).is_ok());
        let error = Record::decode(&bytes, PLAIN, size - 1).err();
        let error = error.expect("it is too large");
        let told = error.to_string();
        assert!(told.ends_with("the session is larger than sessions may be"));
    }
}

#[test]
fn a_size_that_lz4_could_not_reach_takes_no_memory() {
    let line = LINE_OF_SAMPLE.replace("1p", "1z");
    for size in ["18446744073709551615", "1099511627776"] {
        let text = line.replace(" 17\n", &format!(" {size}\n")) + "alice1234";
        let decoded = Record::decode(&text.into(), PLAIN, usize::MAX);
        assert!(decoded.is_err(), "{size}");
    }
}

#[test]
fn two_writes_never_have_the_same_bytes() {
    let once = sample();
    let mut again = once.clone();
    again.writes += 1;
    let bytes = |record: &Record| record.encode(PLAIN).expect("nothing to seal");
    assert_ne!(bytes(&once), bytes(&again));
}
