//! Lists, and what is ended while nothing else goes on.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    schedule::Hooked,
    world::{IDLE, encode},
    *,
};
use crate::store::{self, ErrorKind, Store, Write};

fn names(sessions: &[SessionInfo]) -> Vec<u8> {
    let names = sessions.iter().map(|session| session.id().as_bytes()[0]);
    names.collect()
}

fn listed(world: &World, current: Option<SessionId>) -> Vec<SessionInfo> {
    now(list(&world.config, "alice", current)).unwrap()
}

#[test]
fn a_list_begins_with_the_newest_activity_and_knows_who_asks() {
    let world = World::new();
    for (name, at) in [(1, 20), (2, 40), (3, 30)] {
        world.session(name, at);
    }
    let sessions = listed(&world, Some(SessionId::from_bytes([3; 16])));
    assert_eq!(names(&sessions), [2, 3, 1]);
    let current: Vec<_> = sessions.iter().map(SessionInfo::is_current).collect();
    assert_eq!(current, [false, true, false]);
    assert!(listed(&world, None).iter().all(|each| !each.is_current()));
}

#[test]
fn a_list_names_live_sessions_of_the_subject_only() {
    let world = World::new();
    world.session(1, 0);
    world.put(2, "alice", &World::record(2, "bob", 0));
    let mut anonymous = World::record(3, "", 0);
    anonymous.subject = None;
    world.put(3, "alice", &anonymous);
    world.put(4, "bob", &World::record(4, "alice", 0));
    assert_eq!(names(&listed(&world, None)), [1]);
    world.clock.advance(IDLE);
    world.session(5, IDLE.as_secs());
    assert_eq!(names(&listed(&world, None)), [5], "1 was idle for too long");
    assert!(world.is_stored(1), "a list ends nothing");
}

#[test]
fn what_is_corrupt_is_told_and_hides_nothing_else() {
    let world = World::new();
    for name in [1, 2, 3] {
        world.session(name, u64::from(name));
    }
    world.put_bytes(2, "alice", vec![255; 3]);
    assert_eq!(names(&listed(&world, None)), [3, 1]);
    assert_eq!(world.told("Corrupt"), 1);
}

#[test]
fn a_key_that_holds_no_value_at_all_hides_nothing_else() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    // The second call is the read of both, the third that of one of them.
    let world = World::hooked(|memory| {
        Hooked::new(memory, move || {
            let call = count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                match call {
                    1 | 2 => Err(store::Error::new(ErrorKind::Corrupt, "no value")),
                    _ => Ok(()),
                }
            })
        })
    });
    for name in [1, 2] {
        world.session(name, 0);
    }
    assert_eq!(names(&listed(&world, None)), [2]);
    assert_eq!(world.told("Corrupt"), 1);
}

#[test]
fn a_session_that_is_seen_under_two_tokens_is_listed_once_and_ended_under_both() {
    let world = World::new();
    world.put(1, "alice", &World::record(1, "alice", 10));
    world.put(2, "alice", &World::record(1, "alice", 20));
    let sessions = listed(&world, None);
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0].last_active(), world::seconds(world::START + 20));
    assert_eq!(now(revoke_all(&world.config, "alice", None)).unwrap(), 2);
    assert!(world.stored().is_empty());
}

#[test]
fn many_sessions_are_read_in_one_trip_and_ended_in_another() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let world = World::hooked(|memory| {
        Hooked::new(memory, move || {
            count.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(()) })
        })
    });
    (0..250).for_each(|name| {
        world.session(name, u64::from(name));
    });
    assert_eq!(names(&listed(&world, None)).len(), 250);
    assert_eq!(calls.swap(0, Ordering::SeqCst), 3 + 16, "pages, chunks");
    let ended = now(revoke_all(&world.config, "alice", Some(&id(7)))).unwrap();
    assert_eq!((ended, world.stored()), (249, vec![7]));
    assert_eq!(calls.load(Ordering::SeqCst), 3 + 16 + 1);
    assert_eq!(world.told("Revoked"), 249);
}

#[test]
fn one_session_is_ended_and_no_other() {
    let world = World::new();
    for name in [1, 2, 3] {
        world.session(name, 0);
    }
    let end = |subject, name| {
        let id = SessionId::from_bytes([name; 16]);
        now(revoke(&world.config, subject, id)).unwrap()
    };
    assert!(!end("bob", 2) && !end("alice", 9));
    world.put(4, "alice", &World::record(4, "bob", 0));
    assert!(!end("alice", 4), "of another subject");
    assert!(end("alice", 2));
    assert_eq!(world.stored(), [1, 3, 4]);
    assert_eq!(world.told("Revoked"), 1);
    assert!(!end("alice", 2));
}

#[test]
fn members_that_are_gone_keep_nobody_from_ending_sessions() {
    let world = World::new();
    for name in [1, 2, 3] {
        world.session(name, 0);
    }
    // Without a word to the index.
    let deleted = now(world.memory.write(&Write::delete(world.key(1)).into()));
    assert!(deleted.unwrap().is_done());
    let id = |name| SessionId::from_bytes([name; 16]);
    assert!(!now(revoke(&world.config, "alice", id(9))).unwrap());
    assert!(now(revoke(&world.config, "alice", id(2))).unwrap());
    now(revoke_all(&world.config, "alice", None)).unwrap();
    assert!(world.stored().is_empty());
}

#[test]
fn a_store_that_fails_is_told_and_is_an_error_of_its_own_kind() {
    let world = World::hooked(|memory| {
        Hooked::new(memory, || {
            Box::pin(async { Err(store::Error::new(ErrorKind::Unavailable, "down")) })
        })
    });
    world.session(1, 0);
    let id = SessionId::from_bytes([1; 16]);
    let errors = [
        now(list(&world.config, "alice", None)).map(drop),
        now(revoke(&world.config, "alice", id)).map(drop),
        now(revoke_all(&world.config, "alice", None)).map(drop),
    ];
    for error in errors {
        assert_eq!(error.unwrap_err().kind(), SessionErrorKind::Store);
    }
    assert_eq!(world.told("StoreError"), 3);
    assert!(world.is_stored(1));
}

#[test]
fn the_lifetime_of_a_session_itself_comes_before_that_of_the_layer() {
    let world = World::new();
    let mut record = World::record(1, "alice", 0);
    record.lifetime = Some(crate::session::Lifetime::new(2 * IDLE, 48 * IDLE));
    world.put_bytes(1, "alice", encode(&record));
    world.clock.advance(IDLE);
    assert_eq!(names(&listed(&world, None)), [1]);
}
