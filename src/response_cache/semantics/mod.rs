//! RFC 9111 as pure functions of heads and times: no clock, no store, nothing waits.

pub(super) mod cache_status;
pub(super) mod conditional;
pub(super) mod date;
pub(super) mod directives;
mod etag;
pub(super) mod fields;
pub(super) mod freshness;
#[cfg(test)]
mod heads;
pub(super) mod invalidation;
mod negotiation;
pub(super) mod range;
mod reference;
pub(super) mod rules;
pub(super) mod storable;
pub(super) mod targeted;
pub(super) mod validation;
pub(super) mod vary;
