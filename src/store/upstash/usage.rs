//! What the store has cost so far.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::store::{Error, ErrorKind, remote::Bill};

/// What an [`UpstashStore`](super::UpstashStore) has done and cost since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct UpstashUsage {
    /// Trips: waits for an answer. Those made at the same time share an HTTP request.
    pub trips: u64,
    /// HTTP requests.
    pub requests: u64,
    /// Commands as they are billed: those inside scripts too, and writes once for every region. A call that fails, or is
    /// dropped on its way, may cost more than is counted.
    pub commands: u64,
    /// Bytes sent, in bodies.
    pub bytes_sent: u64,
    /// Bytes received, in bodies.
    pub bytes_received: u64,
    /// The longest that a trip took, its wait in the queue included.
    pub max_latency: Duration,
    latency: Duration,
    answers: u64,
    errors: [u64; ErrorKind::ALL.len()],
    price_per_100k: f64,
}

impl UpstashUsage {
    /// Returns how many calls failed with this kind of error.
    #[must_use]
    pub fn errors(&self, kind: ErrorKind) -> u64 {
        let mut errors = ErrorKind::ALL.iter().zip(self.errors);
        errors
            .find(|(each, _)| **each == kind)
            .map_or(0, |(_, count)| count)
    }

    /// Returns the mean time that an answered trip took.
    #[must_use]
    pub fn mean_latency(&self) -> Duration {
        let nanos = self.latency.as_nanos() / u128::from(self.answers.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Returns what the commands cost, at the price that the store was told.
    #[must_use]
    pub fn dollars(&self) -> f64 {
        self.commands as f64 / 100_000.0 * self.price_per_100k
    }
}

/// Counts it.
#[derive(Default)]
pub(super) struct Meter {
    read_regions: u8,
    price_per_100k: f64,
    trips: AtomicU64,
    requests: AtomicU64,
    commands: AtomicU64,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    latency_nanos: AtomicU64,
    max_latency_nanos: AtomicU64,
    answers: AtomicU64,
    errors: [AtomicU64; ErrorKind::ALL.len()],
}

impl Meter {
    pub(super) fn new(read_regions: u8, price_per_100k: f64) -> Self {
        Self {
            read_regions,
            price_per_100k,
            ..Self::default()
        }
    }

    pub(super) fn trip(&self) {
        add(&self.trips, 1);
    }

    pub(super) fn answered(&self, after: Duration) {
        let nanos = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        add(&self.answers, 1);
        add(&self.latency_nanos, nanos);
        self.max_latency_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: usize) {
        add(&self.requests, 1);
        add(&self.bytes_sent, bytes as u64);
    }

    pub(super) fn received(&self, bytes: usize) {
        add(&self.bytes_received, bytes as u64);
    }

    /// A write is billed in the primary region and in each read region.
    pub(super) fn bill(&self, bill: Bill) {
        let regions = 1 + u64::from(self.read_regions);
        let writes = bill.writes.saturating_mul(regions);
        add(&self.commands, bill.reads.saturating_add(writes));
    }

    pub(super) fn failed(&self, error: &Error) {
        let place = ErrorKind::ALL.iter().position(|kind| *kind == error.kind());
        if let Some(count) = place.and_then(|place| self.errors.get(place)) {
            add(count, 1);
        }
    }

    pub(super) fn usage(&self) -> UpstashUsage {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        UpstashUsage {
            trips: load(&self.trips),
            requests: load(&self.requests),
            commands: load(&self.commands),
            bytes_sent: load(&self.bytes_sent),
            bytes_received: load(&self.bytes_received),
            max_latency: Duration::from_nanos(load(&self.max_latency_nanos)),
            latency: Duration::from_nanos(load(&self.latency_nanos)),
            answers: load(&self.answers),
            errors: self.errors.each_ref().map(load),
            price_per_100k: self.price_per_100k,
        }
    }
}

fn add(count: &AtomicU64, by: u64) {
    count.fetch_add(by, Ordering::Relaxed);
}
