use std::error::Error as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};

use super::*;
use crate::{session::grpc, store::ErrorKind};

impl SessionErrorKind {
    /// Every kind, in the order of their declaration.
    pub(in crate::session) const ALL: [Self; 14] = [
        Self::Store,
        Self::Corrupt,
        Self::Conflict,
        Self::LimitReached,
        Self::TooLarge,
        Self::InvalidKey,
        Self::Value,
        Self::Committed,
        Self::MissingLayer,
        Self::Unauthenticated,
        Self::Stale,
        Self::CrossOrigin,
        Self::CsrfToken,
        Self::Random,
    ];
}

fn of_store() -> SessionError {
    let cause = std::io::Error::other("redis-7.internal:6379 refused");
    store::Error::new(ErrorKind::Unavailable, "no connection")
        .with_source(cause)
        .into()
}

fn field<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name)?;
    Some(value.to_str().expect("a printable value"))
}

#[test]
fn every_kind_has_the_status_and_the_code_of_the_table() {
    let expected = [
        (503, 14),
        (500, 13),
        (409, 10),
        (403, 8),
        (413, 8),
        (500, 13),
        (500, 13),
        (500, 13),
        (500, 13),
        (401, 16),
        (401, 16),
        (403, 7),
        (403, 7),
        (500, 13),
    ];
    for (kind, (status, code)) in SessionErrorKind::ALL.into_iter().zip(expected) {
        let error = SessionError::of(kind);
        assert_eq!(error.kind(), kind);
        assert_eq!(error.status().as_u16(), status, "{kind:?}");
        assert_eq!(kind.grpc_code(), code, "{kind:?}");
    }
}

#[test]
fn a_server_error_is_one_in_both_worlds() {
    for kind in SessionErrorKind::ALL {
        let error = SessionError::of(kind);
        let response = error.to_grpc_response(&HeaderMap::new());
        assert_eq!(
            grpc::is_server_error(response.status(), response.headers()),
            error.status().is_server_error(),
            "{kind:?}"
        );
    }
}

#[test]
fn a_response_is_a_problem_document_that_nobody_keeps() {
    for kind in SessionErrorKind::ALL {
        let error = SessionError::of(kind);
        let response = error.to_response();
        assert_eq!(response.status(), error.status());
        let content_type = field(&response, "content-type");
        assert_eq!(content_type, Some("application/problem+json"));
        assert_eq!(field(&response, "cache-control"), Some("no-store"));
        let body: serde_json::Value =
            serde_json::from_slice(response.body()).expect("a document of JSON");
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["status"], error.status().as_u16());
        assert_eq!(body["title"].as_str(), error.status().canonical_reason());
        assert_eq!(body["detail"], kind.detail());
    }
}

#[test]
fn waiting_helps_where_the_store_fails_or_others_write() {
    for kind in SessionErrorKind::ALL {
        let helps = matches!(kind, SessionErrorKind::Store | SessionErrorKind::Conflict);
        let response = SessionError::of(kind).to_response();
        let expected = helps.then_some("1");
        assert_eq!(field(&response, "retry-after"), expected, "{kind:?}");
    }
}

#[test]
fn a_401_and_nothing_else_has_a_challenge() {
    for kind in SessionErrorKind::ALL {
        let response = SessionError::of(kind).to_response();
        let expected = match kind {
            SessionErrorKind::Unauthenticated => Some("Session"),
            SessionErrorKind::Stale => Some(r#"Session error="insufficient_user_authentication""#),
            _ => None,
        };
        assert_eq!(field(&response, "www-authenticate"), expected, "{kind:?}");
    }
}

// S26
#[test]
fn a_client_learns_nothing_of_the_store() {
    let error = of_store().to_response();
    let same = SessionError::of(SessionErrorKind::Store).to_response();
    assert_eq!(error.body(), same.body());
    assert_eq!(error.headers(), same.headers());
    let error = of_store().to_grpc_response(&HeaderMap::new());
    for word in ["redis", "6379", "connection", "refused"] {
        assert!(!format!("{:?}", error.headers()).contains(word), "{word}");
    }
}

#[test]
fn what_the_service_did_wrong_looks_the_same_from_outside() {
    let bodies: Vec<Bytes> = SessionErrorKind::ALL
        .into_iter()
        .filter(|kind| kind.status() == StatusCode::INTERNAL_SERVER_ERROR)
        .map(|kind| {
            SessionError::new(kind, "a detail")
                .to_response()
                .into_body()
        })
        .collect();
    assert_eq!(bodies.len(), 6);
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn logs_find_the_cause_in_the_response() {
    for response in [
        of_store().to_response(),
        of_store().to_grpc_response(&HeaderMap::new()),
    ] {
        let error = response.extensions().get::<SessionError>();
        let cause = error.and_then(|error| error.source());
        assert!(cause.is_some_and(|cause| cause.to_string().contains("no connection")));
    }
}

#[test]
fn a_grpc_response_is_headers_alone() {
    let mut like = HeaderMap::new();
    let web = HeaderValue::from_static("application/grpc-web+proto");
    like.insert(header::CONTENT_TYPE, web);
    let response = SessionError::of(SessionErrorKind::CsrfToken).to_grpc_response(&like);
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.body().is_empty());
    let fields = [
        "content-type",
        "grpc-status",
        "grpc-message",
        "cache-control",
    ];
    assert_eq!(
        fields.map(|name| field(&response, name)),
        [
            Some("application/grpc-web+proto"),
            Some("7"),
            Some(SessionErrorKind::CsrfToken.detail()),
            Some("no-store"),
        ]
    );
    assert_eq!(response.headers().len(), fields.len());
}

#[test]
fn what_clients_are_told_needs_no_escapes() {
    for kind in SessionErrorKind::ALL {
        let needs_none =
            |byte: u8| (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\' | b'%');
        assert!(kind.detail().bytes().all(needs_none), "{kind:?}");
    }
}

#[test]
fn messages_say_what_happened_and_what_to_do() {
    let mut kinds: Vec<String> = SessionErrorKind::ALL.map(|kind| kind.to_string()).into();
    for kind in SessionErrorKind::ALL {
        let text = SessionError::of(kind).to_string();
        let (happened, todo) = text.split_once(": ").expect("two parts");
        assert_eq!(happened, kind.to_string());
        assert!(!todo.is_empty() && !text.ends_with('.'), "{text}");
        let first = text.chars().next();
        assert!(
            first.is_some_and(|first| first.is_ascii_lowercase()),
            "{text}"
        );
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), SessionErrorKind::ALL.len());
    let missing = SessionError::of(SessionErrorKind::MissingLayer).to_string();
    assert!(missing.contains("add `SessionLayer`"), "{missing}");
}

#[test]
fn a_message_of_its_own_follows_the_kind() {
    let error = SessionError::new(SessionErrorKind::TooLarge, "more than 64 keys");
    assert_eq!(error.to_string(), "session too large: more than 64 keys");
    assert!(error.source().is_none());
    let shown = format!("{error:?}");
    assert!(shown.contains("TooLarge") && shown.contains("more than 64 keys"));
}

#[test]
fn a_clone_has_the_same_cause() {
    let error = of_store();
    assert_eq!(error.kind(), SessionErrorKind::Store);
    let clone = error.clone();
    assert_eq!(format!("{clone:?}"), format!("{error:?}"));
    assert!(
        clone
            .source()
            .is_some_and(|cause| cause.is::<store::Error>())
    );
}
