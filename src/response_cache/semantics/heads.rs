//! Heads that the tests are about.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::freshness::{Freshness, Stale};
use crate::{
    response_cache::{
        digest::Digest,
        stored::{StoredHead, Varied},
    },
    time::Timestamp,
};

/// 1994-11-15 12:45:26, some time after the first examples of dates.
pub(super) const RECEIVED: Timestamp = Timestamp::from_micros(784_903_526_000_000);

pub(super) fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        // As bytes, so that what is not ASCII is `obs-text`.
        headers.append(
            name,
            HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
        );
    }
    headers
}

pub(super) fn stored(status: StatusCode, lines: &[(&str, &str)]) -> StoredHead {
    StoredHead {
        status,
        headers: headers(lines),
        freshness: Freshness {
            received: RECEIVED,
            initial_age: Duration::ZERO,
            lifetime: Duration::from_secs(60),
            stale: Stale::default(),
            immutable: false,
        },
        vary: Varied {
            names: Vec::new(),
            values: Digest::from_bytes([0; 32]),
        },
        is_for_authorized: false,
        is_explicit: true,
        tags: Vec::new(),
        stamp: None,
    }
}
