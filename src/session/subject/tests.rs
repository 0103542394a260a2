#![expect(clippy::unwrap_used, reason = "tests")]

mod lists;
mod races;
mod rooms;
pub(crate) mod schedule;
mod world;

pub(crate) use self::world::{World, id, now, rotate};
use super::*;
use crate::session::SessionErrorKind;

#[test]
fn an_index_has_nothing_of_its_subject_but_a_hash() {
    let world = World::new();
    let index = index(&world.config, "alice");
    assert_eq!(index.identifier(), &Identifier::hashed("alice"));
    assert!(!index.to_text().contains("alice"));
}

#[test]
#[should_panic(expected = "cannot log in")]
fn a_limit_of_no_session_is_refused() {
    let _ = SessionLimit::reject(0);
}

#[test]
#[should_panic(expected = "at most 1,000")]
fn a_limit_beyond_what_is_looked_at_is_refused() {
    let _ = SessionLimit::evict_oldest(1001);
}

#[test]
fn debug_shows_no_data_and_an_error_no_value() {
    let mut record = World::record(1, "alice", 0);
    record.data.set("device", r#""phone of alice""#.into());
    let info = SessionInfo {
        record: Box::new(record),
        is_current: false,
    };
    let name: Option<String> = info.get("device").unwrap();
    assert_eq!(name.as_deref(), Some("phone of alice"));
    assert_eq!(info.get::<String>("nothing").unwrap(), None);
    let error = info.get::<u32>("device").unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Value);
    let shown = format!("{info:?} {error:?} {error}");
    assert!(!shown.contains("phone") && !shown.contains("alice"));
}
