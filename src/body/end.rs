//! The end of a body, and what happens there.

use std::{
    fmt, mem,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, ready},
};

use crate::executor::Finish;

/// What happens at the end of a body.
pub(crate) trait AtEnd: Send + Sync {
    /// Does what can be done at once, and returns what takes time. The last frame waits for it; if the body is dropped, or
    /// has failed, nobody does.
    fn at_end(self: Box<Self>) -> Option<Finish<()>>;
}

pub(super) struct End(State);

enum State {
    Ahead(Box<dyn AtEnd>),
    // Never locked: it only makes a body `Sync` that would be so without.
    Working(Mutex<Finish<()>>),
    Done,
}

impl End {
    pub(super) const fn new(at_end: Box<dyn AtEnd>) -> Self {
        Self(State::Ahead(at_end))
    }

    pub(super) const fn has_begun(&self) -> bool {
        !matches!(self.0, State::Ahead(_))
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.0, State::Done)
    }

    /// Begins what happens at the end, and goes on with it.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.begin();
        if let State::Working(work) = &mut self.0 {
            ready!(match work.get_mut() {
                Ok(work) => Pin::new(work).poll(cx),
                Err(poisoned) => Pin::new(poisoned.into_inner()).poll(cx),
            });
            self.0 = State::Done;
        }
        Poll::Ready(())
    }

    /// Does without anybody who waits.
    pub(super) fn abandon(&mut self) {
        self.begin();
        self.0 = State::Done;
    }

    fn begin(&mut self) {
        if let State::Ahead(_) = self.0
            && let State::Ahead(at_end) = mem::replace(&mut self.0, State::Done)
            && let Some(work) = at_end.at_end()
        {
            self.0 = State::Working(Mutex::new(work));
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
