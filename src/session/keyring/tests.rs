use proptest::{collection::vec, prelude::*};

use super::*;

const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];
const HEADER: &[u8] = b"header";
const PLACE: &[u8] = b"place";

/// What is in front of the text: the name of the key and the nonce.
const FRONT: usize = 8 + 24;

fn sealed(keyring: &Keyring, plain: &[u8]) -> Vec<u8> {
    keyring
        .seal(plain, &[HEADER, PLACE])
        .expect("random numbers")
}

fn open(keyring: &Keyring, sealed: &[u8]) -> Option<Vec<u8>> {
    keyring.open(sealed, &[HEADER, PLACE])
}

#[test]
fn what_is_sealed_opens_and_shows_nothing() {
    let keyring = Keyring::new(NEW);
    let plain = b"a cart of seventeen things";
    let sealed = sealed(&keyring, plain);
    assert_eq!(open(&keyring, &sealed).as_deref(), Some(&plain[..]));
    assert_eq!(sealed.len(), FRONT + plain.len() + 16);
    let shown = plain.windows(4).any(|part| {
        let mut places = sealed.windows(4);
        places.any(|place| place == part)
    });
    assert!(!shown, "a part of the text is in what is sealed");
}

#[test]
fn nothing_can_be_sealed_too() {
    let keyring = Keyring::new(NEW);
    let sealed = sealed(&keyring, b"");
    assert_eq!(open(&keyring, &sealed).as_deref(), Some(&b""[..]));
}

/// The vector of draft-irtf-cfrg-xchacha-03, appendix A.3.1, by way of our own layout.
#[test]
fn it_is_the_xchacha20_poly1305_of_others() {
    let key: Vec<u8> = (0x80..=0x9f).collect();
    let keyring = Keyring::new(key.try_into().expect("32 bytes"));
    let nonce: Vec<u8> = (0x40..=0x57).collect();
    let associated = [
        0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,
    ];
    let text = [
        0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b, 0x95, 0x76, 0x57, 0x94, 0x93, 0xc0, 0xe9,
        0x39, 0x57, 0x2a, 0x17, 0x00, 0x25, 0x2b, 0xfa, 0xcc, 0xbe, 0xd2, 0x90, 0x2c, 0x21, 0x39,
        0x6c, 0xbb, 0x73, 0x1c, 0x7f, 0x1b, 0x0b, 0x4a, 0xa6, 0x44, 0x0b, 0xf3, 0xa8, 0x2f, 0x4e,
        0xda, 0x7e, 0x39, 0xae, 0x64, 0xc6, 0x70, 0x8c, 0x54, 0xc2, 0x16, 0xcb, 0x96, 0xb7, 0x2e,
        0x12, 0x13, 0xb4, 0x52, 0x2f, 0x8c, 0x9b, 0xa4, 0x0d, 0xb5, 0xd9, 0x45, 0xb1, 0x1b, 0x69,
        0xb9, 0x82, 0xc1, 0xbb, 0x9e, 0x3f, 0x3f, 0xac, 0x2b, 0xc3, 0x69, 0x48, 0x8f, 0x76, 0xb2,
        0x38, 0x35, 0x65, 0xd3, 0xff, 0xf9, 0x21, 0xf9, 0x66, 0x4c, 0x97, 0x63, 0x7d, 0xa9, 0x76,
        0x88, 0x12, 0xf6, 0x15, 0xc6, 0x8b, 0x13, 0xb5, 0x2e,
    ];
    let tag = [
        0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf,
        0x49,
    ];
    let sealed = [&nonce, &text[..], &tag].concat();
    let plain = keyring.seals.open(&sealed, &associated);
    let plain = String::from_utf8(plain.expect("it opens")).expect("it is text");
    assert!(
        plain.starts_with("Ladies and Gentlemen of the class of '99"),
        "{plain}"
    );
}

#[test]
fn no_two_seals_are_alike() {
    let keyring = Keyring::new(NEW);
    let (a, b) = (sealed(&keyring, b"same"), sealed(&keyring, b"same"));
    assert_eq!(a[..8], b[..8], "the same key");
    assert_ne!(a[8..FRONT], b[8..FRONT], "other nonces");
    assert_ne!(a[FRONT..], b[FRONT..]);
}

