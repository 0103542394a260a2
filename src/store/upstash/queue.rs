//! The queue of commands that wait to leave, and who drives it. No clock, no I/O: decisions under one lock.

use std::{
    collections::VecDeque,
    thread::{self, ThreadId},
    time::Duration,
};

use futures_channel::oneshot::Sender;

use super::{failure::Failure, load::Load};
use crate::store::remote::{Command, Reply};

/// The most commands that wait, and the most bytes of them.
const MAX_WAITING: usize = 1 << 16;
const MAX_WAITING_BYTES: usize = 64 << 20;
/// What one request should bring back at most: many large values in one answer would be late together.
const REPLY_BYTES: usize = 8 << 20;
/// What a request is never made smaller than, whatever it was refused for.
const MIN_BYTES: usize = 16 << 10;

/// The answer to one command.
pub(super) type Answered = Result<Reply, Failure>;

/// A command, and who waits for its reply.
pub(super) struct Waiting {
    pub(super) command: Command,
    pub(super) load: Load,
    pub(super) answer: Sender<Answered>,
}

/// How many requests are on the way at once, and how much each carries.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) lanes: usize,
    pub(super) max_commands: usize,
    pub(super) max_bytes: usize,
    /// The most values that one answer brings back.
    pub(super) max_values: usize,
    /// How long a lane may be away before others stop counting on it.
    pub(super) patience: Duration,
}

/// What a request has taught about later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    Nothing,
    /// So many bytes came back.
    Answer(usize),
    /// The request was too large on its way.
    TooLarge,
}

pub(super) struct Queue {
    shape: Shape,
    waiting: VecDeque<Place>,
    staged: Vec<(u64, Waiting)>,
    bytes: usize,
    // Who may have a request on the way, and since when.
    drivers: Vec<(DriverId, Duration)>,
    next_driver: DriverId,
    // The thread whose driver has not begun. What that thread asks for next goes with it: a second driver would only
    // split what could leave together. Other threads do not rely on it, since their runtime may be another one.
    collecting: Option<ThreadId>,
    // The mean size of a reply, or of a value where there are several.
    reply_bytes: usize,
}

struct Place {
    waiting: Waiting,
    // Whether it leaves with the one before it.
    joined: bool,
}

/// Which driver it is: one that others do not count on any more may still come back.
pub(super) type DriverId = u64;

/// What to do after a change of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Next {
    /// Start a driver: it is counted already.
    Spawn(DriverId),
    Nothing,
}

impl Queue {
    pub(super) const fn new(shape: Shape) -> Self {
        Self {
            shape,
            waiting: VecDeque::new(),
            staged: Vec::new(),
            bytes: 0,
            drivers: Vec::new(),
            next_driver: 0,
            collecting: None,
            reply_bytes: 0,
        }
    }

    /// Adds a command, or gives it back where the queue is full. The size of the command itself does not count, so that
    /// there is none that could never leave.
    pub(super) fn push(
        &mut self,
        waiting: Waiting,
        group: Option<u64>,
        now: Duration,
    ) -> Result<Next, Waiting> {
        if self.waiting.len() + self.staged.len() >= MAX_WAITING || self.bytes >= MAX_WAITING_BYTES
        {
            return Err(waiting);
        }
        self.bytes += waiting.load.bytes;
        if let Some(group) = group {
            self.staged.push((group, waiting));
            return Ok(Next::Nothing);
        }
        self.waiting.push_back(Place {
            waiting,
            joined: false,
        });
        Ok(self.next(now))
    }

    /// Lets a group leave.
    pub(super) fn leave(&mut self, group: u64, now: Duration) -> Next {
        let mut joined = false;
        for (_, waiting) in self.staged.extract_if(.., |(id, _)| *id == group) {
            self.waiting.push_back(Place { waiting, joined });
            joined = true;
        }
        self.next(now)
    }

    fn next(&mut self, now: Duration) -> Next {
        let me = thread::current().id();
        if self.waiting.is_empty() || self.collecting == Some(me) {
            return Next::Nothing;
        }
        if self.drivers.len() >= self.shape.lanes {
            // A runtime that nobody drives any more would keep its lanes for good.
            let patience = self.shape.patience;
            self.drivers
                .retain(|(_, since)| now.saturating_sub(*since) <= patience);
        }
        if self.drivers.len() >= self.shape.lanes {
            return Next::Nothing;
        }
        let driver = self.next_driver;
        self.next_driver += 1;
        self.drivers.push((driver, now));
        self.collecting = Some(me);
        Next::Spawn(driver)
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

    /// Takes out what one request of a driver carries, without what nobody waits for any more. Empty: the driver ends here.
    pub(super) fn take(&mut self, driver: DriverId, now: Duration) -> (Vec<Waiting>, Next) {
        let Some(place) = self.drivers.iter().position(|(id, _)| *id == driver) else {
            return (Vec::new(), Next::Nothing);
        };
        let mut batch: Vec<Waiting> = Vec::new();
        let mut carried = Load::default();
        while let Some(place) = self.waiting.front() {
            let load = place.waiting.load;
            let gone = place.waiting.answer.is_canceled();
            let fits = batch.is_empty() || self.fits(carried + load, place.joined);
            if !gone && !fits {
                break;
            }
            self.bytes -= load.bytes;
            if let Some(place) = self.waiting.pop_front()
                && !gone
            {
                carried = carried + load;
                batch.push(place.waiting);
            }
        }
        if batch.is_empty() {
            self.drivers.swap_remove(place);
            return (batch, Next::Nothing);
        }
        if let Some((_, since)) = self.drivers.get_mut(place) {
            *since = now;
        }
        let next = self.next(now);
        (batch, next)
    }

    /// Returns whether a request carries so much; a group that has begun to leave is not split for being many.
    fn fits(&self, load: Load, joined: bool) -> bool {
        let groups = if joined { 2 } else { 1 };
        load.replies <= groups * self.max_commands()
            && load.values <= self.shape.max_values
            && load.bytes <= self.shape.max_bytes
    }

    /// Gives a lane back that ended badly. Where it was the last one, returns what nobody drives any more.
    pub(super) fn abandon(&mut self, driver: DriverId, thread: ThreadId) -> Vec<Waiting> {
        self.begin(thread);
        let drivers = self.drivers.len();
        self.drivers.retain(|(id, _)| *id != driver);
        if !self.drivers.is_empty() || drivers == 0 {
            return Vec::new();
        }
        let waiting: Vec<_> = self.waiting.drain(..).map(|place| place.waiting).collect();
        self.bytes -= waiting.iter().map(|each| each.load.bytes).sum::<usize>();
        waiting
    }

    /// Remembers what a request with so many replies has taught.
    pub(super) fn learn(&mut self, replies: usize, lesson: Lesson) {
        match lesson {
            Lesson::Nothing => {}
            Lesson::Answer(bytes) => {
                let mean = bytes / replies.max(1);
                self.reply_bytes = (self.reply_bytes.saturating_mul(3).saturating_add(mean)) / 4;
            }
            Lesson::TooLarge => {
                let half = (self.shape.max_bytes / 2).max(MIN_BYTES);
                self.shape.max_bytes = self.shape.max_bytes.min(half);
            }
        }
    }

    fn max_commands(&self) -> usize {
        let of_replies = REPLY_BYTES / self.reply_bytes.max(1);
        of_replies.clamp(1, self.shape.max_commands)
    }
}

#[cfg(test)]
mod tests;
