//! Work that is finished also where nobody waits for it any more.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use crate::{body::Task, executor::Executor};

/// A task that goes on in the executor, if there is one, when it is dropped before its end.
pub(super) struct Finish {
    task: Option<Task>,
    executor: Option<Executor>,
}

impl Finish {
    pub(super) const fn new(task: Task, executor: Option<Executor>) -> Self {
        Self {
            task: Some(task),
            executor,
        }
    }
}

impl Future for Finish {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(task) = &mut self.task {
            ready!(task.as_mut().poll(cx));
            self.task = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        let executor = self.executor.as_ref().filter(|executor| executor.is_here());
        if let Some((executor, task)) = executor.zip(self.task.take()) {
            executor.spawn(task);
        }
    }
}
