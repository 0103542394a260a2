//! What leaves together, and when.

use futures_channel::oneshot::{self, Receiver};

use super::*;
use crate::store::remote::Effect;

const NOW: Duration = Duration::from_secs(100);

const SHAPE: Shape = Shape {
    lanes: 2,
    max_commands: 3,
    max_bytes: 100,
    max_values: 100,
    patience: Duration::from_secs(1),
};

fn waiting(bytes: usize) -> (Waiting, Receiver<Answered>) {
    let (answer, receiver) = oneshot::channel();
    let command = Command::new("GET", Effect::Read);
    let load = Load::of(&command, bytes);
    let waiting = Waiting {
        command,
        load,
        answer,
    };
    (waiting, receiver)
}

fn push(queue: &mut Queue, bytes: usize) -> (Option<Next>, Receiver<Answered>) {
    let (waiting, receiver) = waiting(bytes);
    (queue.push(waiting, None, NOW).ok(), receiver)
}

#[test]
fn one_thread_starts_one_driver_until_that_begins() {
    let mut queue = Queue::new(SHAPE);
    let me = thread::current().id();
    let (first, _a) = push(&mut queue, 10);
    let (second, _b) = push(&mut queue, 10);
    assert_eq!((first, second), (Some(Next::Spawn(0)), Some(Next::Nothing)));
    queue.begin(me);
    let (third, _c) = push(&mut queue, 10);
    assert_eq!(third, Some(Next::Spawn(1)));
    queue.give_up();
    let (fourth, _d) = push(&mut queue, 10);
    assert_eq!(fourth, Some(Next::Nothing), "both lanes are busy");
}

#[test]
fn nobody_relies_on_a_driver_that_has_let_a_caller_down() {
    let mut queue = Queue::new(SHAPE);
    let (_, _a) = push(&mut queue, 10);
    queue.give_up();
    assert_eq!(push(&mut queue, 10).0, Some(Next::Spawn(1)));
}

#[test]
fn a_request_carries_so_many_commands_and_bytes() {
    let mut queue = Queue::new(SHAPE);
    let _receivers: Vec<_> = [10, 10, 10, 10, 95, 10]
        .map(|size| push(&mut queue, size))
        .into();
    queue.begin(thread::current().id());
    let mut sizes = Vec::new();
    loop {
        let (batch, _) = queue.take(0, NOW);
        if batch.is_empty() {
            break;
        }
        sizes.push(batch.len());
    }
    assert_eq!(sizes, [3, 1, 1, 1]);
    assert_eq!(queue.bytes, 0);
}

#[test]
fn what_nobody_waits_for_never_leaves() {
    let mut queue = Queue::new(SHAPE);
    let (_, gone) = push(&mut queue, 10);
    let (_, _stays) = push(&mut queue, 20);
    drop(gone);
    let (batch, _) = queue.take(0, NOW);
    assert_eq!(batch.iter().map(|each| each.load.bytes).sum::<usize>(), 20);
    assert_eq!(queue.bytes, 0);
}

#[test]
fn a_group_leaves_together_and_not_before_it_is_told_to() {
    let mut queue = Queue::new(SHAPE);
    let (_, _single) = push(&mut queue, 10);
    let (_, _other) = push(&mut queue, 10);
    let mut receivers = Vec::new();
    for _ in 0..3 {
        let (each, receiver) = waiting(10);
        assert_eq!(queue.push(each, Some(7), NOW).ok(), Some(Next::Nothing));
        receivers.push(receiver);
    }
    assert_eq!(queue.staged.len(), 3);
    let _ = queue.leave(7, NOW);
    let (batch, _) = queue.take(0, NOW);
    assert_eq!(
        batch.len(),
        5,
        "a group that has begun to leave is not split"
    );
}

