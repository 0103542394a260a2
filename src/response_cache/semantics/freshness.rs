//! Freshness and age: RFC 9111, section 4.2.

use std::time::Duration;

use crate::time::Timestamp;

/// What is known of a response's age and lifetime when it is received. Stored with it, and made anew when it is freshened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::response_cache) struct Freshness {
    /// When the head of the response was received.
    pub(in crate::response_cache) received: Timestamp,
    /// `corrected_initial_age` (section 4.2.3).
    pub(in crate::response_cache) initial_age: Duration,
    /// `freshness_lifetime` (section 4.2.1). Zero: it has to be validated before each use (`no-cache`, for one).
    pub(in crate::response_cache) lifetime: Duration,
    pub(in crate::response_cache) stale: Stale,
    /// Reloads by trusted callers do not validate it while it is fresh (RFC 8246).
    pub(in crate::response_cache) immutable: bool,
}

/// For how long after its lifetime a response may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::response_cache) struct Stale {
    /// Never, by nobody: `must-revalidate`, `proxy-revalidate`, `s-maxage` or `no-cache` (section 4.2.4). The others are
    /// zero then.
    pub(in crate::response_cache) forbidden: bool,
    pub(in crate::response_cache) while_revalidate: Duration,
    pub(in crate::response_cache) if_error: Duration,
    pub(in crate::response_cache) on_disconnect: Duration,
}
