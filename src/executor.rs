//! The executor of what outlives a call: the one way in which this crate spawns.

#[cfg(all(
    feature = "tokio",
    not(all(target_family = "wasm", target_os = "unknown"))
))]
#[path = "executor/tokio.rs"]
mod platform;
#[cfg(all(
    feature = "upstash",
    all(target_family = "wasm", target_os = "unknown")
))]
#[path = "executor/wasm.rs"]
mod platform;
#[cfg(not(any(
    all(
        feature = "tokio",
        not(all(target_family = "wasm", target_os = "unknown"))
    ),
    all(
        feature = "upstash",
        all(target_family = "wasm", target_os = "unknown")
    )
)))]
#[path = "executor/none.rs"]
mod platform;

/// Whether what happens in one request may wake another: not in a Worker, where what a request has under way ends with
/// it.
pub(crate) use self::platform::WAKES_OTHERS;

mod finish;

use std::{fmt, pin::Pin, sync::Arc};

pub(crate) use self::finish::Finish;

/// What an executor runs.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs what outlives a call: any [`hyper::rt::Executor`], so that every runtime has one.
///
/// An executor may drop a task at any time, as a runtime does that shuts down: whoever waits for the task is told.
///
/// ```
/// use tower_upstash::executor::{Executor, Task};
///
/// #[derive(Clone)]
/// struct Threads;
///
/// impl hyper::rt::Executor<Task> for Threads {
///     fn execute(&self, task: Task) {
///         std::thread::spawn(|| tokio_test::block_on(task));
///     }
/// }
///
/// let executor = Executor::new(Threads);
/// ```
#[derive(Clone)]
pub struct Executor {
    inner: Arc<dyn hyper::rt::Executor<Task> + Send + Sync>,
    is_here: fn() -> bool,
}

impl Executor {
    /// Wraps the executor of a runtime.
    pub fn new(executor: impl hyper::rt::Executor<Task> + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::new(executor),
            is_here: || true,
        }
    }
}

impl Executor {
    /// Returns the executor of the platform, if a feature brings one.
    pub(crate) fn of_platform() -> Option<Self> {
        platform::executor()
    }

    /// Returns whether a task can be spawned from where we are.
    pub(crate) fn is_here(&self) -> bool {
        (self.is_here)()
    }

    /// Runs a task, or drops it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.inner.execute(Box::pin(task));
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}
