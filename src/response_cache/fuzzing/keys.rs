use http::{HeaderMap, HeaderValue, Uri, header::HOST};

use super::lines;
use crate::response_cache::key::{CacheKey, KeyParts, Query, url_tag};

const NAMES: &[&str] = &["a", "utm_source", "page[]"];

/// Keys: requests share one only if they are for the same, as far as the policy looks.
///
/// The target and the `Host` of a request; those of another.
pub fn keys(data: &[u8]) {
    let mut lines = lines(data);
    let mut next = || {
        let uri = Uri::try_from(lines.next().unwrap_or_default()).ok();
        let host = HeaderValue::from_bytes(lines.next().unwrap_or_default()).ok();
        uri.zip(host.map(|host| [(HOST, host)].into_iter().collect::<HeaderMap>()))
    };
    let (Some(one), Some(other)) = (next(), next()) else {
        return;
    };
    for query in [
        Query::Exact,
        Query::Sorted,
        Query::Only(NAMES),
        Query::Ignore(NAMES),
        Query::Nothing,
    ] {
        let [a, b] = [&one, &other].map(|(uri, headers)| key(query, uri, headers));
        let parts = parts(query);
        let [tag, other_tag] = [&one, &other].map(|(uri, headers)| url_tag(&parts, uri, headers));
        assert_eq!(a.is_some(), tag.is_some());
        let (Some(a), Some(b)) = (a, b) else { return };
        if a.digest() == b.digest() {
            assert_eq!(
                tag, other_tag,
                "who invalidates the one invalidates the other"
            );
            assert_eq!(one.0.path(), other.0.path());
            assert!(is_alike(query, one.0.query(), other.0.query()));
            assert!(is_one_host(&one, &other));
        } else if query == Query::Exact && one == other {
            panic!("a request has two keys");
        }
    }
}

fn key(query: Query, uri: &Uri, headers: &HeaderMap) -> Option<CacheKey> {
    CacheKey::of_request(&parts(query), uri, headers, None)
}

const fn parts(query: Query) -> KeyParts {
    KeyParts {
        policy: "fuzzed",
        scheme: None,
        query,
        headers: Vec::new(),
    }
}

/// Returns whether queries may share a key.
fn is_alike(query: Query, one: Option<&str>, other: Option<&str>) -> bool {
    let parameters = |text: Option<&str>| -> Vec<String> {
        let all = text.into_iter().flat_map(|text| text.split('&'));
        all.map(str::to_owned).collect()
    };
    let [mut a, mut b] = [one, other].map(parameters);
    let name = |text: &str| text.split('=').next().unwrap_or_default().to_owned();
    match query {
        Query::Exact => one == other,
        Query::Sorted => {
            let values = |all: &[String], of: &str| -> Vec<String> {
                all.iter()
                    .filter(|text| name(text) == of)
                    .cloned()
                    .collect()
            };
            let same_order = a
                .iter()
                .all(|text| values(&a, &name(text)) == values(&b, &name(text)));
            a.sort();
            b.sort();
            a == b && same_order
        }
        Query::Only(names) => {
            let named = |all: &[String]| -> Vec<String> {
                let is_named = |text: &&String| names.contains(&name(text).as_str());
                all.iter().filter(is_named).cloned().collect()
            };
            named(&a) == named(&b)
        }
        Query::Ignore(names) => {
            let is_left = |text: &String| !names.contains(&name(text).as_str());
            a.retain(is_left);
            b.retain(is_left);
            a == b
        }
        Query::Nothing => true,
    }
}

fn is_one_host(one: &(Uri, HeaderMap), other: &(Uri, HeaderMap)) -> bool {
    let host = |(uri, headers): &(Uri, HeaderMap)| {
        let host = headers.get(HOST).map(HeaderValue::as_bytes);
        let host = uri
            .authority()
            .map_or(host, |text| Some(text.as_str().as_bytes()));
        let host = host.unwrap_or_default().to_ascii_lowercase();
        // The default port, or none at all, in either scheme.
        let text = String::from_utf8(host).expect("a host is ASCII");
        let text = [":80", ":443", ":"]
            .iter()
            .find_map(|port| text.strip_suffix(port))
            .unwrap_or(&text);
        text.to_owned()
    };
    let scheme = |uri: &Uri| uri.scheme_str().unwrap_or("http").to_owned();
    host(one) == host(other) && scheme(&one.0) == scheme(&other.0)
}
