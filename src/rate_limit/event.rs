//! What happens, for metrics and logs.

use super::Missing;
use crate::store::{Decision, Error};

/// Something that a limit has decided, or that went wrong.
///
/// Names limits, never whose they are: what identifies a client makes no label of a metric.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The limit has let the request pass, and so has every other limit of the layer.
    Allowed {
        /// The name of the limit.
        limit: &'a str,
        /// What it decided.
        decision: &'a Decision,
    },
    /// As `Allowed`, which comes before it: four fifths of the quota or more are used up.
    NearLimit {
        /// The name of the limit.
        limit: &'a str,
        /// What it decided.
        decision: &'a Decision,
    },
    /// The limit has refused the request. Limits that would have let it pass tell nothing.
    Refused {
        /// The name of the limit.
        limit: &'a str,
        /// What it decided.
        decision: &'a Decision,
    },
    /// A [shadow](super::Limit::shadow) limit would have refused the request.
    WouldRefuse {
        /// The name of the limit.
        limit: &'a str,
        /// What it decided.
        decision: &'a Decision,
    },
    /// The request has no identifier for the limit.
    Missing {
        /// The name of the limit.
        limit: &'a str,
        /// What becomes of the request.
        then: Missing,
    },
    /// The limit has refused the request because the store could not be asked. `StoreError` comes before it.
    Unavailable {
        /// The name of the limit.
        limit: &'a str,
    },
    /// The store could not be asked: the [`OnStoreError`](super::OnStoreError) of each limit takes effect.
    StoreError {
        /// What went wrong.
        error: &'a Error,
    },
}
