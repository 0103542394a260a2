//! What happens, for metrics and logs.

use http::StatusCode;

use super::Reason;
use crate::store::Error;

/// Something that the cache has decided, or that went wrong.
///
/// Names policies, never URLs or users: what a client chooses makes no label of a metric.
///
/// A request that was answered is one of [`Hit`](Self::Hit), [`Collapsed`](Self::Collapsed), [`Validated`](Self::Validated) and
/// [`Miss`](Self::Miss), and so is each refresh in the background, beside the request that was answered meanwhile. After a miss
/// comes a [`Stored`](Self::Stored) or a [`NotStored`](Self::NotStored), when its body has ended; after one of `HEAD`, neither.
/// Requests that [pass by](super::CachePolicy::bypass), other methods, and those that the store could not be asked for are none
/// of these.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request was answered from the cache.
    Hit {
        /// The name of the policy.
        policy: &'a str,
        /// The answer had ended: it is validated meanwhile, or the service has failed.
        stale: bool,
    },
    /// A request was answered together with another one that missed.
    Collapsed {
        /// The name of the policy.
        policy: &'a str,
    },
    /// A request was answered by the service.
    Miss {
        /// The name of the policy.
        policy: &'a str,
    },
    /// A stored response was validated: the service said that it had not changed.
    Validated {
        /// The name of the policy.
        policy: &'a str,
    },
    /// A response was stored.
    Stored {
        /// The name of the policy.
        policy: &'a str,
        /// The size of its body, in bytes.
        bytes: usize,
    },
    /// A response was not stored.
    NotStored {
        /// The name of the policy.
        policy: &'a str,
        /// Its status.
        status: StatusCode,
        /// Why.
        reason: Reason,
    },
    /// A refresh in the background has failed. The next one waits a little.
    RefreshFailed {
        /// The name of the policy.
        policy: &'a str,
    },
    /// The store could not be asked: the request passed by the cache, or nothing was stored or invalidated.
    StoreError {
        /// What went wrong.
        error: &'a Error,
    },
}
