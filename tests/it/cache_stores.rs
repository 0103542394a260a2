//! The response cache over real stores, in several processes, on real connections, and in every kind of outage.

mod at_rest;
mod bare;
mod bodies;
mod http;
mod memory;
mod outages;
mod partial;
mod processes;
mod purged;
mod shared;
mod site;
mod trips;
