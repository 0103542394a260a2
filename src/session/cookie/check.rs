//! What may stand in a cookie, checked where it is written down.

use crate::tchar::is_tchar;

/// Panics unless this is a name without a prefix, which browsers know in any case.
pub(super) const fn name(name: &str) {
    assert!(!name.is_empty(), "a cookie needs a name");
    assert!(name.len() <= 256, "the name of a cookie is too long");
    let is_prefixed = starts_with(name, "__host-")
        || starts_with(name, "__secure-")
        || starts_with(name, "__http-");
    assert!(
        !is_prefixed,
        "the prefix of a cookie is not part of its name"
    );
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        assert!(is_tchar(bytes[at]), "the name of a cookie is a token");
        at += 1;
    }
}

pub(super) const fn domain(domain: &str) {
    let bytes = domain.as_bytes();
    assert!(
        !bytes.is_empty() && bytes.len() <= 253 && bytes[0] != b'.',
        "the domain of a cookie is a domain, without a dot before it"
    );
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        assert!(
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'),
            "the domain of a cookie is a domain"
        );
        at += 1;
    }
}

pub(super) const fn path(path: &str) {
    let bytes = path.as_bytes();
    assert!(
        !bytes.is_empty() && bytes[0] == b'/',
        "the path of a cookie begins with a slash"
    );
    assert!(bytes.len() <= 1024, "the path of a cookie is too long");
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        assert!(
            byte.is_ascii_graphic() && byte != b';',
            "the path of a cookie is visible ASCII without a semicolon"
        );
        at += 1;
    }
}

/// `prefix` is in lower case.
pub(super) const fn starts_with(text: &str, prefix: &str) -> bool {
    let (text, prefix) = (text.as_bytes(), prefix.as_bytes());
    if text.len() < prefix.len() {
        return false;
    }
    let mut at = 0;
    while at < prefix.len() {
        if text[at].to_ascii_lowercase() != prefix[at] {
            return false;
        }
        at += 1;
    }
    true
}
