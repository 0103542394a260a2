//! What is read out of fields, and what is refused.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const ORIGIN: Origin<'_> = Origin {
    scheme: "https",
    authority: "example.com",
};
const OTHER: Origin<'_> = Origin {
    scheme: "https",
    authority: "example.org",
};

fn headers(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let lines = lines.iter();
    lines
        .map(|(name, line)| (name.clone(), HeaderValue::from_str(line).expect("visible")))
        .collect()
}

fn of(lines: &[(HeaderName, &str)]) -> Result<Vec<Tag>, Untaggable> {
    tags_of(&headers(lines), &[], None, ORIGIN)
}

fn sorted(tags: impl IntoIterator<Item = Tag>) -> Vec<Tag> {
    let tags: BTreeSet<Tag> = tags.into_iter().collect();
    tags.into_iter().collect()
}

fn named<const N: usize>(names: [&str; N]) -> Vec<Tag> {
    sorted(names.map(Tag::new))
}

#[test]
fn tags_come_from_all_lines_of_all_fields_the_policy_and_the_handler_each_once() {
    let headers = headers(&[
        (SURROGATE_KEY, " a  b\tposts"),
        (SURROGATE_KEY, "c"),
        (CACHE_TAG, "a, d e ,,posts"),
        (CACHE_TAG, ""),
    ]);
    let caching = Caching::tagged("f").tag("posts");
    let tags = tags_of(&headers, &["policy", "posts"], Some(&caching), ORIGIN);
    let expected = named(["a", "b", "c", "d e", "f", "policy", "posts"]);
    assert_eq!(tags, Ok(expected));
    assert_eq!(of(&[]), Ok(Vec::new()));
}

