//! Automatic pipelining: callers queue their commands, and a few drivers, each with one request on the way, send them.
//!
//! A driver is a task of the executor. No caller drives for others: one that is alive but not polled would stall all.
//! A driver yields once before it looks, so that what is asked at the same time leaves as one request; while every
//! lane is busy, what waits gathers, and leaves together.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread::{self, ThreadId},
    time::Duration,
};

use futures_channel::oneshot::{self, Canceled, Receiver};

use super::{
    failure::Failure,
    link::{Exchange, Late, Link},
    load::Load,
    queue::{Answered, DriverId, Lesson, Next, Queue, Shape, Waiting},
    request::Request,
    usage::Meter,
};
use crate::{
    store::{
        ErrorKind,
        remote::{Command, Tally},
        together::{self, Departure},
    },
    time::Stopwatch,
};

const BROKEN_OFF: Failure =
    Failure::unavailable("the executor dropped the request, as a runtime does that shuts down");

const TIMED_OUT: Failure = Failure::new(ErrorKind::Timeout, "no answer within the time limit");

/// How long a call waits that was asked for in a group, before it looks whether its group cannot leave.
const BLOCKED: Duration = Duration::from_millis(10);

type Reply = Result<Answered, Canceled>;

/// A queue and its drivers.
pub(super) struct Lanes {
    link: Arc<Link>,
    queue: Mutex<Queue>,
    clock: Stopwatch,
}

impl Lanes {
    pub(super) fn new(link: Arc<Link>, shape: Shape) -> Arc<Self> {
        Arc::new(Self {
            link,
            queue: Mutex::new(Queue::new(shape)),
            clock: Stopwatch::start(),
        })
    }

    /// Queues a command, and waits for its answer.
    ///
    /// # Cancellation
    /// A command that still waits when its future is dropped never leaves; one that has left runs.
    pub(super) async fn send(self: &Arc<Self>, command: Command, load: Load) -> Answered {
        let (answer, reply) = oneshot::channel();
        let group = together::join(self);
        let waiting = Waiting {
            command,
            load,
            answer,
        };
        let now = self.clock.elapsed();
        let pushed = self.queue().push(waiting, group, now);
        match pushed {
            Ok(next) => self.follow(next),
            Err(_) => return Err(Failure::unavailable("too many commands are waiting")),
        }
        let mut patience = Patience(Some(self));
        let answer = self.wait(reply, group).await.unwrap_or(Err(BROKEN_OFF));
        patience.0 = None;
        answer
    }

    /// A call that is polled again while the poll of its group is still on the stack may be what that poll blocks for: its
    /// group leaves then.
    async fn wait(&self, reply: Receiver<Answered>, group: Option<u64>) -> Reply {
        let mut reply = pin!(reply);
        if let Some(group) = group {
            let answer = self.link.timer.within(BLOCKED, reply.as_mut()).await;
            if let Some(answer) = answer {
                return answer;
            }
            together::depart(group);
        }
        reply.await
    }

    /// Never under the lock: an executor that has shut down drops the driver on the spot.
    fn follow(self: &Arc<Self>, next: Next) {
        if let Next::Spawn(driver) = next {
            let lane = Lane {
                lanes: Arc::clone(self),
                driver,
                started_by: thread::current().id(),
                is_open: true,
            };
            self.link.executor.spawn(lane.drive());
        }
    }

    fn take(&self, driver: DriverId) -> (Vec<Waiting>, Next) {
        let now = self.clock.elapsed();
        self.queue().take(driver, now)
    }

