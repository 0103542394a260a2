//! Refused gRPC calls: [a response of headers alone](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)
//! ("Trailers-Only") with a status, since a client that has seen a message may not retry.
//!
//! Clients that retry are told when, twice: `grpc-retry-pushback-ms` is read by [the retries of the
//! library](https://github.com/grpc/proposal/blob/master/A6-client-retries.md), `RetryInfo` by applications.

use std::{borrow::Cow, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{
    arena,
    label::Label,
    problem::Problem,
    refusal::{Reason, Refusal},
};
use crate::grpc::{MESSAGE, STATUS, answer_type, content_type};

/// Returns whether a request is a gRPC call: a `POST` with the content type `application/grpc`, `application/grpc+…` or a
/// gRPC-Web one.
///
/// Whoever says so of a `GET` would be refused with 200, which a cache in front might keep for everybody.
///
/// gRPC-Web has trailers in the body, but its clients take a status in the headers as well, so that one answer fits both.
#[inline]
pub(super) fn is_grpc(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::POST && content_type(headers).is_some()
}

/// Answers a call: HTTP 200, and a body that is at its end before it begins.
pub(super) fn answer(refusal: &Refusal<'_>, request: &HeaderMap) -> Response<Bytes> {
    const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
    const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
    let code = match refusal.reason() {
        Reason::QuotaExceeded => 8,     // RESOURCE_EXHAUSTED
        Reason::MissingIdentifier => 3, // INVALID_ARGUMENT
        Reason::StoreUnavailable => 14, // UNAVAILABLE
    };
    let message = refusal.to_string();
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, answer_type(request));
    headers.insert(STATUS, arena::number(code));
    headers.insert(MESSAGE, ascii(&percent_encoded(&message)));
    headers.insert(PUSHBACK, arena::number(pushback(refusal.retry_after())));
    let status = status(code, &message, refusal);
    headers.insert(DETAILS, ascii(&STANDARD_NO_PAD.encode(status)));
    response
}

fn ascii(text: &str) -> HeaderValue {
    arena::line(|line| line.extend_from_slice(text.as_bytes()))
}

fn percent_encoded(message: &str) -> Cow<'_, str> {
    const HIDDEN: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(message, HIDDEN).into()
}

/// Milliseconds, rounded up. Negative means that the call is not to be retried. A wait of more than 24 days does not fit.
fn pushback(wait: Option<Duration>) -> i32 {
    wait.map_or(-1, |wait| {
        i32::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    })
}

/// `google.rpc.Status { code = 1, message = 2, details = 3 }`.
fn status(code: u8, message: &str, refusal: &Refusal<'_>) -> Vec<u8> {
    let mut status = Vec::with_capacity(256);
    put_number(&mut status, 1, code.into());
    put_bytes(&mut status, 2, message.as_bytes());
    if let Some(wait) = refusal.retry_after() {
        put_any(&mut status, "RetryInfo", &retry_info(wait));
    }
    if refusal.reason() == Reason::QuotaExceeded {
        put_any(&mut status, "QuotaFailure", &quota_failure(refusal));
    }
    status
}

/// `RetryInfo { retry_delay = 1: Duration { seconds = 1, nanos = 2 } }`.
fn retry_info(wait: Duration) -> Vec<u8> {
    let (mut delay, mut info) = (Vec::new(), Vec::new());
    put_number(&mut delay, 1, wait.as_secs());
    put_number(&mut delay, 2, wait.subsec_nanos().into());
    put_bytes(&mut info, 1, &delay);
    info
}

/// `QuotaFailure { violations = 1: Violation { subject = 1, description = 2 } }`.
fn quota_failure(refusal: &Refusal<'_>) -> Vec<u8> {
    let mut failure = Vec::new();
    for (label, problem) in refusal.violations() {
        put_bytes(&mut failure, 1, &violation(label, problem));
    }
    failure
}

fn violation(label: &Label, problem: Problem) -> Vec<u8> {
    let mut violation = Vec::new();
    put_bytes(&mut violation, 1, label.text().as_bytes());
    put_bytes(
        &mut violation,
        2,
        problem.detail(&[label.quoted()]).as_bytes(),
    );
    violation
}

/// Field 3 of a status: `Any { type_url = 1, value = 2 }`.
fn put_any(status: &mut Vec<u8>, name: &str, value: &[u8]) {
    let mut any = Vec::new();
    put_bytes(
        &mut any,
        1,
        format!("type.googleapis.com/google.rpc.{name}").as_bytes(),
    );
    put_bytes(&mut any, 2, value);
    put_bytes(status, 3, &any);
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_number(out: &mut Vec<u8>, field: u8, number: u64) {
    out.push(field << 3);
    put_varint(out, number);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests;
