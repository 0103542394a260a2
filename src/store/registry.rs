//! Which limits are in use over a [`SharedStore`](super::SharedStore), and with which quotas.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::quota::Quota;

/// The names that are taken. Asked where a layer is built, never for a request.
#[derive(Default)]
pub(super) struct Registry(Mutex<BTreeMap<&'static str, Weak<Quota>>>);

impl Registry {
    /// Takes a name, or shares it with who has it for the same quota.
    ///
    /// # Errors
    /// The other quota that the name is taken by.
    pub(super) fn register(&self, name: &'static str, quota: Quota) -> Result<Registration, Quota> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let other = taken.get(name).and_then(Weak::upgrade);
        match other {
            Some(other) if *other != quota => Err(*other),
            Some(same) => Ok(Registration(same)),
            None => {
                let quota = Arc::new(quota);
                taken.insert(name, Arc::downgrade(&quota));
                Ok(Registration(quota))
            }
        }
    }
}

/// Keeps the name of a limit taken while it, or another registration or clone of the same name and quota, lives.
#[derive(Clone, Debug)]
pub(crate) struct Registration(Arc<Quota>);

impl Registration {
    /// Returns whether the name has another user: another registration, or a clone of this one.
    ///
    /// It costs one relaxed load, and knows at once of users that were there before the request was. While one comes or goes
    /// on another thread, either answer may be had.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{super::SharedStore, *};
    use crate::store::MemoryStore;

    const ONE: Quota = Quota::per_minute(1);
    const TWO: Quota = Quota::per_minute(2);

    fn store() -> SharedStore {
        SharedStore::new(MemoryStore::new())
    }

    #[test]
    fn a_name_has_one_quota_while_anybody_uses_it() {
        let store = store();
        let handle = store.clone();
        let first = handle.register("api", ONE).expect("free");
        let clone = first.clone();
        assert_eq!(store.register("api", TWO).expect_err("taken"), ONE);
        drop(first);
        assert_eq!(store.register("api", TWO).expect_err("taken"), ONE);
        drop(clone);
        let second = store.register("api", TWO).expect("free again");
        assert_eq!(store.register("api", ONE).expect_err("taken"), TWO);
        assert!(!second.is_shared());
    }

    #[test]
    fn registrations_and_clones_share_a_name_until_they_go() {
        let store = store();
        let first = store.register("api", ONE).expect("free");
        let other_name = store.register("login", ONE).expect("free");
        assert!(!first.is_shared());
        let second = store.register("api", ONE).expect("the same quota");
        assert!(first.is_shared() && second.is_shared() && !other_name.is_shared());
        drop(first);
        assert!(!second.is_shared());
        let clone = second.clone();
        assert!(second.is_shared() && clone.is_shared());
        drop(second);
        assert!(!clone.is_shared());
    }

    /// A name made at run time lies elsewhere in memory.
    #[test]
    fn names_are_compared_by_what_they_spell() {
        let store = store();
        let name: &'static str = String::from("api").leak();
        let _first = store.register("api", ONE).expect("free");
        assert!(store.register(name, TWO).is_err());
    }

    #[test]
    fn handles_made_apart_have_names_of_their_own() {
        let memory = MemoryStore::new();
        let [one, other] = [0, 1].map(|_| SharedStore::new(memory.clone()));
        let _first = one.register("api", ONE).expect("free");
        let second = other.register("api", TWO).expect("free");
        assert!(!second.is_shared());
    }

    #[test]
    fn of_threads_that_race_for_a_name_all_get_the_same_quota() {
        let store = store();
        let quota = |n: u32| Quota::per_minute(n % 2 + 1);
        let won: Vec<_> = thread::scope(|scope| {
            let store = &store;
            let threads = (0..8).map(|n| scope.spawn(move || store.register("api", quota(n))));
            let threads: Vec<_> = threads.collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        });
        let quotas: Vec<Quota> = won
            .iter()
            .flatten()
            .map(|registration| *registration.0)
            .collect();
        assert_eq!(quotas.len(), 4);
        assert!(quotas.iter().all(|quota| *quota == quotas[0]));
        assert!(won.iter().flatten().all(Registration::is_shared));
    }
}
