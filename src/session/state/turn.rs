//! Of the tasks of one request, one at a time asks the store.

use std::{
    future::poll_fn,
    mem,
    task::{Poll, Waker},
};

use super::State;

/// The right to ask the store, which others wait for.
pub(in crate::session) struct Turn<'a>(&'a State);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut work = self.0.work();
        work.is_busy = false;
        let waiting = mem::take(&mut work.waiting);
        drop(work);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Waits until nobody else asks the store for this request.
    pub(in crate::session) async fn turn(&self) -> Turn<'_> {
        poll_fn(|cx| {
            let mut work = self.work();
            if !work.is_busy {
                work.is_busy = true;
                return Poll::Ready(());
            }
            if !work.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                work.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
        Turn(self)
    }
}
