//! What stands in front of the store, and saves trips.

pub(super) mod lease;
