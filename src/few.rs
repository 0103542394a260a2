//! Up to four things that a `const` can hold.

use std::mem::{self, ManuallyDrop};

/// Replaces what a builder holds. In a `const` nothing may be dropped; at run time a closure that is replaced is never
/// freed, which a program that is set up once can bear.
pub(crate) const fn replace<T>(place: &mut T, value: T) {
    let _ = ManuallyDrop::new(mem::replace(place, value));
}

#[derive(Clone)]
pub(crate) struct Few<T>([Option<T>; 4]);

impl<T> Few<T> {
    pub(crate) const NONE: Self = Self([None, None, None, None]);

    pub(crate) const fn one(thing: T) -> Self {
        Self([Some(thing), None, None, None])
    }

    /// Takes all of another one; panics beyond four.
    pub(crate) const fn append(&mut self, other: &mut Self) {
        let mut free = 0;
        while free < self.0.len() && self.0[free].is_some() {
            free += 1;
        }
        let mut at = 0;
        while at < other.0.len() && other.0[at].is_some() {
            assert!(free < self.0.len(), "at most four of these go together");
            mem::swap(&mut self.0[free], &mut other.0[at]);
            free += 1;
            at += 1;
        }
    }

    pub(crate) const fn known(&self) -> &[Option<T>; 4] {
        &self.0
    }

    pub(crate) const fn slots(&mut self) -> &mut [Option<T>; 4] {
        &mut self.0
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0[0].is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}
