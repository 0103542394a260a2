//! No two requests that differ have one key.

use super::*;

/// What tells a request apart under exact settings.
type Told = (
    bool,
    String,
    u16,
    String,
    Option<String>,
    Vec<Vec<u8>>,
    Option<String>,
);

fn told() -> impl Strategy<Value = Told> {
    (
        any::<bool>(),
        "[ab]{1,2}",
        1_u16..3,
        "/[ab%/]{0,3}",
        prop::option::of("[ab&=]{0,3}"),
        prop::collection::vec(prop::collection::vec(b'a'..b'c', 0..3), 0..3),
        prop::option::of("[ab]{0,2}"),
    )
}

fn key_of((secure, host, port, path, query, lines, subject): &Told) -> CacheKey {
    let scheme = if *secure { "https" } else { "http" };
    let query = query
        .as_ref()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-a", HeaderValue::from_bytes(line).expect("a value"));
    }
    let parts = KeyParts {
        headers: vec![HeaderName::from_static("x-a")],
        ..parts(Query::Exact)
    };
    let subject = subject.as_deref().map(Identifier::from);
    let uri = uri(&format!("{scheme}://{host}:{port}{path}{query}"));
    CacheKey::of_request(&parts, &uri, &headers, subject.as_ref()).expect("a key")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_equal_where_all_parts_are(one in told(), other in told()) {
        prop_assert_eq!(one == other, key_of(&one) == key_of(&other));
    }

    #[test]
    fn no_two_lists_of_parts_are_the_same_input(
        one in prop::collection::vec(prop::option::of(prop::collection::vec(0_u8..3, 0..4)), 0..5),
        other in prop::collection::vec(prop::option::of(prop::collection::vec(0_u8..3, 0..4)), 0..5),
    ) {
        let input = |parts: &[Option<Vec<u8>>]| {
            let mut input = Input::default();
            parts.iter().for_each(|part| input.put(part.as_deref()));
            input.bytes().to_vec()
        };
        prop_assert_eq!(one == other, input(&one) == input(&other));
    }

    #[test]
    fn any_query_and_host_is_taken_without_a_panic(query in "[ -~]{0,30}", host in "[ -~]{0,12}") {
        for rule in [Query::Exact, Query::Sorted, Query::Only(&["a"]), Query::Ignore(&["a"]), Query::Nothing] {
            let mut input = Input::default();
            rule.put(Some(&query), &mut input);
        }
        for scheme in ["http", "https", "x"] {
            let _ = Authority::parse(host.as_bytes(), scheme);
        }
    }

    #[test]
    fn lengths_beyond_a_byte_are_told_apart(one in 250_usize..260, other in 250_usize..260) {
        let input = |length| {
            let mut input = Input::default();
            input.put(Some(&vec![b'a'; length]));
            input.bytes().to_vec()
        };
        prop_assert_eq!(one == other, input(one) == input(other));
    }
}
