//! Keys as text.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;

use super::{NEW, OLD, open, sealed};
use crate::session::{InvalidKeyring, Keyring};

/// A key whose text has the letters in which the alphabets differ.
const PECULIAR: [u8; 32] = [0xfb; 32];

fn problem(text: &str) -> String {
    let error = Keyring::from_base64(text).expect_err("it is not a keyring");
    error.to_string()
}

#[test]
fn every_usual_spelling_of_a_key_is_the_same_key() {
    let keyring = Keyring::new(PECULIAR);
    let sealed = sealed(&keyring, b"text");
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        let text = engine.encode(PECULIAR);
        for text in [text.clone(), format!(" \t{text}\r\n")] {
            let read: Keyring = text.parse().expect("it is a key");
            assert!(open(&read, &sealed).is_some(), "{text:?}");
        }
    }
}

#[test]
fn of_several_keys_the_first_one_seals() {
    let text = format!("{}, {}\n", STANDARD.encode(NEW), URL_SAFE.encode(OLD));
    let read = Keyring::from_base64(&text).expect("they are keys");
    assert!(open(&read, &sealed(&Keyring::new(OLD), b"text")).is_some());
    assert!(open(&Keyring::new(NEW), &sealed(&read, b"text")).is_some());
    assert!(!read.accepts_plain());
}

#[test]
fn what_is_no_key_is_named_by_its_place() {
    let key = STANDARD.encode(NEW);
    assert_eq!(problem(""), "key 1 of the keyring is empty");
    assert_eq!(problem(" \n"), "key 1 of the keyring is empty");
    assert_eq!(problem(&format!("{key},")), "key 2 of the keyring is empty");
    assert_eq!(
        problem(&format!("{key},{key},hunter2!")),
        "key 3 of the keyring is not base64"
    );
    assert_eq!(
        problem(&STANDARD.encode([1; 16])),
        "key 1 of the keyring has 16 bytes instead of 32"
    );
    assert_eq!(
        problem(&STANDARD.encode([1; 33])),
        "key 1 of the keyring has 33 bytes instead of 32"
    );
}

#[test]
fn errors_show_nothing_of_a_key() {
    let text = "c3VwZXJzZWNyZXQ=,hunter2!";
    let error = Keyring::from_base64(text).expect_err("it is not a keyring");
    let shown = format!("{error} {error:?} {error:#?}");
    for part in text.split(',').chain(["supersecret", "hunter"]) {
        assert!(!shown.contains(part), "{shown}");
    }
    assert!(std::error::Error::source(&error).is_none());
}

proptest! {
    #[test]
    fn any_text_is_keys_or_an_error(text: String) {
        let read: Result<_, InvalidKeyring> = Keyring::from_base64(&text);
        prop_assert!(read.is_err(), "{} is a keyring", text);
    }
}
