//! Validation with the service: RFC 9111, section 4.3.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        CONTENT_ENCODING, CONTENT_LENGTH, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
        IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE,
    },
};

use super::etag::{ETag, only};
use crate::response_cache::stored::StoredHead;

/// How many stored responses a request of ours has asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum Sent {
    /// None: the request has no conditions, a 304 to it is no answer.
    Nothing,
    /// One, so a 304 means that one, whatever it says.
    One,
    /// Several.
    Several,
}

/// What the answer to a `HEAD` does to a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) enum HeadEffect {
    /// It is the same representation, and is freshened.
    Freshen,
    /// It has changed, and may not be used any more without validation.
    Invalidate,
    /// The answer says nothing of it.
    Nothing,
}

/// Makes a request ask whether one of the stored responses is still good, newest first (section 4.3.1): `If-None-Match`
/// with the tags of all of them, and `If-Modified-Since` with the date of the newest. The client's own conditions go.
pub(in crate::response_cache) fn condition<'a>(
    request: &mut HeaderMap,
    stored: impl IntoIterator<Item = &'a HeaderMap>,
) -> Sent {
    strip_conditionals(request);
    let (mut list, mut seen) = (Vec::new(), Vec::<ETag<'a>>::new());
    let mut asked = 0_usize;
    for (at, headers) in stored.into_iter().enumerate() {
        let tag = ETag::of(headers).filter(|tag| tag.is_sendable());
        let date = only(headers, &LAST_MODIFIED).filter(|_| at == 0);
        asked += usize::from(tag.is_some() || date.is_some());
        if let Some(date) = date {
            set(request, IF_MODIFIED_SINCE, date.clone());
        }
        if let Some(tag) = tag.filter(|tag| !seen.iter().any(|seen| seen.is_like(*tag))) {
            tag.put(&mut list);
            seen.push(tag);
        }
    }
    if !list.is_empty() {
        let list = HeaderValue::from_maybe_shared(Bytes::from(list));
        set(
            request,
            IF_NONE_MATCH,
            list.expect("the parts of values are values"),
        );
    }
    match asked {
        0 => Sent::Nothing,
        1 => Sent::One,
        _ => Sent::Several,
    }
}

/// Removes the conditions and the range of a client: a service that does not see them gives the whole response, from
/// which the client is answered.
pub(in crate::response_cache) fn strip_conditionals(request: &mut HeaderMap) {
    for name in [
        IF_MATCH,
        IF_NONE_MATCH,
        IF_MODIFIED_SINCE,
        IF_UNMODIFIED_SINCE,
        IF_RANGE,
        RANGE,
    ] {
        request.remove(name);
    }
}

/// Returns whether a 304 is about a stored response (section 4.3.4). Of several that it is about, a strong tag freshens
/// all, everything else the newest.
///
/// A strong tag is compared strongly, a weak one weakly, and a date by itself only where there is no tag. A 304 without
/// any of them is about the one that we have asked for.
pub(in crate::response_cache) fn selects(
    answer: &HeaderMap,
    stored: &HeaderMap,
    sent: Sent,
) -> bool {
    if let Some(tag) = ETag::of(answer) {
        return ETag::of(stored).is_some_and(|stored| {
            if tag.is_strong() {
                tag.is(stored)
            } else {
                tag.is_like(stored)
            }
        });
    }
    match only(answer, &LAST_MODIFIED) {
        Some(date) => only(stored, &LAST_MODIFIED) == Some(date),
        None => sent == Sent::One && is_validatable(stored),
    }
}

fn is_validatable(stored: &HeaderMap) -> bool {
    ETag::of(stored).is_some_and(ETag::is_sendable) || only(stored, &LAST_MODIFIED).is_some()
}

/// Returns whether a 304 may say that a stored response answers a request that has other values in the fields that it varies
/// by.
///
/// By a strong tag only, and where a client negotiates: services that tell users or tenants apart by a field give all of
/// them tags such as `"v1"`. Layers that compress leave the tag as it is, and not all can read what they make.
pub(in crate::response_cache) fn may_answer_others(stored: &StoredHead) -> bool {
    let names = &stored.vary.names;
    names.iter().all(|name| name.as_str().starts_with("accept"))
        && ETag::of(&stored.headers).is_some_and(ETag::is_strong)
        && !stored.headers.contains_key(CONTENT_ENCODING)
}

/// Returns what an answer to a `HEAD` does to the stored response that could have answered it, whose body has `len` bytes
/// (section 4.3.5): the validators and the length that it has must be those of the stored one.
pub(in crate::response_cache) fn after_head(
    status: StatusCode,
    answer: &HeaderMap,
    stored: &HeaderMap,
    len: u64,
) -> HeadEffect {
    if status != StatusCode::OK {
        return HeadEffect::Nothing;
    }
    let same_tag = ETag::of(answer)
        .is_none_or(|tag| ETag::of(stored).is_some_and(|stored| tag.is_like(stored)));
    let same_date = !answer.contains_key(LAST_MODIFIED)
        || only(answer, &LAST_MODIFIED)
            .is_some_and(|date| only(stored, &LAST_MODIFIED) == Some(date));
    let same_length = !answer.contains_key(CONTENT_LENGTH)
        || only(answer, &CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok())
            .is_some_and(|length: u64| length == len);
    if same_tag && same_date && same_length {
        HeadEffect::Freshen
    } else {
        HeadEffect::Invalidate
    }
}

fn set(request: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    // A map that is full asks without the condition, and gets a whole response.
    let _ = request.try_insert(name, value);
}

#[cfg(test)]
mod tests;
