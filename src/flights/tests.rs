//! The promises of flights, one by one; by random traces; and by threads.

mod purges;
mod threads;
mod traces;

use std::{
    pin::pin,
    sync::atomic::AtomicBool,
    task::{Context, Poll, Wake, Waker},
};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const WHILE: Duration = Duration::from_secs(120);

type Flown = Flights<u8, &'static str>;

/// Remembers that it was woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Flag {
    fn raised() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn poll<K: Key, T: Clone>(waiter: &mut Waiter<K, T>, waker: &Waker) -> Poll<Waited<K, T>> {
    pin!(waiter).poll(&mut Context::from_waker(waker))
}

fn lead(flights: &Flown, key: u8) -> Leader<u8, &'static str> {
    match flights.join(&key, NOW) {
        Join::Lead(leader) => leader,
        _ => panic!("somebody else leads"),
    }
}

fn wait(flights: &Flown, key: u8) -> Waiter<u8, &'static str> {
    match flights.join(&key, NOW) {
        Join::Wait(waiter) => waiter,
        _ => panic!("nobody to wait for"),
    }
}

/// Polls once, as somebody who has been woken.
fn ready(waiter: &mut Waiter<u8, &'static str>) -> Waited<u8, &'static str> {
    match poll(waiter, Waker::noop()) {
        Poll::Ready(waited) => waited,
        Poll::Pending => panic!("still waiting"),
    }
}

fn is_pending(waiter: &mut Waiter<u8, &'static str>) -> bool {
    poll(waiter, Waker::noop()).is_pending()
}

#[test]
fn who_waits_and_who_comes_later_take_part_until_the_leader_goes() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiters = [wait(&flights, 1), wait(&flights, 1)];
    assert!(waiters.iter_mut().all(is_pending));
    leader.share("growing");
    for waiter in &mut waiters {
        assert!(matches!(ready(waiter), Waited::Shared("growing")));
    }
    assert!(matches!(flights.join(&1, NOW), Join::Follow("growing")));
    assert!(flights.peek(&1));
    drop(leader);
    assert!(!flights.peek(&1));
    drop(lead(&flights, 1));
}

#[test]
fn keys_do_not_wait_for_each_other() {
    let flights = Flown::new();
    let leaders: Vec<_> = (0..=255).map(|key| lead(&flights, key)).collect();
    assert_eq!(leaders.len(), 256);
}

#[test]
fn an_answer_that_comes_before_the_first_poll_is_not_missed() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiter = wait(&flights, 1);
    leader.share("early");
    drop(leader);
    assert!(matches!(ready(&mut waiter), Waited::Shared("early")));
}

#[test]
fn a_leader_that_goes_without_a_word_is_followed_by_exactly_one() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiters: Vec<_> = (0..3).map(|_| wait(&flights, 1)).collect();
    let flags: Vec<_> = waiters
        .iter_mut()
        .map(|waiter| {
            let flag = Arc::new(Flag::default());
            assert!(poll(waiter, &Arc::clone(&flag).into()).is_pending());
            flag
        })
        .collect();
    drop(leader);
    let woken: Vec<_> = flags.iter().map(|flag| flag.take()).collect();
    assert_eq!(woken, [true, false, false]);
    assert!(is_pending(&mut waiters[1]));
    let Waited::Lead(second) = ready(&mut waiters[0]) else {
        panic!("the first leads");
    };
    assert!(is_pending(&mut waiters[1]) && is_pending(&mut waiters[2]));
    second.share("late");
    assert!(matches!(ready(&mut waiters[1]), Waited::Shared("late")));
    assert!(matches!(ready(&mut waiters[2]), Waited::Shared("late")));
}

#[test]
fn a_chosen_one_that_goes_before_its_turn_leaves_it_to_the_next() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let [first, second, mut third] = [0; 3].map(|_| wait(&flights, 1));
    drop(second);
    drop(leader);
    let flag = Arc::new(Flag::default());
    assert!(poll(&mut third, &Arc::clone(&flag).into()).is_pending());
    assert!(!flag.take());
    drop(first);
    assert!(flag.take());
    assert!(matches!(ready(&mut third), Waited::Lead(_)));
}

#[test]
fn a_flight_that_all_have_left_is_over() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let waiter = wait(&flights, 1);
    drop(leader);
    assert!(flights.peek(&1));
    drop(waiter);
    assert!(!flights.peek(&1));
}

/// A waiter that came between the choice of another one and his leaving was forgotten otherwise.
#[test]
fn who_comes_while_a_chosen_one_has_not_begun_waits_for_him() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let chosen = wait(&flights, 1);
    drop(leader);
    let mut late = wait(&flights, 1);
    assert!(is_pending(&mut late));
    drop(chosen);
    assert!(matches!(ready(&mut late), Waited::Lead(_)));
}

