//! Work that nobody waits for, except whoever shuts down.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// Counts what is running. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Background(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    running: usize,
    waiting: Vec<Waker>,
}

/// One piece of work that is running until this is dropped.
pub(crate) struct Running(Background);

impl Background {
    pub(crate) fn begin(&self) -> Running {
        self.state().running += 1;
        Running(self.clone())
    }

    /// Begins, unless so many are running.
    pub(crate) fn begin_within(&self, most: usize) -> Option<Running> {
        let mut state = self.state();
        if state.running >= most {
            return None;
        }
        state.running += 1;
        Some(Running(self.clone()))
    }

    /// Waits until nothing is running.
    pub(crate) async fn end(&self) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.running == 0 {
                return Poll::Ready(());
            }
            if !state
                .waiting
                .iter()
                .any(|waker| waker.will_wake(cx.waker()))
            {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        let waiting = if state.running == 0 {
            mem::take(&mut state.waiting)
        } else {
            Vec::new()
        };
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}
