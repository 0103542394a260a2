//! What layers over one [`SharedStore`](super::SharedStore) share beside it.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// A value of each type. Asked where a layer is built, never for a request.
#[derive(Default)]
pub(super) struct Slots(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Slots {
    /// Returns the value of a type, which is made at the first time. Its `default` runs without a lock; of two that race,
    /// one is thrown away.
    pub(super) fn get<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let known = self.find();
        known.unwrap_or_else(|| self.keep(Arc::new(T::default())))
    }

    fn find<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = slots.get(&TypeId::of::<T>()).cloned();
        drop(slots);
        value.and_then(|value| value.downcast().ok())
    }

    fn keep<T: Send + Sync + 'static>(&self, value: Arc<T>) -> Arc<T> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = slots
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::clone(&value) as _);
        let kept = Arc::clone(kept);
        drop(slots);
        kept.downcast().unwrap_or(value)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU64, Ordering},
        thread,
    };

    use crate::store::{MemoryStore, SharedStore};

    #[derive(Default)]
    struct Other(AtomicU64);

    #[test]
    fn clones_share_a_value_of_each_type_and_handles_made_apart_do_not() {
        let memory = MemoryStore::new();
        let [one, other] = [0, 1].map(|_| SharedStore::new(memory.clone()));
        one.beside::<AtomicU64>().store(7, Ordering::SeqCst);
        assert_eq!(one.beside::<AtomicU64>().load(Ordering::SeqCst), 7);
        assert_eq!(one.beside::<Other>().0.load(Ordering::SeqCst), 0);
        assert_eq!(other.beside::<AtomicU64>().load(Ordering::SeqCst), 0);
    }

    #[test]
    fn threads_that_race_for_a_value_get_the_same() {
        let store = SharedStore::new(MemoryStore::new());
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| store.beside::<AtomicU64>().fetch_add(1, Ordering::SeqCst));
            }
        });
        assert_eq!(store.beside::<AtomicU64>().load(Ordering::SeqCst), 8);
    }
}
