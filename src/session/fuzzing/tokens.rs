use http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::session::{
    SessionCookie, Transport,
    token::{Token, TokenText},
    transport::presented,
};

/// The cookies of a request: at most four tokens, each once, each a text of the name, in their order; and none is missed.
///
/// The lines are those of `Cookie`.
pub fn tokens(data: &[u8]) {
    let lines = data.split(|&byte| byte == b'\n');
    let mut headers = HeaderMap::new();
    for line in lines.filter_map(|line| HeaderValue::from_bytes(line).ok()) {
        let _ = headers.try_append(COOKIE, line);
    }
    let presented = presented(&[Transport::cookie(SessionCookie::host("id"))], &headers);
    let found: Vec<TokenText> = presented.tokens().iter().map(Token::text).collect();
    let found: Vec<&[u8]> = found.iter().map(|text| text.as_bytes()).collect();

    let values = headers.get_all(COOKIE).iter().flat_map(values);
    let values: Vec<&[u8]> = values.collect();
    assert_eq!(presented.any, !values.is_empty());
    let mut expected: Vec<&[u8]> = Vec::new();
    for value in values {
        if is_token(value) && !expected.contains(&value) {
            expected.push(value);
        }
    }
    expected.truncate(4);
    assert_eq!(found, expected);
}

fn values(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let pairs = line.as_bytes().split(|&byte| byte == b';');
    pairs.filter_map(|pair| {
        let at = pair.iter().position(|&byte| byte == b'=')?;
        let (name, value) = pair.split_at_checked(at)?;
        let is_ours = name.trim_ascii_start() == b"__Host-id";
        is_ours.then(|| value.get(1..).unwrap_or_default().trim_ascii_end())
    })
}

/// The last letter has two bits of a byte.
fn is_token(value: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let ends = matches!(value.last(), Some(b'A' | b'Q' | b'g' | b'w'));
    value.len() == 46 && value.iter().all(is_letter) && ends
}
