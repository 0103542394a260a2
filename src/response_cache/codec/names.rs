//! Names of fields: the usual ones without an allocation or a search.

use http::{HeaderName, header};

/// Reads a name in lower case.
#[inline]
pub(super) fn read(name: &[u8]) -> Option<HeaderName> {
    known(name).or_else(|| HeaderName::from_lowercase(name).ok())
}

fn known(name: &[u8]) -> Option<HeaderName> {
    Some(match name {
        b"accept" => header::ACCEPT,
        b"accept-encoding" => header::ACCEPT_ENCODING,
        b"accept-language" => header::ACCEPT_LANGUAGE,
        b"accept-ranges" => header::ACCEPT_RANGES,
        b"access-control-allow-credentials" => header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        b"access-control-allow-origin" => header::ACCESS_CONTROL_ALLOW_ORIGIN,
        b"access-control-expose-headers" => header::ACCESS_CONTROL_EXPOSE_HEADERS,
        b"alt-svc" => header::ALT_SVC,
        b"cache-control" => header::CACHE_CONTROL,
        b"content-disposition" => header::CONTENT_DISPOSITION,
        b"content-encoding" => header::CONTENT_ENCODING,
        b"content-language" => header::CONTENT_LANGUAGE,
        b"content-length" => header::CONTENT_LENGTH,
        b"content-location" => header::CONTENT_LOCATION,
        b"content-security-policy" => header::CONTENT_SECURITY_POLICY,
        b"content-type" => header::CONTENT_TYPE,
        b"cookie" => header::COOKIE,
        b"date" => header::DATE,
        b"etag" => header::ETAG,
        b"expires" => header::EXPIRES,
        b"host" => header::HOST,
        b"last-modified" => header::LAST_MODIFIED,
        b"link" => header::LINK,
        b"location" => header::LOCATION,
        b"origin" => header::ORIGIN,
        b"referrer-policy" => header::REFERRER_POLICY,
        b"server" => header::SERVER,
        b"set-cookie" => header::SET_COOKIE,
        b"strict-transport-security" => header::STRICT_TRANSPORT_SECURITY,
        b"user-agent" => header::USER_AGENT,
        b"vary" => header::VARY,
        b"via" => header::VIA,
        b"x-content-type-options" => header::X_CONTENT_TYPE_OPTIONS,
        b"x-frame-options" => header::X_FRAME_OPTIONS,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_itself() {
        let source = include_str!("names.rs");
        let literals = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("b\""));
        let names: Vec<_> = literals.filter_map(|line| line.split_once('"')).collect();
        assert!(names.len() > 30);
        for (name, _) in names {
            let known = known(name.as_bytes()).expect("known");
            assert_eq!(known.as_str(), name);
        }
        assert_eq!(read(b"x-mine").expect("a name").as_str(), "x-mine");
        for bad in [&b""[..], b"Date", b"a b", b"a:", b"\xff"] {
            assert_eq!(read(bad), None);
        }
    }
}
