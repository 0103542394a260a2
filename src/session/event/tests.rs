use std::collections::HashSet;

use super::*;
use crate::store::{Error, ErrorKind};

fn fingerprint(secret: &str) -> Fingerprint {
    Fingerprint::of(&Identifier::hashed(secret))
}

#[test]
fn a_fingerprint_is_the_start_of_the_hash_of_the_text() {
    let identifier = Identifier::from("user-7");
    let hash = Sha256::digest("user-7");
    let expected: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let fingerprint = Fingerprint::of(&identifier);
    assert_eq!(fingerprint.to_string(), expected);
    assert_eq!(
        format!("{fingerprint:?}"),
        format!("Fingerprint({expected})")
    );
}

#[test]
fn fingerprints_tell_tokens_apart() {
    let all: HashSet<_> = (0..1000)
        .map(|number: u32| fingerprint(&number.to_string()))
        .collect();
    assert_eq!(all.len(), 1000);
    assert_eq!(fingerprint("7"), fingerprint("7"));
}

#[test]
fn small_hashes_are_padded() {
    assert_eq!(Fingerprint(0x2a).to_string(), "000000000000002a");
}

#[test]
fn no_fingerprint_shows_where_a_session_is_stored() {
    let identifier = Identifier::digest([0xab; 32]);
    let shown = format!("{:?}", Fingerprint::of(&identifier));
    assert!(!shown.contains("abab"));
    assert!(!shown.contains(identifier.to_text().trim_start_matches('~')));
}

#[test]
fn every_event_has_a_line_of_its_own() {
    let error = Error::new(ErrorKind::Timeout, "no answer in time");
    let (session, to) = (fingerprint("a"), fingerprint("b"));
    let lines = [
        (
            Event::Created { session },
            format!("session created session={session}"),
        ),
        (
            Event::Rotated { from: session, to },
            format!("session rotated from={session} to={to}"),
        ),
        (
            Event::Authenticated {
                session,
                subject: to,
            },
            format!("session authenticated session={session} subject={to}"),
        ),
        (
            Event::Destroyed { session },
            format!("session destroyed session={session}"),
        ),
        (
            Event::Revoked { session },
            format!("session revoked session={session}"),
        ),
        (
            Event::Evicted { session },
            format!("session evicted session={session}"),
        ),
        (
            Event::LimitReached { subject: to },
            format!("session limit reached subject={to}"),
        ),
        (
            Event::Expired {
                session,
                idle: true,
            },
            format!("session expired session={session} idle=true"),
        ),
        (
            Event::Unknown { session },
            format!("session unknown session={session}"),
        ),
        (
            Event::Duplicate { tokens: 3 },
            "session duplicate tokens=3".to_owned(),
        ),
        (
            Event::Conflict { session },
            format!("session conflict session={session}"),
        ),
        (
            Event::Dropped { session },
            format!("session writes dropped session={session}"),
        ),
        (
            Event::Corrupt { session },
            format!("session corrupt session={session}"),
        ),
        (
            Event::CrossOrigin,
            "session refused to another origin".to_owned(),
        ),
        (
            Event::CsrfToken { session },
            format!("session without its CSRF token session={session}"),
        ),
        (
            Event::StoreError { error: &error },
            "session store failed error=\"store timed out: no answer in time\"".to_owned(),
        ),
    ];
    for (event, line) in lines {
        assert_eq!(event.to_string(), line);
    }
}
