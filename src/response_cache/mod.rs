//! Response caching: a shared HTTP cache (RFC 9111) inside a Tower server.

mod caching;
mod digest;
mod personal;
mod purges;
mod semantics;
mod stored;
mod tags;

pub use self::{caching::Caching, personal::Personal, semantics::rules::SetCookie};
