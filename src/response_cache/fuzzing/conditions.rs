use http::{
    HeaderMap, Method, StatusCode,
    header::{
        CONTENT_LENGTH, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE, RANGE,
    },
};

use super::{blocks, fields, number, stored};
use crate::response_cache::semantics::{
    conditional::{Precondition, evaluate, not_modified_headers},
    range::{self, Ranged},
    validation::{Sent, after_head, condition, selects},
};

/// Conditions and ranges: parts lie within the body, and what asks for nothing gets all.
///
/// The request's fields; those of the stored response; the length of its body; those of an answer.
pub fn conditions(data: &[u8]) {
    let [request, response, len, answer] = blocks(data);
    let (request, len) = (fields(request), number(len));
    let head = stored(StatusCode::OK, fields(response));
    let outcome = evaluate(&Method::GET, &request, &head);
    let conditions = [
        IF_MATCH,
        IF_UNMODIFIED_SINCE,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
    ];
    let is_conditional = conditions.iter().any(|name| request.contains_key(name));
    assert!(is_conditional || outcome == Precondition::Full);
    let insists = request.contains_key(IF_MATCH) || request.contains_key(IF_UNMODIFIED_SINCE);
    assert!(insists || outcome != Precondition::Failed);
    assert_eq!(evaluate(&Method::POST, &request, &head), Precondition::Full);
    own_tag(&head.headers);
    assert!(!not_modified_headers(&head.headers).contains_key(CONTENT_LENGTH));

    let ranged = range::answer(&Method::GET, &request, &head, len);
    match ranged {
        Ranged::Full => {}
        Ranged::Partial { first, last } => assert!(first <= last && last < len),
        Ranged::Unsatisfiable => {}
    }
    assert!(request.contains_key(RANGE) || ranged == Ranged::Full);
    assert_eq!(ranged.content_range(len).is_none(), ranged == Ranged::Full);
    validated(request, &head.headers, &fields(answer), len);
}

/// Who has what is stored is told so.
fn own_tag(headers: &HeaderMap) {
    let mut tags = headers.get_all(ETAG).iter();
    let (Some(tag), None) = (tags.next(), tags.next()) else {
        return;
    };
    let text = tag.as_bytes();
    let opaque = text.strip_prefix(b"W/").unwrap_or(text);
    let inside = opaque
        .strip_prefix(b"\"")
        .and_then(|tag| tag.strip_suffix(b"\""));
    let is_well_formed = inside.is_some_and(|inside| {
        let is_etagc = |byte: &u8| *byte > b' ' && *byte != b'"' && *byte != 0x7f;
        inside.iter().all(is_etagc)
    });
    if is_well_formed {
        let request = [(IF_NONE_MATCH, tag.clone())].into_iter().collect();
        let head = stored(StatusCode::OK, headers.clone());
        let outcome = evaluate(&Method::GET, &request, &head);
        assert_eq!(outcome, Precondition::NotModified);
        assert!(selects(headers, headers, Sent::Several));
    }
}

/// What we ask the service is about what is stored, and no more.
fn validated(mut request: HeaderMap, stored: &HeaderMap, answer: &HeaderMap, len: u64) {
    let sent = condition(&mut request, [stored, answer]);
    for name in [IF_MATCH, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE] {
        assert!(!request.contains_key(name));
    }
    let asks = request.contains_key(IF_NONE_MATCH) || request.contains_key(IF_MODIFIED_SINCE);
    assert_eq!(asks, sent != Sent::Nothing);
    if let Some(list) = request.get(IF_NONE_MATCH) {
        // It would be true of everything. Inside of a tag it is one of its characters.
        let mut members = list.as_bytes().split(|&byte| byte == b',');
        let is_quoted = list.as_bytes().contains(&b'"');
        assert!(is_quoted || members.all(|member| member.trim_ascii() != b"*"));
    }
    let _ = selects(answer, stored, sent);
    let _ = after_head(StatusCode::OK, answer, stored, len);
}
