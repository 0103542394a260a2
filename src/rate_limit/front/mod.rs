//! What stands in front of the store: leases and refusals that are still true cost no trip, and while the store cannot be
//! asked, this process counts.
//!
//! Nothing here decides what the store would decide otherwise: see [`Leases`], [`Denials`] and [`Local`] for the bounds of
//! that.

mod debt;
mod denials;
mod lease;
mod local;

pub(super) use self::{
    denials::Denials,
    lease::Leases,
    local::{Counted, Local, Owed},
};
