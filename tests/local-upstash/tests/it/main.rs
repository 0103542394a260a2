//! The tests of the endpoint, over HTTP, a file for each area.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bill;
mod clock;
mod commands;
mod conditional;
mod events;
mod faults;
mod formats;
mod pipelines;
mod redis_server;
mod scripts;
mod sdk;
mod support;