#[test]
fn every_bit_that_is_changed_is_noticed() {
    let keyring = Keyring::new(NEW).also_opens(OLD);
    let sealed = sealed(&keyring, b"admin: no");
    for byte in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[byte] ^= 1 << bit;
            assert_eq!(open(&keyring, &changed), None, "bit {bit} of byte {byte}");
        }
    }
}

#[test]
fn what_is_cut_or_continued_does_not_open() {
    let keyring = Keyring::new(NEW);
    let sealed = sealed(&keyring, b"text");
    for len in 0..sealed.len() {
        assert_eq!(open(&keyring, &sealed[..len]), None, "the first {len}");
        assert_eq!(open(&keyring, &sealed[len + 1..]), None, "all after {len}");
    }
    assert_eq!(open(&keyring, &[&sealed[..], &[0]].concat()), None);
}

#[test]
fn another_place_or_header_does_not_open() {
    let keyring = Keyring::new(NEW);
    let sealed = sealed(&keyring, b"text");
    let others: [&[&[u8]]; 8] = [
        &[HEADER, b"elsewhere"],
        &[b"forged", PLACE],
        &[PLACE, HEADER],
        &[b"headerplace"],
        &[b"headerp", b"lace"],
        &[HEADER, PLACE, b""],
        &[HEADER],
        &[],
    ];
    for bound_to in others {
        assert_eq!(keyring.open(&sealed, bound_to), None, "{bound_to:?}");
    }
    assert!(keyring.open(&sealed, &[HEADER, PLACE]).is_some());
}

#[test]
fn an_old_key_opens_and_the_new_one_seals() {
    let old = Keyring::new(OLD);
    let both = Keyring::new(NEW).also_opens(OLD);
    let new = Keyring::new(NEW);

    let before = sealed(&old, b"text");
    assert_eq!(open(&both, &before).as_deref(), Some(&b"text"[..]));
    assert_eq!(open(&new, &before), None);

    let after = sealed(&both, b"text");
    assert_eq!(open(&new, &after).as_deref(), Some(&b"text"[..]));
    assert_eq!(open(&old, &after), None);
}

#[test]
fn the_name_of_another_key_does_not_help() {
    let keyring = Keyring::new(NEW).also_opens(OLD);
    let mut sealed_by_new = sealed(&keyring, b"text");
    let sealed_by_old = sealed(&Keyring::new(OLD), b"text");
    sealed_by_new[..8].copy_from_slice(&sealed_by_old[..8]);
    assert_eq!(open(&keyring, &sealed_by_new), None);
}

#[test]
fn plain_data_are_refused_unless_asked_for() {
    let keyring = Keyring::new(NEW);
    assert!(!keyring.accepts_plain());
    assert!(!keyring.clone().also_opens(OLD).accepts_plain());
    assert!(keyring.also_opens_plain().accepts_plain());
}

#[test]
fn debug_shows_no_key() {
    let keyring = Keyring::new([b'k'; 32]).also_opens([b'q'; 32]);
    assert_eq!(format!("{keyring:?}"), "Keyring { .. }");
}

proptest! {
    #[test]
    fn any_text_bound_to_anything_opens_again(
        key: [u8; 32],
        plain in vec(any::<u8>(), 0..300),
        bound_to in vec(vec(any::<u8>(), 0..200), 0..4),
    ) {
        let keyring = Keyring::new(key);
        let bound_to: Vec<&[u8]> = bound_to.iter().map(Vec::as_slice).collect();
        let sealed = keyring.seal(&plain, &bound_to).expect("random numbers");
        prop_assert_eq!(keyring.open(&sealed, &bound_to), Some(plain));
    }

    #[test]
    fn no_other_parts_open(
        parts in vec(vec(any::<u8>(), 0..3), 0..4),
        others in vec(vec(any::<u8>(), 0..3), 0..4),
    ) {
        let keyring = Keyring::new(NEW);
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let others: Vec<&[u8]> = others.iter().map(Vec::as_slice).collect();
        let sealed = keyring.seal(b"text", &parts).expect("random numbers");
        prop_assert_eq!(keyring.open(&sealed, &others).is_some(), parts == others);
    }

    #[test]
    fn made_up_bytes_do_not_open(
        mut bytes in vec(any::<u8>(), 0..200),
        named: bool,
    ) {
        let keyring = Keyring::new(NEW).also_opens(OLD).also_opens_plain();
        if named {
            bytes.splice(0..0, keyring.seals.id());
        }
        prop_assert_eq!(open(&keyring, &bytes), None);
    }
}

mod text;
