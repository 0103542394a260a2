//! The executor of JavaScript.

use super::{Executor, Task};

pub(crate) const WAKES_OTHERS: bool = false;

pub(super) fn executor() -> Option<Executor> {
    Some(Executor::javascript())
}

impl Executor {
    /// Returns the executor of the JavaScript host, which runs tasks between its events.
    #[must_use]
    pub fn javascript() -> Self {
        Self::new(JavaScript)
    }
}

struct JavaScript;

impl hyper::rt::Executor<Task> for JavaScript {
    fn execute(&self, task: Task) {
        wasm_bindgen_futures::spawn_local(task);
    }
}
