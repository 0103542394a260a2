//! The cookies of a request (RFC 6265, section 5.4), as far as a limit needs one.

use std::str;

use cookie::Cookie;
use http::{HeaderMap, header::COOKIE};

/// Returns the value of the first cookie of that name, over all `Cookie` lines: HTTP/2 may send one for each cookie.
///
/// The value is as it was sent, quotes and percent signs included. Lines that are not UTF-8 are skipped, and so is what is
/// no pair of a name and a value. Names are compared exactly.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter();
    lines
        .filter_map(|line| str::from_utf8(line.as_bytes()).ok())
        .flat_map(|line| line.split(';'))
        // To parse a cookie costs a thousand instructions, and a request may have many.
        .filter(|pair| pair.trim_start().starts_with(name))
        .filter_map(|pair| Cookie::parse(pair).ok())
        .find(|cookie| cookie.name() == name)
        .and_then(|cookie| cookie.value_raw())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        let line = |line: &&[u8]| {
            (
                COOKIE,
                HeaderValue::from_bytes(line).expect("a header value"),
            )
        };
        lines.iter().map(line).collect()
    }

    fn find(headers: &HeaderMap) -> Option<&str> {
        value(headers, "id")
    }

    #[test]
    fn the_first_cookie_of_the_name_is_found_whatever_is_around_it() {
        for (line, expected) in [
            ("id=7", Some("7")),
            ("a=1; id=7; id=8", Some("7")),
            ("a=1;id = 7 ;b=2", Some("7")),
            (";; ; id=7;", Some("7")),
            ("id; id=7", Some("7")),
            ("=x; id=7", Some("7")),
            ("id=", Some("")),
            ("id=a=b==", Some("a=b==")),
            ("id=\"7\"", Some("\"7\"")),
            ("id=%37", Some("%37")),
            ("id=é", Some("é")),
            (
                "id=7; Path=/; Max-Age=99999999999999999999; Expires=never",
                Some("7"),
            ),
            ("ID=7", None),
            ("xid=7; id2=7", None),
            ("a=id=7", None),
            ("id", None),
            ("", None),
        ] {
            assert_eq!(find(&headers(&[line.as_bytes()])), expected, "{line}");
        }
        assert_eq!(find(&HeaderMap::new()), None);
    }

    #[test]
    fn all_lines_are_searched_and_those_that_are_no_text_are_skipped() {
        assert_eq!(find(&headers(&[b"a=1", b"id=7", b"id=8"])), Some("7"));
        assert_eq!(find(&headers(&[b"id=7; x=\xff", b"id=8"])), Some("8"));
        assert_eq!(find(&headers(&[b"id=\xff"])), None);
    }

    #[test]
    fn ten_kilobytes_are_a_value_like_any_other() {
        let long = "x".repeat(10_000);
        assert_eq!(
            find(&headers(&[format!("id={long}").as_bytes()])),
            Some(&*long)
        );
        let many = "a=1;".repeat(2500) + "id=7";
        assert_eq!(find(&headers(&[many.as_bytes()])), Some("7"));
        assert_eq!(find(&headers(&[&b";"[..].repeat(10_000)])), None);
        assert_eq!(find(&headers(&[&b"="[..].repeat(10_000)])), None);
    }
}
