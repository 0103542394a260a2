//! Room for one more session.

use super::{world::IDLE, *};
use crate::store::{Store, Write};

/// Returns the tokens to evict; `None` if nothing can be ended.
fn room(world: &World, limit: SessionLimit, keep: Option<u16>) -> Option<Vec<u16>> {
    let keep = keep.map(id);
    let room = now(make_room(&world.config, "alice", limit, keep.as_slice())).unwrap();
    let Room::Delete(keys) = room else {
        return None;
    };
    let token = |key: &Key| (0..512).find(|token| world.key(*token) == *key);
    Some(keys.iter().filter_map(token).collect())
}

#[test]
fn the_oldest_login_makes_room() {
    let world = World::new();
    for (name, at) in [(1, 30), (2, 10), (3, 20)] {
        world.session(name, at);
    }
    let limit = SessionLimit::evict_oldest(3);
    assert_eq!(room(&world, limit, None), Some(vec![2]));
    assert_eq!(world.stored(), [1, 2, 3], "that is up to the write");
    assert_eq!(world.told("Evicted"), 0);
    assert_eq!(room(&world, SessionLimit::reject(3), None), None);
}

#[test]
fn the_session_that_logs_in_again_is_not_evicted_and_does_not_count() {
    let world = World::new();
    for (name, at) in [(1, 10), (2, 20), (3, 30)] {
        world.session(name, at);
    }
    let limit = SessionLimit::evict_oldest(3);
    assert_eq!(room(&world, limit, Some(1)), Some(vec![]));
    assert_eq!(
        room(&world, SessionLimit::evict_oldest(2), Some(1)),
        Some(vec![2])
    );
}

#[test]
fn what_is_not_live_goes_first() {
    let world = World::new();
    world.session(1, 0);
    world.session(2, 0);
    world.put(3, "alice", &World::record(3, "bob", IDLE.as_secs()));
    world.session(4, IDLE.as_secs());
    let gone = Write::delete(world.key(2));
    assert!(now(world.memory.write(&gone.into())).unwrap().is_done());
    world.clock.advance(IDLE);
    for limit in [SessionLimit::reject(2), SessionLimit::evict_oldest(2)] {
        assert_eq!(room(&world, limit, None), Some(vec![]));
        assert_eq!(world.stored(), [4]);
        let members = now(listing(&world.config, &index(&world.config, "alice")));
        assert_eq!(members.unwrap().identifiers, [id(4)]);
    }
    assert_eq!(world.told("Evicted"), 0);
}

#[test]
fn nothing_is_ended_for_a_login_that_is_refused() {
    let world = World::new();
    world.session(1, 0);
    world.clock.advance(IDLE);
    world.session(2, IDLE.as_secs());
    assert_eq!(room(&world, SessionLimit::reject(1), None), None);
    assert_eq!(world.stored(), [1, 2]);
}

// It may be of a version to come, in the middle of a deployment.
#[test]
fn what_cannot_be_read_counts_and_goes_last() {
    let world = World::new();
    world.put_bytes(1, "alice", vec![255; 3]);
    world.session(2, 10);
    let evict = SessionLimit::evict_oldest;
    assert_eq!(room(&world, SessionLimit::reject(2), None), None);
    assert_eq!(room(&world, evict(2), None), Some(vec![2]));
    assert_eq!(room(&world, evict(1), None), Some(vec![2, 1]));
}

#[test]
fn a_limit_that_was_lowered_ends_what_does_not_fit_into_the_batch() {
    let world = World::new();
    (0..50).for_each(|name| {
        world.session(name, u64::from(name));
    });
    let limit = SessionLimit::evict_oldest(3);
    let last: Vec<u16> = (38..48).collect();
    assert_eq!(room(&world, limit, None), Some(last));
    assert_eq!(world.stored(), (38..50).collect::<Vec<_>>());
    assert_eq!(world.told("Evicted"), 38);
}
