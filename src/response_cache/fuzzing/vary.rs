use http::{HeaderMap, HeaderName, header::VARY};

use super::{blocks, fields, joined};
use crate::response_cache::{
    semantics::vary::{Normalise, digest_for, digests_for},
    stored::Varied,
};

/// Variants: a response answers the request that it was made for, and one that differs in a field without a meaning that
/// we know does not get it.
///
/// The response's fields; those of its request; those of another.
pub fn vary(data: &[u8]) {
    let [response, request, other] = blocks(data);
    let [response, request, other] = [response, request, other].map(fields);
    for normalise in [
        Normalise::default(),
        Normalise {
            codings: Some(&["gzip", "br"]),
            by_language: true,
            unknown_lists: true,
        },
    ] {
        let Some(varied) = Varied::of(&response, &request, &normalise) else {
            continue;
        };
        assert!(varied.matches(&request, &normalise));
        let ours = digest_for(&varied.names, &request, &normalise);
        assert!(digests_for(&varied.names, &request, &normalise).contains(&ours));
        let theirs = Varied::of(&response, &other, &normalise);
        let theirs = theirs.expect("it depends on the response alone");
        assert_eq!(varied.names, theirs.names);
        if !normalise.by_language {
            let matches = varied.matches(&other, &normalise);
            assert_eq!(matches, theirs.matches(&request, &normalise));
            assert_eq!(matches, varied == theirs);
        }
        let alike = |name: &HeaderName| {
            name == "accept-encoding"
                || name == "accept-language"
                || text(&request, name) == text(&other, name)
        };
        if varied.matches(&other, &normalise) {
            assert!(varied.names.iter().all(alike));
        }
    }
    let stars = response.get_all(VARY).iter().any(|line| line == "*");
    assert!(!stars || Varied::of(&response, &request, &Normalise::default()).is_none());
}

/// Returns a field without white space; `None` is no empty one.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    headers.get(name)?;
    let line = joined(headers.get_all(name));
    let text = line.as_bytes().iter().copied();
    Some(text.filter(|byte| !matches!(byte, b' ' | b'\t')).collect())
}
