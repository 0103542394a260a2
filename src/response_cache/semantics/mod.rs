//! RFC 9111 as pure functions of heads and times: no clock, no store, nothing waits.

pub(super) mod date;
pub(super) mod directives;
pub(super) mod freshness;
pub(super) mod rules;
pub(super) mod storable;
pub(super) mod targeted;
