//! Purges while somebody is under way.

use super::*;

#[test]
fn who_comes_after_a_purge_does_not_join_what_began_before_it() {
    let flights = Flown::new();
    let outdated = lead(&flights, 1);
    let mut waiter = wait(&flights, 1);
    assert!(!outdated.is_doomed());
    flights.doom(&1);
    flights.doom(&2);
    assert!(outdated.is_doomed());
    let fresh = lead(&flights, 1);
    assert!(!fresh.is_doomed());
    outdated.share("before");
    assert!(matches!(ready(&mut waiter), Waited::Shared("before")));
    drop(outdated);
    // The end of the outdated one does not end the other.
    drop(wait(&flights, 1));
    fresh.share("after");
    assert!(matches!(flights.join(&1, NOW), Join::Follow("after")));
}

#[test]
fn who_waits_for_a_doomed_leader_that_goes_joins_the_next_flight() {
    let flights = Flown::new();
    let outdated = lead(&flights, 1);
    let mut waiters = [0; 2].map(|_| wait(&flights, 1));
    assert!(waiters.iter_mut().all(is_pending));
    flights.doom(&1);
    let fresh = lead(&flights, 1);
    drop(outdated);
    assert!(waiters.iter_mut().all(is_pending));
    fresh.share("after");
    for waiter in &mut waiters {
        assert!(matches!(ready(waiter), Waited::Shared("after")));
    }
}

#[test]
fn of_those_who_wait_for_a_doomed_leader_one_begins_anew() {
    let flights = Flown::new();
    let outdated = lead(&flights, 1);
    let mut waiters = [0; 3].map(|_| wait(&flights, 1));
    flights.doom(&1);
    drop(outdated);
    let Waited::Lead(leader) = ready(&mut waiters[1]) else {
        panic!("nobody leads");
    };
    assert!(!leader.is_doomed());
    assert!(is_pending(&mut waiters[0]) && is_pending(&mut waiters[2]));
}

#[test]
fn a_purge_between_the_choice_and_the_turn_dooms_nobody() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiters = [0; 2].map(|_| wait(&flights, 1));
    drop(leader);
    flights.doom(&1);
    let Waited::Lead(leader) = ready(&mut waiters[0]) else {
        panic!("nobody leads");
    };
    assert!(!leader.is_doomed());
    assert!(is_pending(&mut waiters[1]));
    drop(leader);
    assert!(matches!(ready(&mut waiters[1]), Waited::Lead(_)));
}
