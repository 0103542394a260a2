use proptest::prelude::*;

use super::*;

#[test]
fn no_two_are_the_same() {
    let all = (0..1000).map(|_| SessionId::generate().expect("random bytes"));
    let distinct: std::collections::HashSet<_> = all.collect();
    assert_eq!(distinct.len(), 1000);
}

#[test]
fn it_has_one_spelling() {
    let text = "3q2-7wABAgMEBQYHCAkKCw";
    let id: SessionId = text.parse().expect("22 letters");
    assert_eq!(id.to_string(), text);
    assert_eq!(format!("{id:?}"), format!("SessionId({text})"));
    for other in [
        "",
        "3q2-7wABAgMEBQYHCAkKC",
        "3q2-7wABAgMEBQYHCAkKCwA",
        "3q2-7wABAgMEBQYHCAkKCx",
        "3q2+7wABAgMEBQYHCAkKCw",
        "3q2-7wABAgMEBQYHCAkK==",
        "3q2-7wABAgMEBQYHCAkKCw==",
        " 3q2-7wABAgMEBQYHCAkKC",
        "3q2-7wABAgMEBQYHCAkK\u{e9}",
    ] {
        assert_eq!(
            other.parse::<SessionId>(),
            Err(InvalidSessionId(())),
            "{other}"
        );
    }
}

#[test]
fn it_is_its_text_in_json() {
    let id = SessionId::from_bytes([7; 16]);
    let json = serde_json::to_string(&id).expect("a string");
    assert_eq!(json, format!("\"{id}\""));
    assert_eq!(
        serde_json::from_str::<SessionId>(&json).expect("its own"),
        id
    );
    let error = serde_json::from_str::<SessionId>("\"secret\"").expect_err("no name");
    assert!(!error.to_string().contains("secret"), "{error}");
    assert!(serde_json::from_str::<SessionId>("7").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_and_back_is_the_same(bytes: [u8; 16]) {
        let id = SessionId::from_bytes(bytes);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(SessionId::parse(&id.text()), Some(id));
        prop_assert_eq!(id.as_bytes(), &bytes);
    }

    #[test]
    fn other_texts_are_refused_or_the_only_spelling(text in "[A-Za-z0-9_-]{22}") {
        if let Ok(id) = text.parse::<SessionId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }
}
