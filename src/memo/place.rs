//! Where a value is kept, and who is making it.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::{MemoEvent, MemoPolicy, MemoScope};
use crate::{
    flights::Flights,
    jitter,
    store::{Identifier, Key, Kind, Result, Scope, SharedStore, Store as _, Write},
};

/// The calls that are under way over one [`SharedStore`].
pub(crate) type Calls = Flights<[u8; 32], Bytes>;

/// A value as it is stored begins with this.
const FORMAT: u8 = 1;

/// The place of one input's value.
pub(super) struct Place<'a> {
    pub(super) store: &'a SharedStore,
    pub(super) digest: [u8; 32],
    pub(super) key: Key,
}

impl<'a> Place<'a> {
    pub(super) fn new<S: MemoScope>(
        store: &'a SharedStore,
        policy: &MemoPolicy<S>,
        input: &[u8],
    ) -> Self {
        let digest = digest(policy, input);
        let key = Scope::new(Kind::Cache, policy.name).key(Identifier::digest(digest));
        Self { store, digest, key }
    }

    /// Reads what is stored, as [`MemoValue`](super::MemoValue)s are made of. What cannot be read is absent.
    pub(super) async fn read<S>(&self, policy: &MemoPolicy<S>) -> Option<Bytes> {
        let mut stored = match self.store.get(&self.key).await {
            Ok(entry) => entry?.into_value(),
            Err(error) => {
                policy.tell(MemoEvent::StoreError { error: &error });
                return None;
            }
        };
        if stored.first() != Some(&FORMAT) {
            policy.tell(MemoEvent::Unreadable);
            return None;
        }
        Some(stored.split_off(1))
    }

    /// Returns the write that keeps a value, or `None` where the store takes none of that size.
    pub(super) fn put<S>(&self, policy: &MemoPolicy<S>, value: &Bytes) -> Option<Write> {
        let len = value.len().saturating_add(1);
        if len > self.store.limits().max_value {
            policy.tell(MemoEvent::TooLarge { bytes: value.len() });
            return None;
        }
        let mut stored = BytesMut::with_capacity(len);
        stored.put_u8(FORMAT);
        stored.put_slice(value);
        let ttl = shortened(policy.ttl, policy.jitter);
        Some(Write::put(self.key.clone(), stored.freeze(), ttl))
    }

    pub(super) async fn delete(&self) -> Result<()> {
        self.store.delete(&self.key).await
    }
}

/// Hashes everything a value depends on, each part with its length in front, so that no two lists of parts are alike.
fn digest<S: MemoScope>(policy: &MemoPolicy<S>, input: &[u8]) -> [u8; 32] {
    // Nobody's is another subject than any, also than the one of no bytes.
    let subject = policy.scope.subject().map(Identifier::to_text);
    let scope: &[u8] = if subject.is_some() { b"of" } else { b"shared" };
    let mut hash = Sha256::new();
    for part in [
        b"memo",
        policy.name.as_bytes(),
        &policy.version.to_le_bytes(),
        scope,
        subject.as_deref().unwrap_or_default().as_bytes(),
        input,
    ] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn shortened(ttl: Duration, jitter: Duration) -> Duration {
    ttl.saturating_sub(jitter::up_to(jitter))
}
