//! The end of a body, and what happens there.

use std::{
    fmt, mem,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use crate::executor::Executor;

/// Work that takes time.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What happens at the end of a body.
pub(crate) trait AtEnd: Send + Sync {
    /// Does what can be done at once, and returns what takes time. The last frame waits for it.
    fn at_end(self: Box<Self>) -> Option<Task>;

    /// Returns what finishes the work where nobody waits for it: the body was dropped, or has failed. Without one, what
    /// takes time is not done.
    fn executor(&self) -> Option<&Executor>;
}

/// Work at the end of something, which goes on without whoever has waited for it.
pub(crate) struct End(State);

enum State {
    Ahead(Box<dyn AtEnd>),
    // Never locked: it only makes a body `Sync` that would be so without.
    Working(Mutex<Task>, Option<Executor>),
    Done,
}

impl End {
    pub(super) const fn new(at_end: Box<dyn AtEnd>) -> Self {
        Self(State::Ahead(at_end))
    }

    /// Work that has begun.
    pub(crate) const fn working(task: Task, executor: Option<Executor>) -> Self {
        Self(State::Working(Mutex::new(task), executor))
    }

    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.0, State::Ahead(_))
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    /// Begins what happens at the end, and goes on with it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.0 = match mem::replace(&mut self.0, State::Done) {
                State::Ahead(at_end) => Self::begin(at_end),
                State::Working(mut task, executor) => {
                    let polled = match task.get_mut() {
                        Ok(task) => task.as_mut().poll(cx),
                        Err(poisoned) => poisoned.into_inner().as_mut().poll(cx),
                    };
                    if polled.is_pending() {
                        self.0 = State::Working(task, executor);
                    }
                    ready!(polled);
                    State::Done
                }
                State::Done => return Poll::Ready(()),
            };
        }
    }

    /// Does without anybody who waits.
    pub(super) fn abandon(&mut self) {
        let working = match mem::replace(&mut self.0, State::Done) {
            State::Ahead(at_end) => Self::begin(at_end),
            working => working,
        };
        if let State::Working(task, Some(executor)) = working
            && executor.is_here()
        {
            executor.spawn(task.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn begin(at_end: Box<dyn AtEnd>) -> State {
        let executor = at_end.executor().cloned();
        match at_end.at_end() {
            Some(task) => State::Working(Mutex::new(task), executor),
            None => State::Done,
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("End").finish_non_exhaustive()
    }
}