#[test]
fn a_group_is_the_tag_of_its_text_and_one_of_its_origin() {
    let lines = [(CACHE_GROUPS, r#""posts";v=1, "a, \"b\"""#)];
    let both = ["posts", r#"a, "b""#];
    let expected = both.into_iter().map(Tag::new);
    let expected = sorted(expected.chain(both.map(|group| ORIGIN.tag(group))));
    assert_eq!(of(&lines), Ok(expected));
    assert_ne!(ORIGIN.tag("posts"), OTHER.tag("posts"));
}

#[test]
fn an_origin_is_the_same_in_any_case_and_never_a_text() {
    let upper = Origin {
        scheme: "HTTPS",
        authority: "Example.COM",
    };
    assert_eq!(upper.tag("posts"), ORIGIN.tag("posts"));
    assert_ne!(upper.tag("Posts"), ORIGIN.tag("posts"));
    let moved = Origin {
        scheme: "httpse",
        authority: "xample.com",
    };
    assert_ne!(moved.tag("posts"), ORIGIN.tag("posts"));
    assert_ne!(ORIGIN.tag("posts"), Tag::new("(https,example.com,posts)"));
}

#[test]
fn the_least_that_the_rfc_asks_for_fits_twice_over() {
    let groups = |count: usize| {
        let groups = (0..count).map(|n| format!(r#""{n:032}""#));
        groups.collect::<Vec<_>>().join(", ")
    };
    let tags = |count| of(&[(CACHE_GROUPS, groups(count).as_str())]).map(|tags| tags.len());
    assert_eq!(tags(32), Ok(64));
    assert_eq!(tags(64), Ok(128));
    assert_eq!(tags(65), Err(Untaggable::TooMany));
}

#[test]
fn what_cannot_be_stored_with_all_its_tags_is_refused() {
    let many = |count: usize| {
        let keys = (0..count).map(|n| n.to_string());
        keys.collect::<Vec<_>>().join(" ")
    };
    let keys = |keys: &str| of(&[(SURROGATE_KEY, keys)]).map(|tags| tags.len());
    assert_eq!(keys(&many(128)), Ok(128));
    assert_eq!(keys(&many(129)), Err(Untaggable::TooMany));
    assert_eq!(keys(&"same ".repeat(1000)), Ok(1));
    assert_eq!(keys(&"k".repeat(1024)), Ok(1));
    for field in [SURROGATE_KEY, CACHE_TAG] {
        let long = of(&[(field, "k".repeat(1025).as_str())]);
        assert_eq!(long, Err(Untaggable::TooLong));
    }
    for malformed in ["posts", "\"posts", "(\"a\" \"b\")", "\"a\",", "1", "?1"] {
        let tags = of(&[(CACHE_GROUPS, "\"a\""), (CACHE_GROUPS, malformed)]);
        assert_eq!(tags, Err(Untaggable::Malformed), "{malformed}");
    }
    let caching = Caching::default().tags((0..129).map(|n| n.to_string()));
    let tags = tags_of(&HeaderMap::new(), &[], Some(&caching), ORIGIN);
    assert_eq!(tags, Err(Untaggable::TooMany));
}

#[test]
fn groups_are_invalidated_in_their_origin_by_what_did_something() {
    let headers = headers(&[
        (CACHE_GROUP_INVALIDATION, r#""a", "b""#),
        (CACHE_GROUP_INVALIDATION, "no strings"),
        (CACHE_GROUP_INVALIDATION, r#""a""#),
    ]);
    let by = |method: &str, status: u16| {
        let method = Method::from_bytes(method.as_bytes()).expect("a token");
        let status = StatusCode::from_u16(status).expect("in range");
        invalidated_groups(&method, status, &headers, ORIGIN)
    };
    let groups = sorted(["a", "b"].map(|group| ORIGIN.tag(group)));
    for (method, status) in [("POST", 200), ("DELETE", 204), ("PUT", 303), ("XYZ", 200)] {
        assert_eq!(by(method, status), groups, "{method} {status}");
    }
    for (method, status) in [
        ("GET", 200),
        ("HEAD", 200),
        ("OPTIONS", 200),
        ("TRACE", 200),
        ("POST", 101),
        ("POST", 404),
        ("POST", 500),
    ] {
        assert!(by(method, status).is_empty(), "{method} {status}");
    }
    let carried = of(&[(CACHE_GROUPS, r#""a""#)]).expect("one group");
    assert!(groups.iter().any(|group| carried.contains(group)));
}

#[test]
fn what_is_meant_for_this_cache_does_not_go_out() {
    let mut headers = headers(&[
        (SURROGATE_KEY, "a"),
        (SURROGATE_KEY, "b"),
        (CACHE_TAG, "c"),
        (CACHE_GROUPS, "\"d\""),
    ]);
    strip(&mut headers);
    assert_eq!(headers.len(), 1);
    assert!(headers.contains_key(CACHE_GROUPS));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bytes beyond ASCII are a tag as any other, and fields never panic.
    #[test]
    fn any_bytes_are_read(lines in prop::collection::vec(prop::collection::vec(32_u8.., 0..80), 0..4)) {
        let mut headers = HeaderMap::new();
        for line in &lines {
            let Ok(value) = HeaderValue::from_bytes(line) else { continue };
            for name in [SURROGATE_KEY, CACHE_TAG] {
                headers.append(name, value.clone());
            }
        }
        let tags = tags_of(&headers, &[], None, ORIGIN).expect("few and short");
        let lines = || headers.get_all(CACHE_TAG).iter().map(HeaderValue::as_bytes);
        let keys = lines().flat_map(|line| line.split(|byte| *byte == b' '));
        let listed = lines().flat_map(|line| line.split(|byte| *byte == b','));
        let listed = listed.map(<[u8]>::trim_ascii);
        let expected = keys.chain(listed).filter(|tag| !tag.is_empty());
        prop_assert_eq!(tags, sorted(expected.map(|tag| Tag::new(Identifier::new(tag)))));
    }

    #[test]
    fn any_line_is_a_list_of_strings_or_refused(line in "[ -~]{0,24}|(\"[a-z]{0,3}\"[;, ]{0,2}){0,4}") {
        let carried = of(&[(CACHE_GROUPS, &line)]);
        let headers = headers(&[(CACHE_GROUP_INVALIDATION, &line)]);
        let invalidated = invalidated_groups(&Method::POST, StatusCode::OK, &headers, ORIGIN);
        match carried {
            Ok(carried) => {
                prop_assert_eq!(carried.len(), 2 * invalidated.len());
                prop_assert!(invalidated.iter().all(|group| carried.contains(group)));
            }
            Err(why) => {
                prop_assert_eq!(why, Untaggable::Malformed);
                prop_assert!(invalidated.is_empty());
            }
        }
    }
}
