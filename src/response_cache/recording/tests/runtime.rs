//! A timer and an executor that go on when told to.

use std::time::Instant;

use super::*;

/// A timer that is turned by hand.
#[derive(Clone, Default)]
pub(super) struct Hourglass(pub(super) Arc<Mutex<Sand>>);

#[derive(Default)]
pub(super) struct Sand {
    passed: Duration,
    sleeps: usize,
    waiting: Vec<Waker>,
}

pub(super) struct Nap(Hourglass, Duration);

impl Hourglass {
    pub(super) fn turn(&self, by: Duration) {
        let mut sand = self.0.lock().unwrap();
        sand.passed += by;
        let waiting = std::mem::take(&mut sand.waiting);
        drop(sand);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(super) fn sleeps(&self) -> usize {
        self.0.lock().unwrap().sleeps
    }
}

impl hyper::rt::Timer for Hourglass {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let mut sand = self.0.lock().unwrap();
        sand.sleeps += 1;
        Box::pin(Nap(self.clone(), sand.passed + duration))
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        unreachable!("durations only")
    }
}

impl Future for Nap {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sand = self.0.0.lock().unwrap();
        if sand.passed >= self.1 {
            return Poll::Ready(());
        }
        sand.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

impl hyper::rt::Sleep for Nap {}

/// An executor whose tasks run when told to.
#[derive(Clone, Default)]
pub(super) struct Shelf(pub(super) Arc<Mutex<Vec<Spawn<Background>>>>);

impl hyper::rt::Executor<Background> for Shelf {
    fn execute(&self, task: Background) {
        self.0.lock().unwrap().push(tokio_test::task::spawn(task));
    }
}

impl Shelf {
    /// Polls all tasks once, and returns how many are left.
    pub(super) fn run(&self) -> usize {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap());
        tasks.retain_mut(|task| task.poll().is_pending());
        let mut shelf = self.0.lock().unwrap();
        shelf.extend(tasks);
        shelf.len()
    }

    pub(super) fn clear(&self) {
        let tasks = std::mem::take(&mut *self.0.lock().unwrap());
        drop(tasks);
    }
}
