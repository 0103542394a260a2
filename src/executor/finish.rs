//! Work that is finished also where nobody waits for it any more.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::Executor;

/// Work that goes on in the executor, if there is one, when it is dropped before its end.
pub(crate) struct Finish<T: 'static> {
    work: Option<Work<T>>,
    executor: Option<Executor>,
}

/// Work that takes time.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T> Finish<T> {
    pub(crate) const fn new(work: Work<T>, executor: Option<Executor>) -> Self {
        Self {
            work: Some(work),
            executor,
        }
    }

    /// Does something with what comes out of it.
    pub(crate) fn map<U>(mut self, map: impl FnOnce(T) -> U + Send + 'static) -> Finish<U> {
        let executor = self.executor.take();
        Finish {
            work: self
                .work
                .take()
                .map(|work| Box::pin(async { map(work.await) }) as Work<U>),
            executor,
        }
    }
}

impl<T> Future for Finish<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let work = self.work.as_mut();
        let work = work.expect("a future is not polled after it has answered");
        let output = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(output)
    }
}

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        let executor = self.executor.as_ref().filter(|executor| executor.is_here());
        if let Some((executor, work)) = executor.zip(self.work.take()) {
            executor.spawn(async {
                work.await;
            });
        }
    }
}

impl<T> fmt::Debug for Finish<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").finish_non_exhaustive()
    }
}
