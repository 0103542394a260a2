//! The queue of commands that wait to leave, and who drives it. No clock, no I/O: decisions under one lock.

use std::{
    collections::VecDeque,
    thread::{self, ThreadId},
};

use futures_channel::oneshot::Sender;

use super::failure::Failure;
use crate::store::remote::{Command, Reply};

/// The most commands that wait, and the most bytes of them.
const MAX_WAITING: usize = 1 << 16;
const MAX_WAITING_BYTES: usize = 64 << 20;
/// What one request should bring back at most: many large values in one answer would be late together.
const REPLY_BYTES: usize = 8 << 20;

/// The answer to one command.
pub(super) type Answered = Result<Reply, Failure>;

/// A command, and who waits for its reply.
pub(super) struct Waiting {
    pub(super) command: Command,
    pub(super) answer: Sender<Answered>,
}

/// How many requests are on the way at once, and how much each carries.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) lanes: usize,
    pub(super) max_commands: usize,
    pub(super) max_bytes: usize,
}

pub(super) struct Queue {
    shape: Shape,
    waiting: VecDeque<Place>,
    staged: Vec<(u64, Waiting)>,
    bytes: usize,
    drivers: usize,
    // The thread whose driver has not begun. What that thread asks for next goes with it: a second driver would only
    // split what could leave together. Other threads do not rely on it, since their runtime may be another one.
    collecting: Option<ThreadId>,
    // The mean size of a reply.
    reply_bytes: usize,
}

struct Place {
    waiting: Waiting,
    // Whether it leaves with the one before it.
    joined: bool,
}

/// What to do after a change of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Start a driver: it is counted already.
    Spawn,
    Nothing,
}

impl Queue {
    pub(super) const fn new(shape: Shape) -> Self {
        Self {
            shape,
            waiting: VecDeque::new(),
            staged: Vec::new(),
            bytes: 0,
            drivers: 0,
            collecting: None,
            reply_bytes: 0,
        }
    }

    /// Adds a command, or gives it back where the queue is full.
    pub(super) fn push(&mut self, waiting: Waiting, group: Option<u64>) -> Result<Next, Waiting> {
        let size = waiting.command.size();
        if self.waiting.len() + self.staged.len() >= MAX_WAITING
            || self.bytes.saturating_add(size) > MAX_WAITING_BYTES
        {
            return Err(waiting);
        }
        self.bytes += size;
        if let Some(group) = group {
            self.staged.push((group, waiting));
            return Ok(Next::Nothing);
        }
        self.waiting.push_back(Place {
            waiting,
            joined: false,
        });
        Ok(self.next())
    }

    /// Lets a group leave.
    pub(super) fn leave(&mut self, group: u64) -> Next {
        let mut joined = false;
        for (_, waiting) in self.staged.extract_if(.., |(id, _)| *id == group) {
            self.waiting.push_back(Place { waiting, joined });
            joined = true;
        }
        self.next()
    }

    fn next(&mut self) -> Next {
        let me = thread::current().id();
        if self.waiting.is_empty()
            || self.drivers >= self.shape.lanes
            || self.collecting == Some(me)
        {
            return Next::Nothing;
        }
        self.drivers += 1;
        self.collecting = Some(me);
        Next::Spawn
    }

    /// Says that the driver of a thread begins.
    pub(super) fn begin(&mut self, driver: ThreadId) {
        if self.collecting == Some(driver) {
            self.collecting = None;
        }
    }

    /// Says that a caller has given up: whoever asks next does not rely on a driver that has not begun, since its runtime
    /// may not be running.
    pub(super) const fn give_up(&mut self) {
        self.collecting = None;
    }

    /// Takes out what one request carries, without what nobody waits for any more. Empty: the driver ends here.
    pub(super) fn take(&mut self) -> (Vec<Waiting>, Next) {
        let max_commands = self.max_commands();
        let mut batch: Vec<Waiting> = Vec::new();
        let mut bytes = 0;
        while let Some(place) = self.waiting.front() {
            let size = place.waiting.command.size();
            let gone = place.waiting.answer.is_canceled();
            let full = if place.joined {
                2 * max_commands
            } else {
                max_commands
            };
            let fits =
                batch.is_empty() || batch.len() < full && bytes + size <= self.shape.max_bytes;
            if !gone && !fits {
                break;
            }
            self.bytes -= size;
            if let Some(place) = self.waiting.pop_front()
                && !gone
            {
                bytes += size;
                batch.push(place.waiting);
            }
        }
        if batch.is_empty() {
            self.drivers -= 1;
            return (batch, Next::Nothing);
        }
        let next = self.next();
        (batch, next)
    }

