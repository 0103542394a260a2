//! The lock of what changes.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Work;

/// What changes, locked.
pub(in crate::session) struct Guard<'a>(MutexGuard<'a, Option<Work>>);

impl<'a> Guard<'a> {
    #[inline]
    pub(super) fn of(work: &'a Mutex<Option<Work>>) -> Self {
        let mut guard = work.lock().unwrap_or_else(PoisonError::into_inner);
        if guard.is_none() {
            make(&mut guard);
        }
        Self(guard)
    }
}

impl Deref for Guard<'_> {
    type Target = Work;

    #[inline]
    fn deref(&self) -> &Work {
        self.0.as_ref().expect("work is made with the guard")
    }
}

impl DerefMut for Guard<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Work {
        self.0.as_mut().expect("work is made with the guard")
    }
}

#[cold]
fn make(work: &mut Option<Work>) {
    *work = Some(Work::default());
}
