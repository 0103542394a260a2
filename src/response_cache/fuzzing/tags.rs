use std::collections::BTreeSet;

use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::{fields, lines};
use crate::{
    response_cache::tags::{Origin, invalidated_groups, strip, tags_of},
    store::{Identifier, Tag},
};

const ORIGIN: Origin<'_> = Origin {
    scheme: "https",
    authority: "a.example",
};

/// Tags: none is lost, whatever is in it.
///
/// The response's fields; its lines are made groups as well.
pub fn tags(data: &[u8]) {
    let mut headers = fields(data);
    if let Ok(tags) = tags_of(&headers, &[], None, ORIGIN) {
        let sorted: BTreeSet<&Tag> = tags.iter().collect();
        assert!(sorted.into_iter().eq(&tags));
        assert!(tags.len() <= 128);
    }
    let _ = invalidated_groups(&Method::POST, StatusCode::OK, &headers, ORIGIN);
    assert!(invalidated_groups(&Method::GET, StatusCode::OK, &headers, ORIGIN).is_empty());
    strip(&mut headers);
    assert!(!headers.contains_key("surrogate-key") && !headers.contains_key("cache-tag"));
    written(data);
}

/// Groups that are written as RFC 9651, section 4.1.6, has it are read as they were.
fn written(data: &[u8]) {
    let is_text = |line: &&[u8]| line.iter().all(|byte| matches!(byte, b' '..=b'~'));
    let groups: BTreeSet<&[u8]> = lines(data).filter(is_text).take(64).collect();
    let mut field = Vec::new();
    for group in &groups {
        field.extend_from_slice(if field.is_empty() { b"\"" } else { b", \"" });
        for &byte in *group {
            if matches!(byte, b'"' | b'\\') {
                field.push(b'\\');
            }
            field.push(byte);
        }
        field.push(b'"');
    }
    let value = HeaderValue::from_bytes(&field).expect("text is a value");
    let mut headers = HeaderMap::new();
    headers.insert("cache-groups", value.clone());
    headers.insert("cache-group-invalidation", value);
    let purged = invalidated_groups(&Method::POST, StatusCode::OK, &headers, ORIGIN);
    assert_eq!(purged.len(), groups.len());
    match tags_of(&headers, &[], None, ORIGIN) {
        Ok(tags) => {
            assert!(purged.iter().all(|tag| tags.contains(tag)));
            let is_there = |group: &&[u8]| tags.contains(&Tag::new(Identifier::new(group)));
            assert!(groups.iter().all(is_there));
        }
        Err(_) => assert!(groups.iter().any(|group| group.len() > 1024)),
    }
}
