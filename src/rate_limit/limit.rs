//! A named limit: a `const` value.

use super::By;
use crate::quota::Quota;

/// A limit with a name: who may do how much.
///
/// The name is part of every key, so limits of different names never share a counter. In two layers over one store, one
/// name is one counter: give it the same quota in both, since two quotas that take turns on one counter undo each other.
/// The name is not secret.
///
/// ```
/// use tower_upstash::{quota::Quota, rate_limit::{By, Limit}};
///
/// const API: Limit = Limit::new("api", Quota::per_minute(60)).by(By::header("x-api-key"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub(super) name: &'static str,
    pub(super) quota: Quota,
    pub(super) by: By,
    pub(super) missing: Missing,
    pub(super) on_store_error: OnStoreError,
}

/// What happens to a request that has no identifier: no peer address, no such header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// All such requests share one limit. Safe by default: nobody gets out of a limit by leaving something out.
    #[default]
    Shared,
    /// The request is refused, with 400.
    Refuse,
    /// The limit does not apply to the request.
    ///
    /// # Security
    /// Whoever can leave the identifier out is not limited by this limit.
    Exempt,
}

/// What a limit does when the store cannot be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnStoreError {
    /// Counts in this process, from zero, in a [`MemoryStore`](crate::store::MemoryStore) of the layer's own: with n
    /// processes up to n times the limit is allowed meanwhile.
    #[default]
    CountLocally,
    /// Lets the request pass.
    Allow,
    /// Refuses the request, with 503. One limit that refuses is enough.
    Refuse,
}

impl Limit {
    /// Names a quota, by default for each [`By::PEER_IP`].
    ///
    /// # Panics
    /// If the name is empty. In a `const` it does not compile.
    #[must_use]
    pub const fn new(name: &'static str, quota: Quota) -> Self {
        assert!(
            !name.is_empty(),
            "a limit needs a name: it is part of its keys"
        );
        Self {
            name,
            quota,
            by: By::PEER_IP,
            missing: Missing::Shared,
            on_store_error: OnStoreError::CountLocally,
        }
    }

    /// Sets whose limit it is. Default: [`By::PEER_IP`].
    #[must_use]
    pub const fn by(mut self, by: By) -> Self {
        self.by = by;
        self
    }

    /// Sets what happens to a request that has no identifier. Default: [`Missing::Shared`].
    #[must_use]
    pub const fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Sets what happens when the store cannot be asked. Default: [`OnStoreError::CountLocally`].
    #[must_use]
    pub const fn on_store_error(mut self, on_store_error: OnStoreError) -> Self {
        self.on_store_error = on_store_error;
        self
    }

    /// Returns the name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the quota.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }
}
