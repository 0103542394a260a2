//! tokio's executor.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::{Executor, Task};

pub(crate) const WAKES_OTHERS: bool = true;

pub(super) fn executor() -> Option<Executor> {
    Some(Executor::tokio())
}

impl Executor {
    /// Returns the executor of the tokio runtime that each call is made in. Outside of one, a call that would have to
    /// spawn is an error.
    #[must_use]
    pub fn tokio() -> Self {
        Self {
            inner: Arc::new(TokioExecutor),
            is_here: || Handle::try_current().is_ok(),
        }
    }
}

struct TokioExecutor;

impl hyper::rt::Executor<Task> for TokioExecutor {
    fn execute(&self, task: Task) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(task);
        }
    }
}
