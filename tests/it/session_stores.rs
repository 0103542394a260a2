//! The session layer over real stores: a Redis, the endpoint of Upstash before it, and memory.

mod deploy;
mod everywhere;
mod faults;
mod interleavings;
mod limits;
mod outages;
mod plays;
mod processes;
mod replica;
mod schedule;
mod site;
mod traps;
mod trips;
mod watched;