    /// Gives a lane back that ended badly. Where it was the last one, returns what nobody drives any more.
    pub(super) fn abandon(&mut self, driver: ThreadId) -> Vec<Waiting> {
        self.begin(driver);
        self.drivers -= 1;
        if self.drivers > 0 {
            return Vec::new();
        }
        let waiting: Vec<_> = self.waiting.drain(..).map(|place| place.waiting).collect();
        self.bytes -= waiting
            .iter()
            .map(|each| each.command.size())
            .sum::<usize>();
        waiting
    }

    /// Remembers how large replies are.
    pub(super) fn learn(&mut self, commands: usize, bytes: usize) {
        let mean = bytes / commands.max(1);
        self.reply_bytes = (3 * self.reply_bytes + mean) / 4;
    }

    fn max_commands(&self) -> usize {
        let of_replies = REPLY_BYTES / self.reply_bytes.max(1);
        of_replies.clamp(1, self.shape.max_commands)
    }
}

#[cfg(test)]
mod tests {
    use futures_channel::oneshot::{self, Receiver};

    use super::*;
    use crate::store::remote::Effect;

    const SHAPE: Shape = Shape {
        lanes: 2,
        max_commands: 3,
        max_bytes: 100,
    };

    fn waiting(bytes: usize) -> (Waiting, Receiver<Answered>) {
        let (answer, receiver) = oneshot::channel();
        let command = Command::new("GET", Effect::Read).word(vec![b'k'; bytes - 3]);
        (Waiting { command, answer }, receiver)
    }

    fn push(queue: &mut Queue, bytes: usize) -> (Option<Next>, Receiver<Answered>) {
        let (waiting, receiver) = waiting(bytes);
        (queue.push(waiting, None).ok(), receiver)
    }

    #[test]
    fn one_thread_starts_one_driver_until_that_begins() {
        let mut queue = Queue::new(SHAPE);
        let me = thread::current().id();
        let (first, _a) = push(&mut queue, 10);
        let (second, _b) = push(&mut queue, 10);
        assert_eq!((first, second), (Some(Next::Spawn), Some(Next::Nothing)));
        queue.begin(me);
        let (third, _c) = push(&mut queue, 10);
        assert_eq!(third, Some(Next::Spawn));
        queue.give_up();
        let (fourth, _d) = push(&mut queue, 10);
        assert_eq!(fourth, Some(Next::Nothing), "both lanes are busy");
    }

    #[test]
    fn nobody_relies_on_a_driver_that_has_let_a_caller_down() {
        let mut queue = Queue::new(SHAPE);
        let (_, _a) = push(&mut queue, 10);
        queue.give_up();
        assert_eq!(push(&mut queue, 10).0, Some(Next::Spawn));
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
            let (batch, _) = queue.take();
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
        let (batch, _) = queue.take();
        assert_eq!(
            batch.iter().map(|each| each.command.size()).sum::<usize>(),
            20
        );
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
            assert_eq!(queue.push(each, Some(7)).ok(), Some(Next::Nothing));
            receivers.push(receiver);
        }
        assert_eq!(queue.staged.len(), 3);
        let _ = queue.leave(7);
        let (batch, _) = queue.take();
        assert_eq!(
            batch.len(),
            5,
            "a group that has begun to leave is not split"
        );
    }

    #[test]
    fn a_full_queue_takes_nothing_more() {
        let mut queue = Queue::new(SHAPE);
        let half = MAX_WAITING_BYTES / 2;
        let (first, _a) = push(&mut queue, half);
        let (second, _b) = push(&mut queue, half);
        let (third, _c) = push(&mut queue, 10);
        assert!(first.is_some() && second.is_some() && third.is_none());
    }

    #[test]
    fn the_last_lane_that_ends_badly_leaves_nobody_behind() {
        let mut queue = Queue::new(SHAPE);
        let me = thread::current().id();
        let (_, _a) = push(&mut queue, 10);
        let (_, _b) = push(&mut queue, 10);
        assert_eq!(queue.abandon(me).len(), 2);
        assert_eq!((queue.bytes, queue.drivers), (0, 0));
        assert_eq!(push(&mut queue, 10).0, Some(Next::Spawn));
    }

    #[test]
    fn large_replies_make_smaller_requests() {
        let mut queue = Queue::new(Shape {
            max_commands: 256,
            ..SHAPE
        });
        assert_eq!(queue.max_commands(), 256);
        for _ in 0..20 {
            queue.learn(2, 2 << 20);
        }
        assert_eq!(queue.max_commands(), 8);
    }
}