#[test]
fn what_cannot_be_shared_lets_all_go_at_once_and_is_remembered() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiters: Vec<_> = (0..100).map(|_| wait(&flights, 1)).collect();
    let flags: Vec<_> = waiters
        .iter_mut()
        .map(|waiter| {
            let flag = Arc::new(Flag::default());
            assert!(poll(waiter, &Arc::clone(&flag).into()).is_pending());
            flag
        })
        .collect();
    leader.release(WHILE, NOW);
    assert!(flags.iter().all(|flag| flag.take()));
    // Nobody's answer waits for anybody's.
    for waiter in &mut waiters {
        assert!(matches!(ready(waiter), Waited::Alone));
    }
    let last = NOW.after(WHILE - Duration::from_micros(1));
    assert!(matches!(flights.join(&1, last), Join::Alone));
    drop(lead(&flights, 2));
    assert!(matches!(flights.join(&1, NOW.after(WHILE)), Join::Lead(_)));
}

#[test]
fn a_call_that_asks_no_memory_leads_all_the_same() {
    let flights = Flown::new();
    lead(&flights, 1).release(WHILE, NOW);
    assert!(matches!(flights.join(&1, NOW), Join::Alone));
    assert!(matches!(flights.enter(&1), Join::Lead(_)));
}

#[test]
fn a_leader_that_fails_lets_all_go_and_nothing_is_remembered() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiters = [wait(&flights, 1), wait(&flights, 1)];
    leader.let_go();
    for waiter in &mut waiters {
        assert!(matches!(ready(waiter), Waited::Alone));
    }
    drop(lead(&flights, 1));
}

#[test]
fn nothing_is_remembered_for_no_time() {
    let flights = Flown::new();
    lead(&flights, 1).release(Duration::ZERO, NOW);
    drop(lead(&flights, 1));
}

#[test]
fn a_shared_fill_that_ends_is_counted_and_no_other() {
    let flights = Flown::new();
    let before = flights.landed(&1);
    drop(lead(&flights, 1));
    lead(&flights, 1).release(Duration::ZERO, NOW);
    let leader = lead(&flights, 1);
    assert_eq!(leader.landed(), before);
    leader.share("it");
    assert_eq!(leader.landed(), before);
    drop(leader);
    assert_eq!(lead(&flights, 1).landed(), before + 1);
}

#[test]
fn the_waker_of_the_last_poll_is_woken_and_no_other() {
    let flights = Flown::new();
    let leader = lead(&flights, 1);
    let mut waiter = wait(&flights, 1);
    let flags = [0; 2].map(|_| Arc::new(Flag::default()));
    for flag in &flags {
        assert!(poll(&mut waiter, &Arc::clone(flag).into()).is_pending());
    }
    assert_eq!(Arc::strong_count(&flags[0]), 1, "a stale waker is kept");
    leader.share("it");
    assert_eq!(flags.map(|flag| flag.take()), [false, true]);
}

/// A waker may poll what it wakes, or ask the table: it would wait for a lock that its caller holds.
#[test]
fn wakers_run_outside_of_the_locks() {
    struct Curious(Flown);

    impl Wake for Curious {
        fn wake(self: Arc<Self>) {
            assert!(matches!(
                self.0.enter(&1),
                Join::Follow(_) | Join::Lead(_) | Join::Wait(_)
            ));
        }
    }

    type End = fn(Leader<u8, &'static str>);
    let ends: [End; 3] = [
        |leader| leader.share("it"),
        |leader| leader.release(WHILE, NOW),
        drop,
    ];
    for end in ends {
        let flights = Flown::new();
        let leader = lead(&flights, 1);
        let mut waiter = wait(&flights, 1);
        let waker = Arc::new(Curious(flights.clone())).into();
        assert!(poll(&mut waiter, &waker).is_pending());
        end(leader);
    }
}

#[test]
fn failed_refreshes_are_backed_off_from_for_a_while() {
    let flights = Flown::new();
    assert!(!flights.is_backing_off(&1, NOW));
    flights.back_off(&1, WHILE, NOW);
    assert!(flights.is_backing_off(&1, NOW) && !flights.is_backing_off(&2, NOW));
    assert!(!flights.is_backing_off(&1, NOW.after(WHILE)));
    drop(lead(&flights, 1));
}

#[test]
fn too_many_fills_at_a_time_are_not_collapsed() {
    let flights = Flights::<u32, ()>::new();
    let leaders: Vec<_> = (0..2 * (SHARDS * MOST_OF_SHARD) as u32)
        .filter_map(|key| match flights.join(&key, NOW) {
            Join::Lead(leader) => Some(leader),
            _ => None,
        })
        .collect();
    assert_eq!(leaders.len(), SHARDS * MOST_OF_SHARD);
    drop(leaders);
    assert!(matches!(flights.join(&0, NOW), Join::Lead(_)));
}
