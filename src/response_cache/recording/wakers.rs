//! The readers that wait, woken together: whatever happens, each of them may be the one who goes on.

use std::{
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Wake, Waker},
};

use smallvec::SmallVec;

/// The wakers of the readers, by their slots, behind the one waker that the recorded body sees.
///
/// Who waits first reads the round, then looks whether there is anything to do, and then registers for that round: what
/// happens in between begins another round, and is not slept through. A lock of its own, so that a waker that the body
/// keeps does not keep the body.
#[derive(Default)]
pub(super) struct Wakers {
    round: AtomicU64,
    waiting: Mutex<Waiting>,
}

type Waiting = SmallVec<[Option<Waker>; 1]>;

impl Wakers {
    pub(super) fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Registers a waker for a round, unless that is over.
    pub(super) fn register(&self, slot: usize, waker: &Waker, round: u64) -> bool {
        let mut waker = Some(waker.clone());
        let mut waiting = self.waiting();
        let is_now = self.round() == round;
        if is_now {
            if waiting.len() <= slot {
                waiting.resize(slot + 1, None);
            }
            if let Some(place) = waiting.get_mut(slot) {
                mem::swap(place, &mut waker);
            }
        }
        drop(waiting);
        // The one that was there before is dropped here, without the lock.
        is_now
    }

    /// Forgets the waker of a slot.
    pub(super) fn remove(&self, slot: usize) {
        let waker = self.waiting().get_mut(slot).and_then(Option::take);
        drop(waker);
    }

    /// Begins another round.
    pub(super) fn wake_all(&self) {
        let mut waiting = self.waiting();
        self.round.fetch_add(1, Ordering::AcqRel);
        let woken = mem::take(&mut *waiting);
        drop(waiting);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting().iter().flatten().count()
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}