// A value of more than the queue holds was refused each time, as if the store were down.
#[test]
fn a_full_queue_takes_nothing_more_and_one_that_is_not_takes_any_command() {
    let mut queue = Queue::new(SHAPE);
    let (small, _a) = push(&mut queue, 10);
    let (large, _b) = push(&mut queue, MAX_WAITING_BYTES + 1);
    let (third, _c) = push(&mut queue, 10);
    assert!(small.is_some() && large.is_some() && third.is_none());
}

#[test]
fn an_answer_brings_back_so_many_values() {
    let mut queue = Queue::new(Shape {
        max_commands: 256,
        max_values: 20,
        ..SHAPE
    });
    let mut receivers = Vec::new();
    for _ in 0..3 {
        let (mut each, receiver) = waiting(10);
        (each.load.values, each.load.replies) = (16, 16);
        let _ = queue.push(each, None, NOW);
        receivers.push(receiver);
    }
    let (_, _more) = push(&mut queue, 10);
    assert_eq!(
        [0; 3].map(|driver| queue.take(driver, NOW).0.len()),
        [1, 1, 2]
    );
}

#[test]
fn a_request_that_was_too_large_makes_later_ones_smaller() {
    let mut queue = Queue::new(Shape {
        max_bytes: 1 << 20,
        ..SHAPE
    });
    queue.learn(1, Lesson::TooLarge);
    assert_eq!(queue.shape.max_bytes, 1 << 19);
    for _ in 0..20 {
        queue.learn(1, Lesson::TooLarge);
    }
    assert_eq!(queue.shape.max_bytes, MIN_BYTES);
}

// Runtimes that were kept, and driven no more, took all lanes for good.
#[test]
fn a_lane_that_is_away_for_too_long_is_not_counted_on() {
    let mut queue = Queue::new(SHAPE);
    let me = thread::current().id();
    let mut receivers = Vec::new();
    for driver in 0..2 {
        let (next, receiver) = push(&mut queue, 10);
        receivers.push(receiver);
        assert_eq!(next, Some(Next::Spawn(driver)));
        queue.begin(me);
        assert_eq!(queue.take(driver, NOW).0.len(), 1);
    }
    let mut later = |queue: &mut Queue, after| {
        let (each, receiver) = waiting(10);
        receivers.push(receiver);
        queue.push(each, None, NOW + after).ok()
    };
    let patience = SHAPE.patience;
    assert_eq!(later(&mut queue, patience), Some(Next::Nothing));
    let late = patience + Duration::from_millis(1);
    assert_eq!(later(&mut queue, late), Some(Next::Spawn(2)));
    assert_eq!(queue.drivers.len(), 1);
    // One comes back, and one ends badly: neither counts any more.
    assert!(queue.take(0, NOW + late).0.is_empty());
    assert!(queue.abandon(1, thread::current().id()).is_empty());
    assert_eq!(queue.drivers.len(), 1);
    assert_eq!(queue.take(2, NOW + late).0.len(), 2);
}

#[test]
fn the_last_lane_that_ends_badly_leaves_nobody_behind() {
    let mut queue = Queue::new(SHAPE);
    let me = thread::current().id();
    let (_, _a) = push(&mut queue, 10);
    let (_, _b) = push(&mut queue, 10);
    assert_eq!(queue.abandon(0, me).len(), 2);
    assert_eq!((queue.bytes, queue.drivers.len()), (0, 0));
    assert_eq!(push(&mut queue, 10).0, Some(Next::Spawn(1)));
}

#[test]
fn large_replies_make_smaller_requests() {
    let mut queue = Queue::new(Shape {
        max_commands: 256,
        ..SHAPE
    });
    assert_eq!(queue.max_commands(), 256);
    for _ in 0..20 {
        queue.learn(2, Lesson::Answer(2 << 20));
    }
    assert_eq!(queue.max_commands(), 8);
    queue.learn(256, Lesson::Nothing);
    assert_eq!(queue.max_commands(), 8, "a failure says nothing of replies");
}
