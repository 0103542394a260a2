//! What the answers to refused requests say.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response};
use serde_json::{Value, json};

use super::{Reason, Refusal};
use crate::{
    quota::Quota,
    rate_limit::{
        headers::tests::{Case, refused},
        label::{Label, tests::hostile_names},
    },
    store::Verdict,
};

const MINUTE: Quota = Quota::per_minute(60);

fn document(response: &Response<bytes::Bytes>) -> Value {
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let document: Value = serde_json::from_slice(response.body()).expect("JSON");
    assert_eq!(document["status"], response.status().as_u16());
    document
}

#[test]
fn a_request_beyond_one_limit_is_answered_with_a_quota_problem() {
    let api = Case::new("api", MINUTE, refused(1_000_001));
    let day = Case::new("day", Quota::per_day(9), Verdict::Allowed);
    let told = [api.told(), day.told()];
    let refusal = Refusal::quota_exceeded(&told, Duration::ZERO);
    assert_eq!(refusal.reason(), Reason::QuotaExceeded);
    assert_eq!(
        refusal.retry_after(),
        Some(Duration::from_micros(1_000_001))
    );
    assert_eq!(refusal.limits().collect::<Vec<_>>(), ["api"]);
    let decisions: Vec<_> = refusal
        .decisions()
        .map(|(name, it)| (name, it.allowed()))
        .collect();
    assert_eq!(decisions, [("api", false), ("day", true)]);
    let response = refusal.problem_json();
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(
        document(&response),
        json!({
            "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
            "title": "Quota exceeded",
            "status": 429,
            "detail": "The limit \"api\" has too little left for this request: try again later.",
            "violated-policies": ["api"],
        })
    );
}

#[test]
fn all_limits_that_refuse_are_violated_and_the_longest_wait_counts() {
    let (a, b) = (
        Case::new("a", MINUTE, refused(9_000_000)),
        Case::new("b", MINUTE, refused(70_000_000)),
    );
    let watched = Case::new("watched", MINUTE, Verdict::Never);
    let mut told = [a.told(), b.told(), watched.told()];
    told[2].enforced = false;
    let refusal = Refusal::quota_exceeded(&told, Duration::ZERO);
    assert_eq!(refusal.limits().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(refusal.decisions().count(), 3);
    let response = refusal.problem_json();
    assert_eq!(response.headers()["retry-after"], "70");
    let document = document(&response);
    assert_eq!(document["violated-policies"], json!(["a", "b"]));
    assert_eq!(document["detail"], refusal.to_string());
    assert_eq!(
        refusal.to_string(),
        "The limits \"a\", \"b\" have too little left for this request: try again later."
    );
}

#[test]
fn there_is_no_retry_after_where_waiting_is_of_no_use() {
    let (a, never) = (
        Case::new("a", MINUTE, refused(9_000_000)),
        Case::new("never", Quota::NONE, Verdict::Never),
    );
    for told in [
        &[never.told()][..],
        &[a.told(), never.told()],
        &[never.told(), a.told()],
    ] {
        let refusal = Refusal::quota_exceeded(told, Duration::from_secs(5));
        assert_eq!(refusal.retry_after(), None);
        let response = refusal.problem_json();
        assert_eq!(response.status(), 429);
        assert!(!response.headers().contains_key("retry-after"));
        let detail = document(&response)["detail"].to_string();
        assert!(detail.contains("of no use"), "{detail}");
    }
}

#[test]
fn a_missing_identifier_is_a_bad_request_that_names_the_limit() {
    let label = Label::new("key", None);
    let refusal = Refusal::missing_identifier(&label);
    assert_eq!(refusal.reason(), Reason::MissingIdentifier);
    assert_eq!(refusal.limits().collect::<Vec<_>>(), ["key"]);
    assert_eq!(refusal.decisions().count(), 0);
    let response = refusal.problem_json();
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(
        document(&response),
        json!({
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": refusal.to_string(),
        })
    );
    assert!(refusal.to_string().contains("\"key\""));
}

#[test]
fn a_store_that_fails_is_reduced_capacity_and_worth_another_try() {
    let label = Label::new("login", None);
    let refusal = Refusal::store_unavailable(&label, Duration::ZERO);
    assert_eq!(refusal.reason(), Reason::StoreUnavailable);
    let response = refusal.problem_json();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    let document = document(&response);
    assert_eq!(
        document["type"],
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
    );
    assert_eq!(document["violated-policies"], json!(["login"]));
}

#[test]
fn any_name_makes_a_valid_document_alone_and_with_others() {
    let cases = hostile_names().map(|name| Case::new(name, MINUTE, refused(1)));
    let texts: Vec<&str> = cases.iter().map(|case| case.label.text()).collect();
    let told: Vec<_> = cases.iter().map(Case::told).collect();
    for (alone, text) in told.iter().zip(&texts) {
        let refusal = Refusal::quota_exceeded(std::slice::from_ref(alone), Duration::ZERO);
        let document = document(&refusal.problem_json());
        assert_eq!(document["violated-policies"], json!([text]));
        assert_eq!(document["detail"], refusal.to_string());
        let _ = self::document(&Refusal::missing_identifier(alone.label).problem_json());
    }
    let response = Refusal::quota_exceeded(&told, Duration::ZERO).problem_json();
    assert_eq!(document(&response)["violated-policies"], json!(texts));
}

#[test]
fn jitter_is_always_late_never_early_and_spread_over_all_of_its_time() {
    let case = Case::new("api", MINUTE, refused(10_000_000));
    let told = [case.told()];
    let (wait, jitter) = (Duration::from_secs(10), Duration::from_secs(5));
    let mut histogram = [0_u32; 5];
    for _ in 0..10_000 {
        let refusal = Refusal::quota_exceeded(&told, jitter);
        let late = refusal.retry_after().and_then(|it| it.checked_sub(wait));
        let late = late.expect("not early");
        assert!(late <= jitter);
        histogram[(late.as_secs() as usize).min(4)] += 1;
        let seconds = refusal.retry_after_seconds().expect("a wait");
        assert!((10..=15).contains(&seconds));
        assert_eq!(
            refusal.problem_json().headers()["retry-after"],
            seconds.to_string()
        );
    }
    // Two thousand each; six standard deviations are 240.
    assert!(
        histogram.iter().all(|n| (1_760..2_240).contains(n)),
        "{histogram:?}"
    );
    let store = Refusal::store_unavailable(&case.label, jitter);
    assert!((1..=6).contains(&store.retry_after_seconds().expect("a wait")));
}

#[test]
fn the_answer_without_a_hook_is_for_grpc_where_the_request_is() {
    let label = Label::new("api", None);
    let refusal = Refusal::missing_identifier(&label);
    let mut request = HeaderMap::new();
    assert_eq!(refusal.answer(&request).status(), 400);
    request.insert("content-type", HeaderValue::from_static("application/grpc"));
    assert_eq!(refusal.answer(&request).status(), 200);
}
