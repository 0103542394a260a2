use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn token() -> Token {
    Token::generate().expect("random numbers")
}

/// Reads letter by letter, bit by bit.
fn naive(text: &[u8]) -> Option<Vec<u8>> {
    let mut bits = Vec::new();
    for letter in text {
        let value = LETTERS.iter().position(|other| other == letter)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let (bits, rest) = bits.split_at_checked(34 * 8)?;
    let is_canonical = rest.len() == 4 && !rest.contains(&true);
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    is_canonical.then(|| bits.chunks(8).map(byte).collect())
}

#[test]
fn tokens_are_unique() {
    let tokens: HashSet<_> = (0..100_000).map(|_| *token().as_bytes()).collect();
    assert_eq!(tokens.len(), 100_000);
}

/// Of 64 tokens, every byte takes several values: none of the 34 is left as it was, or counted up.
#[test]
fn all_bytes_of_a_token_are_random() {
    let tokens: Vec<Token> = (0..64).map(|_| token()).collect();
    for at in 0..Token::BYTES {
        let values: HashSet<u8> = tokens.iter().map(|token| token.as_bytes()[at]).collect();
        assert!(values.len() > 32, "byte {at}");
    }
}

#[test]
fn rotation_keeps_the_slot_and_draws_32_bytes_anew() {
    let first = token();
    let rotated: Vec<Token> = (0..64)
        .map(|_| first.rotated().expect("random numbers"))
        .collect();
    for at in 0..Token::BYTES {
        let values: HashSet<u8> = rotated.iter().map(|token| token.as_bytes()[at]).collect();
        if at < 2 {
            assert_eq!(values, HashSet::from([first.as_bytes()[at]]));
        } else {
            assert!(values.len() > 32, "byte {at}");
        }
    }
}

#[test]
fn a_text_is_46_letters_and_brings_the_token_back() {
    for token in [Token([0; 34]), Token([0xff; 34]), token()] {
        let text = token.text();
        assert_eq!(text.len(), 46);
        assert_eq!(naive(text.as_bytes()).as_deref(), Some(&token.0[..]));
        assert_eq!(Token::parse(text.as_bytes()), Some(token));
    }
}

#[test]
fn any_other_length_letter_or_last_letter_is_malformed() {
    let text = token().text();
    for len in 0..46 {
        assert_eq!(Token::parse(&text.as_bytes()[..len]), None, "{len}");
    }
    for more in ["A", "=", "==", " ", "\0", "\n", "A="] {
        assert_eq!(Token::parse([&*text, more].concat().as_bytes()), None);
        assert_eq!(Token::parse([more, &*text].concat().as_bytes()), None);
    }
    assert_eq!(Token::parse(&[b'A'; 10_000]), None);
    for at in 0..46 {
        for other in 0..=255 {
            let mut changed = text.0;
            changed[at] = other;
            let expected = naive(&changed);
            let parsed = Token::parse(&changed).map(|token| token.0.to_vec());
            assert_eq!(parsed, expected, "{other} at {at}");
            let is_letter = LETTERS.contains(&other);
            assert!(is_letter || expected.is_none(), "{other} at {at}");
        }
    }
}

/// Four bits of the last letter belong to no byte.
#[test]
fn of_64_last_letters_four_are_canonical() {
    let mut text = Token([0; 34]).text().0;
    let mut tokens = HashSet::new();
    for letter in LETTERS {
        text[45] = *letter;
        tokens.extend(Token::parse(&text).map(|token| token.0));
    }
    assert_eq!(tokens.len(), 4);
}

#[test]
fn what_is_stored_is_the_slot_and_the_hash() {
    let token = token();
    let hash = Sha256::digest(token.0);
    let stored = [&token.0[..2], &hash[..30]].concat();
    let stored = Identifier::digest(stored.try_into().expect("32 bytes"));
    assert!(token.identifier() == stored);
    assert!(token.rotated().expect("random numbers").identifier() != stored);
}

/// Who reads the store has no token: neither what is stored nor a token made of it names the record.
#[test]
fn what_is_stored_is_no_token() {
    let token = token();
    let stored = token.identifier().to_text();
    assert!(!stored.contains(&*token.text()));
    let digest = stored.strip_prefix('~').expect("a digest");
    let digest_bytes = naive_bytes(digest);
    for text in [stored.as_str(), digest] {
        assert_eq!(Token::parse(text.as_bytes()), None);
    }
    for pad in [&[0, 0][..], &token.0[32..]] {
        let bytes = [&digest_bytes[..], pad].concat();
        let replayed = Token(bytes.try_into().expect("34 bytes"));
        assert!(replayed.identifier() != token.identifier());
    }
}

fn naive_bytes(digest: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(digest).expect("base64url")
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", Some(token())), "Some(Token)");
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_a_naive_reader_does(
        text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            prop::collection::vec(prop::sample::select(LETTERS), 44..=48),
            prop::collection::vec(prop::sample::select(LETTERS), 45).prop_map(|mut text| {
                text.push(b'w');
                text
            }),
        ],
    ) {
        let token = Token::parse(&text);
        prop_assert_eq!(token.as_ref().map(|token| token.0.to_vec()), naive(&text));
        if let Some(token) = token {
            prop_assert!(token.text().as_bytes() == text);
        }
    }
}
