//! What of [gRPC](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) a session has to know: which responses are
//! its own, and which of them say that the server has failed.

use http::{HeaderMap, StatusCode};

use crate::grpc::{STATUS, content_type};

/// Returns whether a head is that of a gRPC or gRPC-Web message.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    content_type(headers).is_some()
}

/// Returns whether the server has failed: with an HTTP 5xx, or a gRPC status in the headers, which a call has that failed
/// before its first message, whose code stands for a 5xx.
///
/// These are `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS` (`google.rpc.Code`), and
/// whatever is no code: clients take it for `UNKNOWN`. A status in the trailers comes after the session is written.
pub(super) fn is_server_error(status: StatusCode, headers: &HeaderMap) -> bool {
    status.is_server_error() || has_failed(headers)
}

fn has_failed(headers: &HeaderMap) -> bool {
    let Some(code) = headers.get(STATUS).filter(|_| is_grpc(headers)) else {
        return false;
    };
    !matches!(
        code.as_bytes(),
        b"0" | b"1" | b"3" | b"5" | b"6" | b"7" | b"8" | b"9" | b"10" | b"11" | b"16"
    )
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::CONTENT_TYPE};

    use super::*;
    use crate::grpc::answer_type;

    fn headers(content_type: &str, code: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = |text| HeaderValue::from_str(text).expect("a header value");
        headers.insert(CONTENT_TYPE, value(content_type));
        if let Some(code) = code {
            headers.insert(STATUS, value(code));
        }
        headers
    }

    #[test]
    fn content_types_of_grpc_and_its_web_form_are_known() {
        for (text, expected) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("Application/GRPC; x=y", true),
            ("application/grpc-web", true),
            ("application/grpc-web+proto", true),
            ("application/grpc-web-text", true),
            ("application/grpc-web-text+proto", true),
            ("application/grpcx", false),
            ("application/grpc-other", false),
            ("application/grpc-webx", false),
            ("application/grp", false),
            ("application/json", false),
            ("", false),
        ] {
            assert_eq!(is_grpc(&headers(text, None)), expected, "{text}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn an_answer_has_the_content_type_of_the_call_unless_it_is_long_or_none() {
        let long = format!("application/grpc+{}", "x".repeat(64));
        for (text, expected) in [
            ("application/grpc-web+proto", "application/grpc-web+proto"),
            ("text/html", "application/grpc"),
            (&long, "application/grpc"),
        ] {
            assert_eq!(answer_type(&headers(text, None)), expected, "{text}");
        }
        assert_eq!(answer_type(&HeaderMap::new()), "application/grpc");
    }

    #[test]
    fn codes_that_stand_for_5xx_are_server_errors() {
        let failing = [2, 4, 12, 13, 14, 15];
        for code in 0..=16 {
            let headers = headers("application/grpc", Some(&code.to_string()));
            let expected = failing.contains(&code);
            assert_eq!(
                is_server_error(StatusCode::OK, &headers),
                expected,
                "{code}"
            );
        }
        for code in ["17", "", "02", "-1", "1 ", "OK", "99999999999999999999"] {
            let headers = headers("application/grpc+proto", Some(code));
            assert!(is_server_error(StatusCode::OK, &headers), "{code:?}");
        }
    }

    #[test]
    fn a_call_that_has_begun_to_answer_has_not_failed_yet() {
        let begun = headers("application/grpc", None);
        assert!(!is_server_error(StatusCode::OK, &begun));
        assert!(is_server_error(StatusCode::BAD_GATEWAY, &begun));
    }

    #[test]
    fn elsewhere_the_status_alone_counts() {
        let other = headers("text/html", Some("13"));
        for (status, expected) in [
            (200, false),
            (404, false),
            (499, false),
            (500, true),
            (599, true),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(is_server_error(status, &other), expected, "{status}");
        }
    }
}
