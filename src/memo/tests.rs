//! What a value depends on, and what is stored.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;

use super::{MemoPolicy, MemoScope, MemoValue, place::Place};
use crate::store::{Identifier, MemoryStore, SharedStore, Write};

const HOUR: Duration = Duration::from_secs(3600);
const ANSWERS: MemoPolicy = MemoPolicy::shared("answers", HOUR);

fn store() -> SharedStore {
    SharedStore::new(MemoryStore::new())
}

fn digest<S: MemoScope>(policy: &MemoPolicy<S>, input: &str) -> [u8; 32] {
    Place::new(&store(), policy, input.as_bytes()).digest
}

#[test]
fn no_two_inputs_names_versions_or_subjects_share_a_place() {
    let mut digests = HashSet::new();
    for name in ["a", "ab", "memo"] {
        for version in [0, 1, 0x6161] {
            for input in ["", "a", "b", "aa", "ab", "shared", "of"] {
                let shared = MemoPolicy::shared(name, HOUR).version(version);
                assert!(digests.insert(digest(&shared, input)));
                for subject in ["", "a", "b", "aa", "shared", "of"] {
                    let policy = MemoPolicy::per_subject(name, HOUR).version(version);
                    assert!(digests.insert(digest(&policy.of(subject), input)));
                }
            }
        }
    }
    assert_eq!(digests.len(), 3 * 3 * 7 * 7);
}

#[test]
fn the_same_is_the_same_whatever_its_time_to_live() {
    let shorter = MemoPolicy::shared("answers", Duration::from_secs(1)).jitter(Duration::ZERO);
    assert_eq!(digest(&ANSWERS, "x"), digest(&shorter, "x"));
    let drafts = MemoPolicy::per_subject("drafts", HOUR);
    assert_eq!(
        digest(&drafts.of(7), "x"),
        digest(&drafts.of(Identifier::from("7")), "x")
    );
}

#[test]
fn the_place_is_of_the_cache_and_tells_no_input() {
    let store = store();
    let place = Place::new(&store, &ANSWERS, b"a secret prompt");
    let text = place.key.to_text();
    assert!(text.starts_with("c:answers:~"), "{text}");
    assert_eq!(text.len(), "c:answers:~".len() + 43);
}

#[test]
fn a_time_to_live_is_shortened_by_chance_and_never_prolonged() {
    let store = store();
    let policy = ANSWERS.jitter(Duration::from_secs(60));
    let place = Place::new(&store, &policy, b"x");
    let ttls: HashSet<_> = (0..100)
        .filter_map(|_| ttl(&place.put(&policy, &Bytes::new())?))
        .collect();
    assert!(ttls.len() > 90, "{}", ttls.len());
    assert!(
        ttls.iter()
            .all(|ttl| (HOUR - Duration::from_secs(60)..=HOUR).contains(ttl))
    );
    let exact = place.put(&ANSWERS, &Bytes::new()).expect("small");
    assert_eq!(ttl(&exact), Some(HOUR));
}

#[test]
fn values_come_back_as_they_were() {
    let text = String::from("Grüße \0");
    assert_eq!(String::from_bytes(text.to_bytes()), Some(text));
    let bytes = vec![0xff, 0, 1];
    assert_eq!(
        Bytes::from_bytes(bytes.to_bytes()),
        Some(Bytes::from(bytes.clone()))
    );
    assert_eq!(Vec::from_bytes(bytes.to_bytes()), Some(bytes.clone()));
    assert_eq!(String::from_bytes(bytes.to_bytes()), None);
}

#[test]
#[should_panic(expected = "a time to live above zero")]
fn a_time_to_live_of_zero_is_refused() {
    let _ = MemoPolicy::shared("answers", Duration::ZERO);
}

#[test]
#[should_panic(expected = "shorter than the time to live")]
fn a_jitter_as_long_as_the_time_to_live_is_refused() {
    let _ = ANSWERS.jitter(HOUR);
}

#[test]
fn debug_shows_no_subject() {
    let policy = MemoPolicy::per_subject("drafts", HOUR).of("alice");
    let shown = format!("{policy:?}");
    assert!(
        shown.contains("drafts") && !shown.contains("alice"),
        "{shown}"
    );
}

fn ttl(write: &Write) -> Option<Duration> {
    match write.change() {
        crate::store::Change::Put { ttl, .. } => Some(*ttl),
        _ => None,
    }
}
