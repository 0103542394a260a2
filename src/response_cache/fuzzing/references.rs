use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Uri,
    header::{CONTENT_LOCATION, HOST, LOCATION},
    uri::PathAndQuery,
};

use super::lines;
use crate::response_cache::semantics::invalidation::{RequestTarget, Targets, targets};

/// What a write invalidates: paths of its own origin, the same however often they are resolved.
///
/// The target of the request; its `Host`; `Location`; `Content-Location`.
pub fn references(data: &[u8]) {
    let mut lines = lines(data);
    let mut next = || HeaderValue::from_bytes(lines.next().unwrap_or_default()).ok();
    let uri = next().and_then(|target| Uri::try_from(target.as_bytes()).ok());
    let (Some(uri), Some(host), Some(location), Some(content)) = (uri, next(), next(), next())
    else {
        return;
    };
    let request: HeaderMap = [(HOST, host.clone())].into_iter().collect();
    let found = found(&uri, &request, &location, &content);
    let Some(base) = uri.path_and_query() else {
        assert!(found.is_empty());
        return;
    };
    assert_eq!(found.first(), Some(base));
    assert!(found.len() <= 3);
    for other in found.iter().skip(1) {
        is_resolved(other, &uri, &request);
    }
    if is_elsewhere(&uri, &host, &location) && is_elsewhere(&uri, &host, &content) {
        assert_eq!(found.len(), 1);
    }
}

fn found(uri: &Uri, request: &HeaderMap, location: &HeaderValue, content: &HeaderValue) -> Targets {
    let response = [(LOCATION, location), (CONTENT_LOCATION, content)];
    let response = response.map(|(name, value)| (name, value.clone()));
    let response: HeaderMap = response.into_iter().collect();
    let target = RequestTarget::new(uri, request);
    targets(&Method::POST, StatusCode::CREATED, target, &response)
}

/// There is nothing left to resolve in what was.
fn is_resolved(other: &PathAndQuery, uri: &Uri, request: &HeaderMap) {
    assert!(other.path().starts_with('/'));
    // An empty reference is the request's own path, as it is.
    if Some(other.path()) == uri.path_and_query().map(PathAndQuery::path) {
        return;
    }
    let is_dots = |segment: &str| matches!(segment, "." | "..");
    assert!(!other.path().split('/').any(is_dots));
    // Two slashes at the start would be an authority.
    if !other.path().starts_with("//") {
        let again = HeaderValue::from_str(other.as_str())
            .or(HeaderValue::from_bytes(other.as_str().as_bytes()));
        let again = again.expect("it is of a value");
        if let Ok(text) = again.to_str()
            && !text.is_empty()
        {
            assert!(found(uri, request, &again, &again).contains(other));
        }
    }
}

/// Returns whether a URI certainly names another host.
fn is_elsewhere(uri: &Uri, host: &HeaderValue, location: &HeaderValue) -> bool {
    let Ok(own) = uri.host().map_or_else(|| host.to_str(), Ok) else {
        return false;
    };
    let own = own.to_ascii_lowercase();
    let other = Uri::try_from(location.as_bytes().trim_ascii()).ok();
    let other = other.filter(|other| other.scheme().is_some());
    other.is_some_and(|other| {
        let name = other.host().unwrap_or_default().to_ascii_lowercase();
        !name.is_empty() && !own.contains(&name)
    })
}
