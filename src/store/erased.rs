//! The private twin of the contract, with boxed futures: what [`SharedStore`](super::SharedStore) points to.

use std::{future::Future, pin::Pin, time::Duration};

use super::{
    Batch, Claim, Cursor, Decisions, Entries, Key, Limits, Members, Position, Purge, Purges,
    Result, Scope, Store, Written, registry::Registry, slots::Slots,
};

pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// The contract with boxed futures.
pub(super) trait DynStore: Send + Sync {
    fn registry(&self) -> &Registry;
    fn slots(&self) -> &Slots;
    fn erased_read<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Entries>;
    fn erased_write<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Written>;
    fn erased_increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Duration) -> BoxFuture<'a, i64>;
    fn erased_acquire<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Decisions>;
    fn erased_members<'a>(&'a self, index: &'a Key, cursor: Cursor) -> BoxFuture<'a, Members>;
    fn erased_purge<'a>(&'a self, log: &'a Scope, what: Purge<'a>) -> BoxFuture<'a, Position>;
    fn erased_purges<'a>(
        &'a self,
        log: &'a Scope,
        since: Option<Position>,
    ) -> BoxFuture<'a, Purges>;
    fn erased_limits(&self) -> Limits;
    fn erased_ping(&self) -> BoxFuture<'_, ()>;
    fn erased_try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>>;
    fn erased_try_write(&self, batch: &Batch) -> Option<Result<Written>>;
    fn erased_try_acquire(&self, claims: &[Claim], decisions: &mut Decisions)
    -> Option<Result<()>>;
    fn erased_try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>>;
}

/// A store and what its handles know.
pub(super) struct Shared<S> {
    store: S,
    registry: Registry,
    slots: Slots,
}

impl<S> Shared<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            registry: Registry::default(),
            slots: Slots::default(),
        }
    }
}

impl<S: Store> DynStore for Shared<S> {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn slots(&self) -> &Slots {
        &self.slots
    }

    fn erased_read<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Entries> {
        Box::pin(Store::read(&self.store, keys))
    }

    fn erased_write<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Written> {
        Box::pin(Store::write(&self.store, batch))
    }

    fn erased_increment<'a>(&'a self, key: &'a Key, by: i64, ttl: Duration) -> BoxFuture<'a, i64> {
        Box::pin(Store::increment(&self.store, key, by, ttl))
    }

    fn erased_acquire<'a>(&'a self, claims: &'a [Claim]) -> BoxFuture<'a, Decisions> {
        Box::pin(Store::acquire(&self.store, claims))
    }

    fn erased_members<'a>(&'a self, index: &'a Key, cursor: Cursor) -> BoxFuture<'a, Members> {
        Box::pin(Store::members(&self.store, index, cursor))
    }

    fn erased_purge<'a>(&'a self, log: &'a Scope, what: Purge<'a>) -> BoxFuture<'a, Position> {
        Box::pin(Store::purge(&self.store, log, what))
    }

    fn erased_purges<'a>(
        &'a self,
        log: &'a Scope,
        since: Option<Position>,
    ) -> BoxFuture<'a, Purges> {
        Box::pin(Store::purges(&self.store, log, since))
    }

    fn erased_limits(&self) -> Limits {
        Store::limits(&self.store)
    }

    fn erased_ping(&self) -> BoxFuture<'_, ()> {
        Box::pin(Store::ping(&self.store))
    }

    fn erased_try_read(&self, keys: &[Key], entries: &mut Entries) -> Option<Result<()>> {
        Store::try_read(&self.store, keys, entries)
    }

    fn erased_try_write(&self, batch: &Batch) -> Option<Result<Written>> {
        Store::try_write(&self.store, batch)
    }

    fn erased_try_acquire(
        &self,
        claims: &[Claim],
        decisions: &mut Decisions,
    ) -> Option<Result<()>> {
        Store::try_acquire(&self.store, claims, decisions)
    }

    fn erased_try_purges(&self, log: &Scope, since: Option<Position>) -> Option<Result<Purges>> {
        Store::try_purges(&self.store, log, since)
    }
}