    /// Lets a request go on without its lane, for as long as a connection may take to open: that may be longer than a call
    /// waits, and the connection would never be opened if each attempt ended with its call. A ping waits for it.
    async fn finish(
        self: Arc<Self>,
        mut exchange: Exchange,
        callers: Vec<Caller>,
        replies: usize,
        _late: Late,
    ) {
        let link = &self.link;
        let limit = link.connect_time_limit;
        let answers = link.timer.within(limit, exchange.as_mut()).await;
        let (answers, lesson) = answers.unwrap_or((Err(TIMED_OUT), Lesson::Nothing));
        self.queue().learn(replies, lesson);
        distribute(callers, answers, &link.meter);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Departure for Lanes {
    fn leave(self: Arc<Self>, group: u64) {
        let now = self.clock.elapsed();
        let next = self.queue().leave(group, now);
        self.follow(next);
    }
}

/// Says so if the caller gives up.
struct Patience<'a>(Option<&'a Lanes>);

impl Drop for Patience<'_> {
    fn drop(&mut self) {
        if let Some(lanes) = self.0 {
            lanes.queue().give_up();
        }
    }
}

/// The right to have one request on the way.
struct Lane {
    lanes: Arc<Lanes>,
    driver: DriverId,
    started_by: ThreadId,
    is_open: bool,
}

impl Lane {
    async fn drive(mut self) {
        yield_now().await;
        self.lanes.queue().begin(self.started_by);
        loop {
            let (batch, next) = self.lanes.take(self.driver);
            if batch.is_empty() {
                self.is_open = false;
                return;
            }
            self.lanes.follow(next);
            self.trip(batch).await;
            // Whoever was answered may ask at once again.
            yield_now().await;
        }
    }

    async fn trip(&self, batch: Vec<Waiting>) {
        let link = &self.lanes.link;
        let load = batch.iter().map(|each| each.load);
        let load = load.reduce(|all, each| all + each).unwrap_or_default();
        let (commands, callers): (Vec<_>, Vec<_>) = batch.into_iter().map(Caller::of).unzip();
        let request = Request::new(&link.endpoint, &commands, load);
        if request.is_ok() {
            link.meter.bill(commands.iter().map(Command::bill).sum());
        }
        let mut exchange = link.exchange(request);
        drop(commands);
        let answers = link.timer.within(link.time_limit, exchange.as_mut()).await;
        if let Some((answers, lesson)) = answers {
            self.lanes.queue().learn(load.replies, lesson);
            distribute(callers, answers, &link.meter);
        } else if let Some(late) = link.late() {
            let lanes = Arc::clone(&self.lanes);
            let task = lanes.finish(exchange, callers, load.replies, late);
            link.executor.spawn(task);
        } else {
            distribute(callers, Err(TIMED_OUT), &link.meter);
        }
    }
}

/// Who asked for a command, and how to read from the reply what it has cost: also where nobody waits any more.
struct Caller {
    answer: oneshot::Sender<Answered>,
    tally: Option<Tally>,
}

impl Caller {
    fn of(mut waiting: Waiting) -> (Command, Self) {
        let tally = waiting.command.take_tally();
        let answer = waiting.answer;
        (waiting.command, Self { answer, tally })
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.is_open {
            let abandoned = self.lanes.queue().abandon(self.driver, self.started_by);
            // Their callers learn it from the drop.
            drop(abandoned);
        }
    }
}

/// The answers to the commands of a request, or why there is none at all.
pub(super) type Answers = Result<Vec<Answered>, Failure>;

/// Callers that are gone miss their answer; callers without one get [`BROKEN_OFF`].
fn distribute(callers: Vec<Caller>, answers: Answers, meter: &Meter) {
    match answers {
        Ok(answers) => {
            for (caller, answer) in callers.into_iter().zip(answers) {
                if let (Some(tally), Ok(reply)) = (&caller.tally, &answer) {
                    meter.bill(tally.of(reply));
                }
                let _gone: Result<(), Answered> = caller.answer.send(answer);
            }
        }
        Err(failure) => {
            for caller in callers {
                let _gone: Result<(), Answered> = caller.answer.send(Err(failure.clone()));
            }
        }
    }
}

/// Lets everything else go first that is ready.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
