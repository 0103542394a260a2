//! Purges by key that the store has not taken yet.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{digest::Digest, entry::Generation, plan::Place};
use crate::store::Result;

/// Keys that are to be purged, also where the store has failed, or is slow. This process serves nothing that is stored under
/// them: a lookup first writes the tombstone itself.
#[derive(Default)]
pub(super) struct Debts {
    owed: Mutex<HashMap<Digest, Debt>>,
    is_any: AtomicBool,
}

/// A purge of a key.
#[derive(Clone)]
pub(super) struct Debt {
    pub(super) place: Place,
    /// That of the tombstone, whoever writes it: one that is written once more takes nothing from a fill that has seen the
    /// first.
    pub(super) generation: Generation,
}

/// Beyond it, everything is to be purged.
const MOST: usize = 1 << 14;

impl Debt {
    /// # Errors
    /// Where the system has no random numbers.
    pub(super) fn new(place: &Place) -> Result<Self> {
        Ok(Self {
            place: place.clone(),
            generation: Generation::random()?,
        })
    }
}

impl Debts {
    /// Returns whether so many more can be remembered. Otherwise all has to be purged.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.lock().len() + more <= MOST
    }

    /// Remembers purges that are about to be tried. Beyond the bound, none that was remembered before is any more.
    pub(super) fn owe(&self, debts: &[Debt]) {
        let mut owed = self.lock();
        if owed.len() + debts.len() > MOST {
            owed.clear();
        }
        for debt in debts {
            owed.insert(*debt.place.key.digest(), debt.clone());
        }
        self.is_any.store(!owed.is_empty(), Ordering::Release);
    }

    /// Returns what is owed for a key. Mostly an atomic load.
    pub(super) fn of(&self, key: &Digest) -> Option<Debt> {
        if !self.is_any.load(Ordering::Acquire) {
            return None;
        }
        self.lock().get(key).cloned()
    }

    /// The store has taken them. A purge that is owed since then stays.
    pub(super) fn paid(&self, debts: &[Debt]) {
        let mut owed = self.lock();
        for debt in debts {
            let key = debt.place.key.digest();
            if owed
                .get(key)
                .is_some_and(|owed| owed.generation == debt.generation)
            {
                owed.remove(key);
            }
        }
        self.is_any.store(!owed.is_empty(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Debt>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
