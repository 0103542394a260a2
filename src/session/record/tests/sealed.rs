use super::*;

fn keyring() -> Keyring {
    Keyring::new([7; 32])
}

fn sealed_with<'a>(keyring: &'a Keyring, place: &'a str) -> Seal<'a> {
    Seal {
        keyring: Some(keyring),
        place,
    }
}

/// Samples that are sealed, once as they are and once in LZ4.
fn samples() -> [Record; 2] {
    let mut large = sample();
    large.data.set("n", vec![b'7'; 5000].into());
    [sample(), large]
}

#[test]
fn it_comes_back_as_it_was_and_shows_neither_subject_nor_data() {
    let keyring = keyring();
    let seal = sealed_with(&keyring, "~here");
    for (record, letter) in samples().into_iter().zip([b's', b'x']) {
        let bytes = record.encode(seal).expect("random bytes");
        assert_eq!(bytes.get(1), Some(&letter));
        assert!(Record::decode(&bytes, seal, MAX).expect("its own") == record);
        for secret in ["alice", "true", "seen"] {
            let mut windows = bytes.windows(secret.len());
            assert!(
                !windows.any(|window| window == secret.as_bytes()),
                "{secret}"
            );
        }
    }
}

#[test]
fn every_change_of_a_byte_is_refused() {
    let keyring = keyring();
    let seal = sealed_with(&keyring, "~here");
    for record in samples() {
        let bytes = record.encode(seal).expect("random bytes");
        for at in 0..bytes.len() {
            for change in [1, 2, 4, 8, 16, 32, 64, 128] {
                let mut changed = bytes.to_vec();
                changed[at] ^= change;
                let decoded = Record::decode(&changed.into(), seal, MAX);
                let kind = decoded.err().map(|error| error.kind());
                assert_eq!(kind, Some(SessionErrorKind::Corrupt), "{at} {change}");
            }
        }
        for length in 0..bytes.len() {
            assert!(Record::decode(&bytes.slice(..length), seal, MAX).is_err());
        }
    }
}

#[test]
fn what_two_sessions_hold_cannot_be_swapped() {
    let keyring = keyring();
    let bytes = sample()
        .encode(sealed_with(&keyring, "~here"))
        .expect("random bytes");
    let there = Record::decode(&bytes, sealed_with(&keyring, "~there"), MAX);
    assert!(there.is_err(), "another place");

    let mut other = sample();
    other.times.touched = Timestamp::MAX;
    let seal = sealed_with(&keyring, "~here");
    let other = other.encode(seal).expect("random bytes");
    let cut = |bytes: &Bytes| {
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .expect("a line");
        (bytes.slice(..=end), bytes.slice(end + 1..))
    };
    let ((line, rest), (other_line, other_rest)) = (cut(&bytes), cut(&other));
    for (line, rest, is_sound) in [
        (&line, &rest, true),
        (&line, &other_rest, false),
        (&other_line, &rest, false),
    ] {
        let mixed = [&line[..], rest].concat();
        assert_eq!(Record::decode(&mixed.into(), seal, MAX).is_ok(), is_sound);
    }
}

#[test]
fn another_key_opens_nothing() {
    let (keyring, other) = (keyring(), Keyring::new([8; 32]));
    let bytes = sample()
        .encode(sealed_with(&keyring, "~here"))
        .expect("random bytes");
    assert!(Record::decode(&bytes, sealed_with(&other, "~here"), MAX).is_err());
}

#[test]
fn nothing_falls_back_to_what_is_not_sealed() {
    let keyring = keyring();
    let seal = sealed_with(&keyring, "~here");
    let migrating = keyring.clone().also_opens_plain();
    let migrating = sealed_with(&migrating, "~here");
    for record in samples() {
        let plain = record.encode(PLAIN).expect("nothing to seal");
        let sealed = record.encode(seal).expect("random bytes");
        let refused = |bytes: &Bytes, seal, message: &str| {
            let error = Record::decode(bytes, seal, MAX).expect_err("it is refused");
            assert_eq!(error.kind(), SessionErrorKind::Corrupt);
            assert!(error.to_string().ends_with(message), "{error}");
        };
        refused(&plain, seal, "the session is not sealed");
        refused(
            &sealed,
            PLAIN,
            "the session is sealed, and there is no keyring",
        );
        assert!(Record::decode(&plain, migrating, MAX).expect("asked for") == record);
        assert!(Record::decode(&sealed, migrating, MAX).expect("its own") == record);
        let again = record.encode(migrating).expect("random bytes");
        assert!(
            Record::decode(&again, seal, MAX).is_ok(),
            "it is sealed with its next write"
        );
    }
}
