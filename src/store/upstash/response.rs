//! Answers: JSON with `result` or `error`, whatever the status; or whatever a proxy on the way says.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};

use super::{
    document::{Document, Item},
    failure::Failure,
    lanes::Answers,
    queue::Answered,
};
use crate::store::{
    ErrorKind,
    remote::{Refusal, Reply},
};

/// An HTTP response that has arrived whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What an answer should look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    One,
    Many(usize),
}

/// Why there is no [`Answer`].
pub(super) enum NoAnswer {
    Failed(Failure),
    /// It has more than so many bytes.
    TooLong(usize),
}

/// Reads the answer to each command.
pub(super) fn answers(answer: &Answer, shape: Shape) -> Answers {
    match (Document::read(&answer.body, shape), shape) {
        (Some(Document::One(Item::Error(text))), _) => refused(answer, Refusal::new(text), shape),
        (Some(Document::One(Item::Result(reply))), Shape::One) if answer.status.is_success() => {
            Ok(vec![Ok(reply)])
        }
        (Some(Document::Many(items)), Shape::Many(sent))
            if items.len() == sent && answer.status.is_success() =>
        {
            Ok(items.into_iter().map(item).collect())
        }
        _ => Err(foreign(answer)),
    }
}

/// A refusal of the whole request. Of one command, it is the reply to it, unless the status says that it never got there.
fn refused(answer: &Answer, refusal: Refusal, shape: Shape) -> Answers {
    let (by_text, message) = refusal.kind();
    let failure = match by_status(answer.status) {
        Some((by_status, message)) if by_text == ErrorKind::Unavailable => {
            Failure::new(by_status, message)
        }
        None if shape == Shape::One => return Ok(vec![Ok(Reply::Refused(refusal))]),
        _ => Failure::new(by_text, message),
    };
    Err(failure.because(refusal))
}

fn item(item: Item) -> Answered {
    match item {
        Item::Result(reply) => Ok(reply),
        Item::Error(text) => Ok(Reply::Refused(Refusal::new(text))),
        Item::Strange => Err(strange()),
    }
}

fn strange() -> Failure {
    Failure::unavailable("the server answered in a shape that the REST interface does not have")
}

/// An answer that is none of the REST interface's.
fn foreign(answer: &Answer) -> Failure {
    let (kind, message) = by_status(answer.status).unwrap_or((
        ErrorKind::Unavailable,
        "the answer is not one of the REST interface",
    ));
    Failure::new(kind, message).because(Foreign::new(answer))
}

fn by_status(status: StatusCode) -> Option<(ErrorKind, &'static str)> {
    Some(match status.as_u16() {
        401 | 403 => (ErrorKind::Unauthorized, "the token is refused"),
        413 => (
            ErrorKind::TooLarge,
            "a request that is too large on the way",
        ),
        429 => (ErrorKind::QuotaExceeded, "too many requests"),
        500.. => (ErrorKind::Unavailable, "the server or a proxy failed"),
        _ => return None,
    })
}

/// What is shown of a foreign answer: everything but its body, since error pages repeat what was asked for, and that
/// is keys, values and perhaps the token.
#[derive(Debug)]
struct Foreign {
    status: StatusCode,
    content_type: String,
    bytes: usize,
}

impl Foreign {
    fn new(answer: &Answer) -> Self {
        let content_type = answer.headers.get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|value| value.split(';').next());
        let is_known = |essence: &&str| {
            ["application/json", "text/html", "text/plain"].contains(&essence.trim())
        };
        Self {
            status: answer.status,
            content_type: essence
                .filter(is_known)
                .unwrap_or("another type")
                .trim()
                .into(),
            bytes: answer.body.len(),
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (status, bytes) = (self.status.as_u16(), self.bytes);
        write!(f, "status {status}, {bytes} bytes of {}", self.content_type)
    }
}

