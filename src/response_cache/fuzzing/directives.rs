use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};

use super::{joined, lines};
use crate::response_cache::semantics::{
    directives::{RequestDirectives, ResponseDirectives},
    targeted::Governing,
};

/// RFC 9111, section 1.2.2.
const MAX: Duration = Duration::from_secs(1 << 31);

/// `Cache-Control` and targeted fields: what forbids is never lost, lines are one list, and both grammars agree where they
/// mean the same.
pub fn directives(data: &[u8]) {
    let lines = lines(data).filter_map(|line| HeaderValue::from_bytes(line).ok());
    let lines: Vec<HeaderValue> = lines.collect();
    let said = ResponseDirectives::parse(&fields(&CACHE_CONTROL, &lines));
    let asked = RequestDirectives::parse(&fields(&CACHE_CONTROL, &lines));
    let ours = [said.max_age, said.s_maxage];
    let theirs = [asked.max_age, asked.min_fresh, asked.stale_if_error];
    let windows = [said.stale_while_revalidate, said.stale_if_error];
    let all = ours.into_iter().chain(theirs).chain(windows);
    assert!(all.flatten().all(|seconds| seconds <= MAX));

    let more = HeaderValue::from_static("No-Store");
    let more: Vec<HeaderValue> = lines.iter().cloned().chain([more]).collect();
    assert!(ResponseDirectives::parse(&fields(&CACHE_CONTROL, &more)).no_store);
    assert!(RequestDirectives::parse(&fields(&CACHE_CONTROL, &more)).no_store);

    let one = joined(&lines);
    // A quoted string ends with its line.
    if !data.contains(&b'"') {
        let one = fields(&CACHE_CONTROL, std::slice::from_ref(&one));
        assert_eq!(ResponseDirectives::parse(&one), said);
        assert_eq!(RequestDirectives::parse(&one), asked);
    }
    let target = HeaderName::from_static("cdn-cache-control");
    let targeted = |line: &HeaderValue| {
        let headers = fields(&target, std::slice::from_ref(line));
        Governing::of(&headers, std::slice::from_ref(&target))
    };
    targeted(&one);
    if is_alike(one.as_bytes()) {
        let governing = targeted(&one);
        assert!(governing.is_targeted);
        assert_eq!(governing.directives, said);
    }
}

fn fields(name: &HeaderName, lines: &[HeaderValue]) -> HeaderMap {
    let lines = lines.iter().map(|line| (name.clone(), line.clone()));
    lines.collect()
}

/// Returns whether a field means the same as a structured one: keys, each once, with integers where those belong.
fn is_alike(field: &[u8]) -> bool {
    const SECONDS: [&[u8]; 4] = [
        b"max-age",
        b"s-maxage",
        b"stale-if-error",
        b"stale-while-revalidate",
    ];
    let mut keys = Vec::new();
    // In front of the first member, structured fields have spaces alone.
    let mut start = field.iter().take_while(|byte| byte.is_ascii_whitespace());
    start.all(|&byte| byte == b' ')
        && field.split(|&byte| byte == b',').all(|member| {
            let member = member.trim_ascii();
            let mut parts = member.splitn(2, |&byte| byte == b'=');
            let key = parts.next().unwrap_or_default();
            let argument = parts.next();
            let is_key = key.first().is_some_and(u8::is_ascii_lowercase)
                && key
                    .iter()
                    .all(|byte| byte.is_ascii_lowercase() || *byte == b'-');
            let is_new = !keys.contains(&key);
            keys.push(key);
            let is_value = match argument {
                None => !SECONDS.contains(&key),
                Some(digits) => {
                    let is_integer = digits.iter().all(u8::is_ascii_digit);
                    SECONDS.contains(&key) && is_integer && (1..=15).contains(&digits.len())
                }
            };
            is_key && is_new && is_value
        })
}
