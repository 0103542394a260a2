//! Automatic pipelining: callers queue their commands, and a few drivers, each with one request on the way, send them.
//!
//! A driver is a task of the executor. No caller drives for others: one that is alive but not polled would stall all.
//! A driver yields once before it looks, so that what is asked at the same time leaves as one request; while every
//! lane is busy, what waits gathers, and leaves together.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread::{self, ThreadId},
    time::Duration,
};

use futures_channel::oneshot;

use super::{
    failure::Failure,
    link::{Exchange, Late, Link},
    queue::{Answered, Next, Queue, Shape, Waiting},
    request::Request,
    usage::Meter,
};
use crate::{
    store::{
        ErrorKind,
        remote::{Command, Tally},
        together::{self, Departure},
    },
    time::Timer,
};

const BROKEN_OFF: Failure =
    Failure::unavailable("the executor dropped the request, as a runtime does that shuts down");

const TIMED_OUT: Failure = Failure::new(ErrorKind::Timeout, "no answer within the time limit");

/// A queue and its drivers.
pub(super) struct Lanes {
    link: Arc<Link>,
    queue: Mutex<Queue>,
}

impl Lanes {
    pub(super) fn new(link: Arc<Link>, shape: Shape) -> Arc<Self> {
        Arc::new(Self {
            link,
            queue: Mutex::new(Queue::new(shape)),
        })
    }

    /// Queues a command, and waits for its answer.
    ///
    /// # Cancellation
    /// A command that still waits when its future is dropped never leaves; one that has left runs.
    pub(super) async fn send(self: &Arc<Self>, command: Command) -> Answered {
        let (answer, reply) = oneshot::channel();
        let group = together::join(self);
        let pushed = self.queue().push(Waiting { command, answer }, group);
        match pushed {
            Ok(next) => self.follow(next),
            Err(_) => return Err(Failure::unavailable("too many commands are waiting")),
        }
        let mut patience = Patience(Some(self));
        let answer = reply.await.unwrap_or(Err(BROKEN_OFF));
        patience.0 = None;
        answer
    }

    /// Never under the lock: an executor that has shut down drops the driver on the spot.
    fn follow(self: &Arc<Self>, next: Next) {
        if next == Next::Spawn {
            let lane = Lane {
                lanes: Arc::clone(self),
                started_by: thread::current().id(),
                is_open: true,
            };
            self.link.executor.spawn(lane.drive());
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Departure for Lanes {
    fn leave(self: Arc<Self>, group: u64) {
        let next = self.queue().leave(group);
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
    started_by: ThreadId,
    is_open: bool,
}

impl Lane {
    async fn drive(mut self) {
        yield_now().await;
        self.lanes.queue().begin(self.started_by);
        loop {
            let (batch, next) = self.lanes.queue().take();
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
        let (commands, callers): (Vec<_>, Vec<_>) = batch.into_iter().map(Caller::of).unzip();
        let request = Request::new(&link.endpoint, &commands);
        if request.is_ok() {
            link.meter.bill(commands.iter().map(Command::bill).sum());
        }
        let mut exchange = link.exchange(request);
        drop(commands);
        if let Some((answers, bytes)) =
            within(exchange.as_mut(), &link.timer, link.time_limit).await
        {
            self.lanes.queue().learn(callers.len(), bytes);
            distribute(callers, answers, &link.meter);
        } else if let Some(late) = link.late() {
            let link = Arc::clone(link);
            let executor = link.executor.clone();
            executor.spawn(finish(exchange, callers, link, late));
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

/// Lets a request go on without its lane, for as long as a connection may take to open: that may be longer than a call
/// waits, and the connection would never be opened if each attempt ended with its call. A ping waits for it.
async fn finish(mut exchange: Exchange, callers: Vec<Caller>, link: Arc<Link>, _late: Late) {
    let answers = within(exchange.as_mut(), &link.timer, link.connect_time_limit).await;
    let answers = answers.map_or(Err(TIMED_OUT), |(answers, _)| answers);
    distribute(callers, answers, &link.meter);
}

impl Drop for Lane {
    fn drop(&mut self) {
        if self.is_open {
            let abandoned = self.lanes.queue().abandon(self.started_by);
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

/// Waits for a future for so long.
pub(super) async fn within<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
    timer: &Timer,
    limit: Duration,
) -> Option<F::Output> {
    let mut limit = pin!(timer.sleep(limit));
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
    })
    .await
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
