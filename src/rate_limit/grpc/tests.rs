//! What gRPC clients read out of a refusal, with `tonic` as one of them.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use http_body::Body;
use http_body_util::Full;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{answer, is_grpc};
use crate::{
    quota::Quota,
    rate_limit::{
        headers::tests::{Case, refused},
        label::{Label, tests::hostile_names},
        refusal::Refusal,
    },
    store::Verdict,
};

fn request(content_type: &[u8]) -> HeaderMap {
    let value = HeaderValue::from_bytes(content_type).expect("a header value");
    HeaderMap::from_iter([(CONTENT_TYPE, value)])
}

/// The status that tonic sees, and the pushback.
fn received(refusal: &Refusal<'_>) -> (Status, i64) {
    let response = answer(refusal, &request(b"application/grpc"));
    assert_eq!(response.status(), 200);
    let status = Status::from_header_map(response.headers()).expect("a status");
    let pushback = response.headers()["grpc-retry-pushback-ms"]
        .to_str()
        .expect("ASCII");
    (status, pushback.parse().expect("a number"))
}

#[test]
fn a_call_beyond_its_limits_is_refused_with_the_delay_and_the_limits() {
    let (a, b) = (
        Case::new("a", Quota::per_minute(60), refused(1_000_001)),
        Case::new("b", Quota::per_minute(60), Verdict::Allowed),
    );
    let told = [a.told(), b.told()];
    let refusal = Refusal::quota_exceeded(&told, Duration::ZERO);
    let (status, pushback) = received(&refusal);
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), refusal.to_string());
    assert_eq!(pushback, 1001);
    let details = status.check_error_details().expect("details");
    let delay = details.retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_micros(1_000_001)));
    let violations = &details.quota_failure().expect("a quota failure").violations;
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].subject, "a");
    assert_eq!(violations[0].description, refusal.to_string());
}

#[test]
fn any_name_and_any_wait_reach_the_client() {
    for name in hostile_names() {
        for micros in [
            1,
            999,
            1_000,
            1_001,
            999_999,
            60_000_000,
            315_360_000_000_000,
        ] {
            let case = Case::new(name, Quota::per_minute(60), refused(micros));
            let told = [case.told()];
            let refusal = Refusal::quota_exceeded(&told, Duration::from_millis(3));
            let (status, pushback) = received(&refusal);
            assert_eq!(status.message(), refusal.to_string());
            let details = status.check_error_details().expect("details");
            let delay = details.retry_info().and_then(|info| info.retry_delay);
            assert_eq!(delay, refusal.retry_after());
            let exact = i64::try_from(micros.div_ceil(1_000)).expect("fits");
            assert!(pushback >= exact.min(i32::MAX.into()) && pushback <= i32::MAX.into());
            assert!(pushback <= exact + 4);
            let violations = &details.quota_failure().expect("a quota failure").violations;
            assert_eq!(violations[0].subject, case.label.text());
        }
    }
}

#[test]
fn a_call_that_never_passes_is_not_retried() {
    let never = Case::new("never", Quota::NONE, Verdict::Never);
    let told = [never.told()];
    let (status, pushback) = received(&Refusal::quota_exceeded(&told, Duration::from_secs(1)));
    assert_eq!((status.code(), pushback), (Code::ResourceExhausted, -1));
    let details = status.check_error_details().expect("details");
    assert!(details.retry_info().is_none());
    assert!(details.quota_failure().is_some());
}

#[test]
fn a_failing_store_is_unavailable_and_a_missing_identifier_an_invalid_argument() {
    let label = Label::new("api", None);
    let (status, pushback) = received(&Refusal::store_unavailable(&label, Duration::ZERO));
    assert_eq!((status.code(), pushback), (Code::Unavailable, 1000));
    let details = status.check_error_details().expect("details");
    let delay = details.retry_info().and_then(|info| info.retry_delay);
    assert_eq!(delay, Some(Duration::from_secs(1)));
    assert!(details.quota_failure().is_none());

    let (status, pushback) = received(&Refusal::missing_identifier(&label));
    assert_eq!((status.code(), pushback), (Code::InvalidArgument, -1));
    assert!(status.message().contains("\"api\""));
}

#[test]
fn the_answer_is_at_its_end_before_it_begins_so_that_it_is_trailers_only() {
    let label = Label::new("api", None);
    let response = answer(&Refusal::missing_identifier(&label), &HeaderMap::new());
    assert!(Full::new(response.into_body()).is_end_stream());
}

#[test]
fn the_content_type_of_the_call_comes_back() {
    let label = Label::new("api", None);
    let refusal = Refusal::missing_identifier(&label);
    let long = [&b"application/grpc;"[..], &[0xff; 9_000]].concat();
    for (sent, answered) in [
        (&b"application/grpc"[..], &b"application/grpc"[..]),
        (b"application/grpc+proto", b"application/grpc+proto"),
        (b"application/grpc-web+json", b"application/grpc-web+json"),
        (
            b"Application/gRPC-Web-Text; x=y",
            b"Application/gRPC-Web-Text; x=y",
        ),
        (&long, b"application/grpc"),
        (b"text/plain", b"application/grpc"),
    ] {
        let response = answer(&refusal, &request(sent));
        assert_eq!(response.headers()[CONTENT_TYPE].as_bytes(), answered);
    }
}

#[test]
fn only_grpc_is_taken_for_grpc() {
    for yes in [
        &b"application/grpc"[..],
        b"APPLICATION/GRPC",
        b"application/grpc+proto",
        b"application/grpc;charset=utf-8",
        b"application/grpc ; charset=utf-8",
        b"application/grpc-web",
        b"application/grpc-web+proto",
        b"application/grpc-web-text",
        b"application/grpc-web-text+proto",
    ] {
        assert!(
            is_grpc(&Method::POST, &request(yes)),
            "{}",
            String::from_utf8_lossy(yes)
        );
    }
    for no in [
        &b"application/json"[..],
        b"application/grpcx",
        b"application/grpc-websocket",
        b"application/grpc-web-textual",
        b"application/grp",
        b"text/application/grpc",
        b"",
        b"\xff",
    ] {
        assert!(
            !is_grpc(&Method::POST, &request(no)),
            "{}",
            String::from_utf8_lossy(no)
        );
    }
    assert!(!is_grpc(&Method::POST, &HeaderMap::new()));
}
