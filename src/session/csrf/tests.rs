use std::collections::HashSet;

use super::*;

fn token() -> Token {
    Token::generate().expect("random bytes")
}

#[test]
fn a_token_is_of_its_session_and_of_no_other() {
    let (mine, other) = (token(), token());
    let text = make(&mine).expect("random bytes");
    assert!(is_of(&text, &mine));
    assert!(!is_of(&text, &other));
}

#[test]
fn rotation_ends_it() {
    let old = token();
    let text = make(&old).expect("random bytes");
    assert!(!is_of(&text, &old.rotated().expect("random bytes")));
}

#[test]
fn no_two_texts_have_a_part_in_common() {
    let mine = token();
    let mut seen = HashSet::new();
    for _ in 0..100 {
        let text = make(&mine).expect("random bytes");
        assert_eq!(text.len(), TEXT);
        assert!(is_of(&text, &mine));
        let (pad, masked) = text.split_at(TEXT / 2);
        assert!(seen.insert(pad.to_owned()), "a pad was used again");
        assert!(seen.insert(masked.to_owned()), "what is masked shows");
    }
}

#[test]
fn any_pad_will_do() {
    let mine = token();
    for pad in [[0; HALF], [0xff; HALF], secret(mine.as_bytes())] {
        assert!(is_of(&padded(&pad, &secret(mine.as_bytes())), &mine));
    }
}

#[test]
fn a_change_of_any_bit_is_seen() {
    let mine = token();
    let text = make(&mine).expect("random bytes");
    let bytes = URL_SAFE_NO_PAD.decode(&text).expect("base64url");
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!is_of(&URL_SAFE_NO_PAD.encode(changed), &mine), "{bit}");
    }
}

#[test]
fn only_one_spelling_is_read() {
    let mine = token();
    let text = make(&mine).expect("random bytes");
    let mut other = text.clone().into_bytes();
    // The last letter has four bits that mean nothing: they are zero.
    if let Some(last) = other.last_mut() {
        *last += 1;
    }
    let other = String::from_utf8(other).expect("ASCII");
    for wrong in [
        String::new(),
        other,
        format!("{text}="),
        format!("{text}=="),
        format!("{text}A"),
        format!(" {text}"),
        text[1..].to_owned(),
        text[..TEXT - 1].to_owned(),
        "é".repeat(TEXT / 2),
        "=".repeat(TEXT),
        "A".repeat(TEXT),
        "A".repeat(10_000),
    ] {
        assert!(!is_of(&wrong, &mine), "{wrong}");
    }
}

#[test]
fn the_secret_is_neither_the_token_nor_its_hash() {
    let mine = token();
    let secret = secret(mine.as_bytes());
    let hash: [u8; HALF] = Sha256::digest(mine.as_bytes()).into();
    assert_ne!(secret, hash);
    assert!(
        mine.as_bytes()
            .windows(8)
            .all(|part| { secret.windows(8).all(|other| other != part) })
    );
}

#[test]
fn secrets_are_the_same_only_if_every_byte_is() {
    let secret = [7; HALF];
    assert!(same(&secret, &secret));
    for at in 0..HALF {
        let mut other = secret;
        other[at] ^= 0x80;
        assert!(!same(&secret, &other), "{at}");
    }
}