impl std::error::Error for Foreign {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str, shape: Shape) -> Answers {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap_or_default(),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        answers(&answer, shape)
    }

    fn one(body: &str) -> Option<Reply> {
        let answers = read(200, body, Shape::One).ok()?;
        answers.into_iter().next()?.ok()
    }

    fn text(text: &'static str) -> Reply {
        Reply::Text(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn results_are_read_exactly() {
        assert_eq!(one(r#"{"result":null}"#), Some(Reply::Nil));
        for number in [i64::MAX, i64::MIN, (1 << 53) + 1] {
            let body = format!("{{\"result\":{number}}}");
            assert_eq!(one(&body), Some(Reply::Integer(number)));
        }
        assert_eq!(one(r#"{"result":"OK"}"#), Some(text("OK")));
        assert_eq!(one(r#"{"result":"T0s="}"#), Some(text("OK")));
        assert_eq!(one(r#"{"result":""}"#), Some(text("")));
        assert_eq!(
            one(r#"{"result":[1,["YQ=="],null]}"#),
            Some(Reply::Array(vec![
                Reply::Integer(1),
                Reply::Array(vec![text("a")]),
                Reply::Nil
            ]))
        );
    }

    #[test]
    fn what_the_interface_does_not_say_is_no_reply() {
        for body in [
            "",
            "{}",
            r#"{"result":1.5}"#,
            r#"{"result":18446744073709551615}"#,
            r#"{"result":true}"#,
            r#"{"result":{}}"#,
            r#"{"result":"not base64"}"#,
            r#"{"result":"YQ=="#,
            r#"[{"result":null}]"#,
            "<html>",
        ] {
            assert_eq!(one(body), None, "{body}");
        }
    }

    // An error that is an object, as gateways have it, beside a result of null counted as that result.
    #[test]
    fn an_error_is_an_error_whatever_it_is() {
        for error in [
            "{\"message\":\"shard is down\"}",
            "[]",
            "1",
            "1.5",
            "-1",
            "true",
        ] {
            let item = format!("{{\"error\":{error},\"result\":null}}");
            assert_eq!(one(&item), None, "{error}");
            let two = format!("[{item},{{\"result\":1,\"error\":null,\"more\":[{{}}]}}]");
            let answers = read(200, &two, Shape::Many(2)).unwrap_or_default();
            assert!(answers[0].is_err(), "{error}");
            assert!(matches!(answers[1], Ok(Reply::Integer(1))));
        }
        assert_eq!(one(r#"{"error":null,"result":null}"#), Some(Reply::Nil));
        assert_eq!(one(r#"{"error":null}"#), None);
    }

    #[test]
    fn as_many_answers_as_commands_or_none() {
        let two = r#"[{"result":1},{"error":"ERR no"}]"#;
        let answers = read(200, two, Shape::Many(2)).unwrap_or_default();
        assert!(matches!(answers[0], Ok(Reply::Integer(1))));
        assert!(matches!(answers[1], Ok(Reply::Refused(_))));
        for sent in [1, 3] {
            assert!(read(200, two, Shape::Many(sent)).is_err());
        }
        assert!(read(200, two, Shape::One).is_err());
        assert!(read(500, two, Shape::Many(2)).is_err());
    }

    #[test]
    fn a_status_says_what_a_text_does_not() {
        let kind = |status, body| match read(status, body, Shape::Many(2)) {
            Err(failure) => failure.kind,
            Ok(_) => panic!("{status} {body}"),
        };
        assert_eq!(kind(401, "<html>"), ErrorKind::Unauthorized);
        assert_eq!(kind(403, "no"), ErrorKind::Unauthorized);
        assert_eq!(kind(413, ""), ErrorKind::TooLarge);
        assert_eq!(kind(429, "{}"), ErrorKind::QuotaExceeded);
        assert_eq!(kind(502, "<html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "<html>"), ErrorKind::Unavailable);
        assert_eq!(
            kind(401, r#"{"error":"Unauthorized"}"#),
            ErrorKind::Unauthorized
        );
        let full = r#"{"error":"ERR max requests limit exceeded."}"#;
        assert_eq!(kind(400, full), ErrorKind::QuotaExceeded);
        assert_eq!(kind(200, full), ErrorKind::QuotaExceeded);
        assert_eq!(
            kind(200, r#"{"error":"NOSCRIPT for all"}"#),
            ErrorKind::Unavailable
        );
    }
}
