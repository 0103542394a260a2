//! Purges that the store has not taken yet.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use crate::store::{Purge, Tag};

/// What is to be purged, `None` for everything.
pub(super) type What = Option<Arc<[Tag]>>;

/// Purges that must not be lost while the process lives. What they name is not served meanwhile.
#[derive(Debug, Default)]
pub(super) struct Owed {
    list: Mutex<List>,
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct List {
    debts: Vec<Debt>,
    last: u64,
}

#[derive(Debug)]
struct Debt {
    id: u64,
    what: What,
    is_under_way: bool,
}

impl Owed {
    /// Beyond it, everything is to be purged: a tag that was forgotten would let a stale entry live.
    const TAGS: usize = 1 << 14;

    /// Remembers a purge that is about to be tried.
    pub(super) fn owe(&self, what: Purge<'_>) -> Attempt<'_> {
        let mut list = self.lock();
        let known: usize = list.debts.iter().map(Debt::tags).sum();
        let what = match what {
            Purge::Tags(tags) if known + tags.len() <= Self::TAGS => Some(tags.into()),
            Purge::Tags(_) | Purge::Everything => {
                // It pays for all of them.
                list.debts.clear();
                None
            }
        };
        list.last += 1;
        let id = list.last;
        list.debts.push(Debt {
            id,
            what: what.clone(),
            is_under_way: true,
        });
        self.any.store(true, Ordering::Release);
        drop(list);
        Attempt {
            owed: self,
            id,
            what,
        }
    }

    /// Returns the first that nobody tries, to be tried.
    pub(super) fn next(&self) -> Option<Attempt<'_>> {
        if !self.is_any() {
            return None;
        }
        let mut list = self.lock();
        let debt = list.debts.iter_mut().find(|debt| !debt.is_under_way)?;
        debt.is_under_way = true;
        Some(Attempt {
            owed: self,
            id: debt.id,
            what: debt.what.clone(),
        })
    }

    #[inline]
    pub(super) fn is_any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Returns whether an entry with these tags is to be purged.
    pub(super) fn names(&self, tags: &[Tag]) -> bool {
        let names = |debt: &Debt| {
            let owed = debt.what.as_deref();
            owed.is_none_or(|owed| tags.iter().any(|tag| owed.contains(tag)))
        };
        self.is_any() && self.lock().debts.iter().any(names)
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Debt {
    fn tags(&self) -> usize {
        self.what.as_deref().map_or(0, <[Tag]>::len)
    }
}

/// A purge that is tried: owed until it is [`paid`](Self::paid), also if it is dropped.
pub(super) struct Attempt<'a> {
    owed: &'a Owed,
    id: u64,
    what: What,
}

impl Attempt<'_> {
    pub(super) fn what(&self) -> Purge<'_> {
        self.what.as_deref().map_or(Purge::Everything, Purge::Tags)
    }

    /// The store has taken it.
    pub(super) fn paid(self) {
        let mut list = self.owed.lock();
        list.debts.retain(|debt| debt.id != self.id);
        self.owed
            .any
            .store(!list.debts.is_empty(), Ordering::Release);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut list = self.owed.lock();
        let debt = list.debts.iter_mut().find(|debt| debt.id == self.id);
        debt.into_iter().for_each(|debt| debt.is_under_way = false);
    }
}
