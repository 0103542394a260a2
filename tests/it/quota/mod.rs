//! The arithmetic of limits, through `Quota::step` alone: no store, no clock.

mod bans;
mod bytes;
mod log;
mod model;
mod plans;
mod rules;
mod text;
mod trace;
