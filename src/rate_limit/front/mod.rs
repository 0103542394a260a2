<<<<<<< HEAD
//! What stands in front of the store: refusals that are still true cost no trip, and while the store cannot be asked,
//! this process counts.
//!
//! Nothing here decides what the store would decide otherwise: see [`Denials`] and [`Local`] for the bounds of that.

mod debt;
mod denials;
mod local;
mod table;

#[allow(unused_imports, reason = "the core of the layer takes them into use")]
pub(crate) use self::{
    denials::Denials,
    local::{Counted, Local, Owed},
};
=======
//! What stands in front of the store, and saves trips.

pub(super) mod lease;
>>>>>>> wt-leases
