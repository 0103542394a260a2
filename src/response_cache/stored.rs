//! A stored response.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};

use super::{digest::Digest, semantics::freshness::Freshness};
use crate::store::{Stamp, Tag};

/// A complete response, as it is stored and served.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) head: StoredHead,
    pub(super) body: Bytes,
}

#[derive(Clone, Debug)]
pub(super) struct StoredHead {
    pub(super) status: StatusCode,
    /// As they are served, without `Age`, `Cache-Status` and what is not stored (RFC 9111, section 3.1).
    pub(super) headers: HeaderMap,
    pub(super) freshness: Freshness,
    pub(super) vary: Varied,
    /// Whether requests with `Authorization` may have it (section 3.5).
    pub(super) is_for_authorized: bool,
    /// Whether the response itself said how long it may be used. Otherwise requests with credentials do not get it.
    pub(super) is_explicit: bool,
    pub(super) tags: Vec<Tag>,
    /// What its filler knew of the purge log.
    pub(super) stamp: Option<Stamp>,
}

/// Which requests a stored response answers: the fields that `Vary` names, and a digest of what the request had there
/// (RFC 9111, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Varied {
    /// Lower case, sorted, each once. Empty: all requests.
    pub(super) names: Vec<HeaderName>,
    pub(super) values: Digest,
}
