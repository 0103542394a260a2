//! What the limits of a layer decided, for whoever sees the response.

use std::sync::Arc;

use crate::store::Decision;

/// The decisions on one request, in the order of the limits: in the extensions of the response, where
/// [`RateLimitLayer::report`](super::RateLimitLayer::report) asks for it.
///
/// A limit that did not apply to the request is left out. Outer layers with limits of their own replace it.
#[derive(Clone, Debug)]
pub struct Report(Arc<[(&'static str, Decision)]>);

impl Report {
    pub(super) fn new(decisions: impl Iterator<Item = (&'static str, Decision)>) -> Self {
        Self(decisions.collect())
    }

    /// Returns the name of each limit and its decision.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Decision)> {
        self.0.iter().map(|(name, decision)| (*name, decision))
    }
}
