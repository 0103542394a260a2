//! What a request has really cost, as only its handler knows.

use std::sync::{Arc, Mutex, PoisonError};

use smallvec::SmallVec;

/// What a request has cost, in the extensions of its response: the limits that count in these
/// [units](super::Limit::unit) are charged what is missing, or given back what was too much.
///
/// ```
/// use http::Response;
/// use tower_upstash::rate_limit::Spent;
///
/// # let mut response = Response::new(());
/// // A search that has touched 40 shards, and answers with 1,234 tokens.
/// response.extensions_mut().insert(Spent::of("shards", 40).and("tokens", 1_234));
/// ```
///
/// Settled before the head of the response goes out, in the window in which the request was charged: units of a window
/// that has ended are not given back. A request may overdraw its limits: the next ones are refused until the debt is
/// repaid. A cost that is only known at the end of a stream is [`Spending`]. With axum, a handler returns
/// `(Extension(spent), response)`.
#[derive(Clone, Debug, Default)]
pub struct Spent {
    units: SmallVec<[(&'static str, u32); 2]>,
    // For units that are not named.
    reserved: Option<u32>,
}

impl Spent {
    /// The request counts for `n`, in **every** limit of the layer that counts requests, such as a batch of so many. For a
    /// cost of one limit alone, give it a [unit](super::Limit::unit) of its own.
    #[must_use]
    pub fn requests(n: u32) -> Self {
        Self::of(super::Limit::REQUESTS, n)
    }

    /// The request has cost `n` of a unit, such as `tokens`.
    #[must_use]
    pub fn of(unit: &'static str, n: u32) -> Self {
        Self::default().and(unit, n)
    }

    /// The request has cost nothing of what was [reserved](super::Limit::reserve) for it, in any unit, such as an answer
    /// out of a cache. It is still one request.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            reserved: Some(0),
            ..Self::default()
        }
    }

    /// And `n` of another unit. The same unit again replaces its number.
    #[must_use]
    pub fn and(mut self, unit: &'static str, n: u32) -> Self {
        self.units.retain(|(known, _)| *known != unit);
        self.units.push((unit, n));
        self
    }

    /// Returns what was spent of a unit, if it is known.
    pub(super) fn spent(&self, unit: &str, reserved: bool) -> Option<u32> {
        let named = self.units.iter().find(|(known, _)| *known == unit);
        let rest = self.reserved.filter(|_| reserved);
        named.map(|(_, n)| *n).or(rest)
    }
}

/// A mark in the extensions of a request: an outer layer has reserved units for it, and wants to know if they were
/// [not needed](Spent::nothing).
#[derive(Clone, Copy)]
pub(crate) struct Reserving;

/// What a streamed response costs while it runs: a handler puts a clone into the extensions of the response, and tells
/// the other as its stream goes on. Settled when the body ends, or is dropped because the client has gone.
///
/// ```
/// use http::Response;
/// use tower_upstash::rate_limit::{Spending, Spent};
///
/// let spending = Spending::new();
/// # let mut response = Response::new(());
/// response.extensions_mut().insert(spending.clone());
/// // … in the stream, as soon as the model reports its usage:
/// spending.set(Spent::of("tokens", 1_234));
/// ```
///
/// Until it is told anything, the cost is unknown, and what was reserved stays charged.
#[derive(Clone, Debug, Default)]
pub struct Spending(Arc<Mutex<Option<Spent>>>);

impl Spending {
    /// Nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what has been spent so far; the last one counts.
    pub fn set(&self, spent: Spent) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(spent);
    }

    /// Returns what was spent, if it is known.
    pub(super) fn spent(&self) -> Option<Spent> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
