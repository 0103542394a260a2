//! The cookies of a request (RFC 6265, section 5.4), as far as a limit needs one.

use std::borrow::Cow;

use http::{HeaderMap, header::COOKIE};
use percent_encoding::percent_decode;

/// Returns the value of the cookie of that name, over all `Cookie` lines: HTTP/2 may send one for each cookie. `None` where
/// there are several with different values.
///
/// Who checks a cookie may decode percent signs in it, strip quotes, and take the first or the last of several. Whatever it
/// does, all that is one cookie to it has one value here: else a client could vary the spelling, or put another cookie
/// before its own, and have a new limit each time.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, [u8]>> {
    let lines = headers.get_all(COOKIE).into_iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| value_of(pair, name));
    let value = values.next()?;
    values.all(|other| other == value).then_some(value)
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<Cow<'a, [u8]>> {
    let mut parts = pair.splitn(2, |byte| *byte == b'=');
    let (spelled, value) = (parts.next()?.trim_ascii(), parts.next()?);
    percent_decode(spelled)
        .eq(name.bytes())
        .then(|| plain(value.trim_ascii()))
}

/// Decodes a value, and takes it out of its quotes.
fn plain(value: &[u8]) -> Cow<'_, [u8]> {
    match percent_decode(value).into() {
        Cow::Borrowed(value) => Cow::Borrowed(unquoted(value)),
        Cow::Owned(value) => Cow::Owned(unquoted(&value).to_vec()),
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        value => value,
    }
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

    fn find(headers: &HeaderMap) -> Option<Vec<u8>> {
        value(headers, "id").map(Cow::into_owned)
    }

    fn is(expected: &str) -> Option<Vec<u8>> {
        Some(expected.into())
    }

    #[test]
    fn the_cookie_of_the_name_is_found_whatever_is_around_it() {
        for (line, expected) in [
            ("id=7", Some("7")),
            ("a=1; id=7; id=7", Some("7")),
            ("a=1;id = 7 ;b=2", Some("7")),
            (";; ; id=7;", Some("7")),
            ("id; id=7", Some("7")),
            ("=x; id=7", Some("7")),
            ("id=", Some("")),
            ("id=a=b==", Some("a=b==")),
            ("id=\"", Some("\"")),
            ("id=%3", Some("%3")),
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
            let expected = expected.and_then(is);
            assert_eq!(find(&headers(&[line.as_bytes()])), expected, "{line}");
        }
        assert_eq!(find(&HeaderMap::new()), None);
    }

    #[test]
    fn a_value_has_one_form_however_it_is_spelled() {
        for line in [
            "id=7a",
            "id=\"7a\"",
            "id=%37a",
            "id=%37%61",
            "id=7%61",
            "id=\"%37a\"",
            "id=%227a%22",
            "%69d=7a",
            "i%64=7a; id=%37a",
        ] {
            assert_eq!(find(&headers(&[line.as_bytes()])), is("7a"), "{line}");
        }
    }

    #[test]
    fn of_several_values_nobody_knows_which_one_counts() {
        for line in ["id=7; id=8", "id=8; a=1; id=7", "id=7; %69d=8", "id=; id=7"] {
            assert_eq!(find(&headers(&[line.as_bytes()])), None, "{line}");
        }
        assert_eq!(find(&headers(&[b"a=1; id=7", b"id=8"])), None);
        assert_eq!(find(&headers(&[b"id=7; x=\xff", b"id=8"])), None);
    }

    #[test]
    fn all_lines_are_searched_whatever_their_bytes_are() {
        assert_eq!(find(&headers(&[b"a=1", b"id=7", b"id=7"])), is("7"));
        assert_eq!(find(&headers(&[b"x=\xff", b"id=8"])), is("8"));
        assert_eq!(find(&headers(&[b"id=\xff"])), Some(vec![0xff]));
    }

    #[test]
    fn ten_kilobytes_are_a_value_like_any_other() {
        let long = "x".repeat(10_000);
        assert_eq!(
            find(&headers(&[format!("id={long}").as_bytes()])),
            is(&long)
        );
        let many = "a=1;".repeat(2500) + "id=7";
        assert_eq!(find(&headers(&[many.as_bytes()])), is("7"));
        assert_eq!(find(&headers(&[&b";"[..].repeat(10_000)])), None);
        assert_eq!(find(&headers(&[&b"="[..].repeat(10_000)])), None);
    }
}
